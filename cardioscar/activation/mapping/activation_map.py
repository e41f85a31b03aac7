"""Onset over the ventricle: a Gaussian process on the closed wall, given the sectors of all slices [@rasmussen2006]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import linalg, optimize

from cardioscar.activation.mapping.kernel import MapConfig, covariance, error_covariance, places_at
from cardioscar.activation.mapping.measured import Measured, measured
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.wall_grid import WallGrid
from cardioscar.types import NodeValues

GRID = WallGrid(heights=25, sectors=60)
"""Where the process is worked out: every 6° and 4 % of the length, less than a sixth of what it varies over."""
_PRIOR = np.array([0.5, 0.4, 0.4])
"""Standard deviations of the logarithms of size and lengths: half to twice the values of the config."""
_STEADY_MS2 = 1e-3


@dataclass(frozen=True, eq=False)
class ActivationMap:
    """Onset over the wall.

    Attributes:
        mean_ms: Expected onset on `GRID`, shape (places,).
        covariance_ms2: Its covariance, shape (places, places).
        heights: Of the slices that it was made of.
        size_ms: Standard deviation about the trend that was used.
        around_mm: Length scale around the wall that was used.
        along_mm: Length scale from apex to base that was used.
        length_mm: Length of the ventricle.
    """

    mean_ms: Float[np.ndarray, " places"]
    covariance_ms2: Float[np.ndarray, "places places"]
    heights: Float[np.ndarray, " slices"]
    size_ms: float
    around_mm: float
    along_mm: float
    length_mm: float

    def tos_ms(self, apicobasal: NodeValues, rotational: NodeValues) -> NodeValues:
        """Expected onset at nodes.

        Args:
            apicobasal: 0 at the apex to 1 at the base, shape (nodes,), as `lv_coordinates` gives it.
            rotational: Angle about the long axis, 0 at the septum, positive towards anterior, radians.
        """
        return np.asarray(_to_nodes(apicobasal, rotational) @ self.mean_ms)

    def sd_ms(self, apicobasal: NodeValues, rotational: NodeValues) -> NodeValues:
        """Standard deviation of the onset at nodes; it grows with the distance from the slices."""
        return np.asarray(_to_nodes(apicobasal, rotational) @ np.sqrt(np.diag(self.covariance_ms2)))

    def draws_ms(
        self, apicobasal: NodeValues, rotational: NodeValues, *, draws: int = 100, seed: int = 0
    ) -> Float[np.ndarray, "draws nodes"]:
        """Whole maps that the slices allow, not before the R wave; float32, as there may be many nodes.

        Args:
            apicobasal: As for `tos_ms`.
            rotational: As for `tos_ms`.
            draws: How many.
            seed: Equal seeds give equal draws.
        """
        steady = self.covariance_ms2 + _STEADY_MS2 * np.eye(len(self.mean_ms))
        normal = np.random.default_rng(seed).normal(size=(len(self.mean_ms), draws))
        grid = self.mean_ms[:, None] + np.linalg.cholesky(steady) @ normal
        return np.maximum(_to_nodes(apicobasal, rotational) @ grid, 0).T.astype(np.float32)

    def distance_mm(self, apicobasal: NodeValues) -> NodeValues:
        """Distance of nodes along the ventricle to the nearest slice."""
        apart = np.abs(np.asarray(apicobasal)[:, None] - self.heights[None])
        return np.asarray(apart.min(axis=1) * self.length_mm)

    def point_data(self, apicobasal: NodeValues, rotational: NodeValues) -> dict[str, NodeValues]:
        """What a mesh is to hold: `tos_ms`, `tos_sd_ms` and `slice_distance_mm`."""
        return {
            "tos_ms": self.tos_ms(apicobasal, rotational).astype(np.float32),
            "tos_sd_ms": self.sd_ms(apicobasal, rotational).astype(np.float32),
            "slice_distance_mm": self.distance_mm(apicobasal).astype(np.float32),
        }


def activation_map(
    slices: Sequence[SectorOnsets], heights: Sequence[float], config: MapConfig | None = None
) -> ActivationMap:
    """Interpolate onsets over the ventricle.

    Args:
        slices: Onsets with intervals that hold 90 % of the truths.
        heights: Of each slice, 0 apex to 1 base.
        config: What is known beforehand.

    Raises:
        InputError: If slices or heights are of another form, see `measured`.
    """
    config = config or MapConfig()
    given = measured(slices, heights)
    scales = _scales(given, config)
    seen = places_at(given.height, given.angle, config)
    everywhere = places_at(GRID.height, GRID.angle, config)
    inner = covariance(seen, seen, config, *scales)
    across = covariance(everywhere, seen, config, *scales)
    middle_ms = float(given.tos_ms.mean())
    factor = linalg.cho_factor(inner + _errors(given, config), lower=True)
    mean_ms = middle_ms + across @ linalg.cho_solve(factor, given.tos_ms - middle_ms)
    explained = linalg.solve_triangular(factor[0], across.T, lower=True)
    left = covariance(everywhere, everywhere, config, *scales) - explained.T @ explained
    return ActivationMap(mean_ms, left, given.heights, *scales, config.length_mm)


def _scales(given: Measured, config: MapConfig) -> tuple[float, float, float]:
    """Size and lengths of greatest posterior density, logarithms normal about those of the config."""
    start = np.log([config.size_ms, config.around_mm, config.along_mm])
    if not config.fit:
        return config.size_ms, config.around_mm, config.along_mm
    seen, errors = places_at(given.height, given.angle, config), _errors(given, config)
    values = given.tos_ms - given.tos_ms.mean()

    def unlikely(logs: np.ndarray) -> float:
        size_ms, around_mm, along_mm = np.exp(logs)
        factor = np.linalg.cholesky(covariance(seen, seen, config, size_ms, around_mm, along_mm) + errors)
        white = linalg.solve_triangular(factor, values, lower=True)
        prior = (((logs - start) / _PRIOR) ** 2).sum()
        return float(0.5 * white @ white + np.log(np.diag(factor)).sum() + 0.5 * prior)

    bounds = [(one - 3 * sd, one + 3 * sd) for one, sd in zip(start, _PRIOR, strict=True)]
    found = optimize.minimize(unlikely, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 30})
    size_ms, around_mm, along_mm = (float(one) for one in np.exp(found.x))
    return size_ms, around_mm, along_mm


def _errors(given: Measured, config: MapConfig) -> np.ndarray:
    return error_covariance(given.number, given.angle, given.sd_ms, config)


def _to_nodes(apicobasal: NodeValues, rotational: NodeValues) -> np.ndarray:
    # sectors are counted the other way round than the rotational coordinate
    return GRID.weights(apicobasal, -np.asarray(rotational))
