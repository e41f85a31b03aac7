"""How alike onsets are at two places of the wall, and how alike the errors of one slice's sectors are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.errors import ConfigError

_TREND_MS = 60.0
"""Standard deviation of the mean onset, and of its slopes from septum to lateral and from inferior to anterior wall.
There is none along the ventricle: the outermost slices would go on rising beyond where anything was measured."""


@dataclass(frozen=True)
class MapConfig:
    """What is taken for known of activation, before any slice is seen."""

    size_ms: float = 25.0
    """Standard deviation of the onset about its trend."""
    around_mm: float = 25.0
    """Distance around the wall over which onsets are alike."""
    along_mm: float = 25.0
    """The same from apex to base."""
    fit: bool = True
    """Whether the three follow the slices where these say more than the values above, which are then a prior."""
    error_deg: float = 25.0
    """Angle over which the errors of a slice's sectors are alike: a slice of 126 sectors is no 126 measurements."""
    slice_ms: float = 4.0
    """Standard deviation of an error that all sectors of a slice have in common, as the trigger's is."""
    length_mm: float = 85.0
    """Length of the ventricle, where the mesh does not tell it."""
    radius_mm: float = 30.0
    """Radius of the middle of the wall at its widest, where the mesh does not tell it."""

    def __post_init__(self) -> None:
        for name in ("size_ms", "around_mm", "along_mm", "error_deg", "length_mm", "radius_mm"):
            if not 0 < getattr(self, name) < 1e4:
                raise ConfigError(name, "a size above 0", f"{getattr(self, name):g}")
        if not 0 <= self.slice_ms < 1e4:
            raise ConfigError("slice_ms", "0 ms and more", f"{self.slice_ms:g}")


@dataclass(frozen=True, eq=False)
class Places:
    """Places of the wall on an ellipsoid that stands for it, so that it is closed around, and at the apex.

    Attributes:
        across_mm: Towards septum and inferior wall, shape (places, 2).
        up_mm: From the apex towards the base, shape (places,).
    """

    across_mm: Float[np.ndarray, "places 2"]
    up_mm: Float[np.ndarray, " places"]


def places_at(height: Float[np.ndarray, " places"], angle: Float[np.ndarray, " places"], config: MapConfig) -> Places:
    """Places by height (0 apex to 1 base) and angle (in the order of sectors, radians)."""
    height = np.clip(np.asarray(height, dtype=np.float64), 0, 1)
    radius_mm = config.radius_mm * np.sqrt(1 - (1 - height) ** 2)
    across = radius_mm[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return Places(across, config.length_mm * height)


def covariance(
    one: Places, other: Places, config: MapConfig, size_ms: float, around_mm: float, along_mm: float
) -> Float[np.ndarray, "one other"]:
    r"""Covariance of onsets: a linear trend, and $\sigma^2 (1 + \sqrt 3 d) e^{-\sqrt 3 d}$ of the scaled chord $d$.

    The chord between places of a surface in space gives a covariance on any closed surface [@rasmussen2006].

    Args:
        one: Places of the rows.
        other: Places of the columns.
        config: Size of the ventricle.
        size_ms: Standard deviation about the trend.
        around_mm: Length scale around.
        along_mm: Length scale along.

    Returns:
        ms².
    """
    square = ((one.up_mm[:, None] - other.up_mm[None]) / along_mm) ** 2
    for axis in (0, 1):
        square += ((one.across_mm[:, None, axis] - other.across_mm[None, :, axis]) / around_mm) ** 2
    scaled = np.sqrt(3 * square)
    trend = 1 + one.across_mm @ other.across_mm.T / config.radius_mm**2
    return _TREND_MS**2 * trend + size_ms**2 * (1 + scaled) * np.exp(-scaled)


def error_covariance(
    number: np.ndarray, angle: Float[np.ndarray, " places"], sd_ms: Float[np.ndarray, " places"], config: MapConfig
) -> Float[np.ndarray, "places places"]:
    """Covariance of the errors of sectors: alike near each other within a slice, none between slices.

    Args:
        number: Slice of each sector.
        angle: Of each sector, radians.
        sd_ms: Standard deviation of each.
        config: How alike they are.

    Returns:
        ms².
    """
    same = number[:, None] == number[None]
    width = np.radians(config.error_deg)
    # chord of the circle by its length, which is the angle where both are near
    chord = 2 * np.sin((angle[:, None] - angle[None]) / 2)
    alike = np.exp(-0.5 * (chord / width) ** 2)
    found = same * (np.outer(sd_ms, sd_ms) * alike + config.slice_ms**2)
    found[np.diag_indices(len(found))] += 0.25  # half a millisecond of its own: squared exponentials are near singular
    return found
