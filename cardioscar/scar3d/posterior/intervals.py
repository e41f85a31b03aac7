"""Intervals and standard deviations from draws of whole scar maps, taken in one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import sampling_weights
from cardioscar.scar3d.observation.files import HiddenPlaces
from cardioscar.types import NodeValues, Segments

LEVEL = 0.9
"""Share of draws inside an interval."""


@dataclass(frozen=True)
class HiddenSlices:
    """Slices that a fit did not see, as sums over the nodes.

    Attributes:
        numbers: Their numbers, rising.
        wall_ml: Volume of the wall in the slab of each, shape (slices,).
        sums: Scar volume in ml of the slab of each, from scar at the nodes, shape (slices, nodes).
    """

    numbers: tuple[int, ...]
    wall_ml: np.ndarray
    sums: sparse.csr_array

    @staticmethod
    def of(mesh: LVMesh, places: HiddenPlaces | None) -> HiddenSlices | None:
        """The slices of hidden pixels; None without any."""
        if places is None or len(places.pixel_mm) == 0:
            return None
        numbers, row = np.unique(places.slice_number, return_inverse=True)
        pixels = np.arange(len(row))
        collect = sparse.csr_array((places.pixel_ml.astype(np.float64), (row, pixels)), shape=(len(numbers), len(row)))
        sums = sparse.csr_array(collect @ sampling_weights(mesh, places.pixel_mm.astype(np.float64)))
        return HiddenSlices(tuple(int(n) for n in numbers), np.asarray(collect.sum(axis=1)).ravel(), sums)

    def scar_ml(self, scar: NodeValues) -> np.ndarray:
        """Scar in the slab of each slice in ml, shape (slices,)."""
        return np.asarray(self.sums @ scar)


class DrawSummary:
    """Sums over draws; memory does not grow with their number, but for one row of volumes a draw.

    Args:
        probability: Scar probability of the map that the draws belong to, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,).
        segment: AHA segment of each node, 0 for none, shape (nodes,); None without segments.
        threshold: Probability from which a node is scar.
        hidden: Slices that the fit did not see, whose scar is to be predicted; None without such.
    """

    def __init__(
        self,
        probability: NodeValues,
        node_volumes_ml: NodeValues,
        segment: Segments | None,
        *,
        threshold: float,
        hidden: HiddenSlices | None = None,
    ) -> None:
        self._hidden = hidden
        self._hidden_drawn: list[np.ndarray] = []
        self._ml = node_volumes_ml
        self._segment = np.zeros(len(node_volumes_ml), np.int64) if segment is None else np.asarray(segment, np.int64)
        self._wall = np.bincount(self._segment, weights=self._ml)
        scar = np.asarray(probability >= threshold, dtype=np.float64)
        self._map = self._volumes(scar)
        self._hidden_map = hidden.scar_ml(scar) if hidden else None
        self._drawn: list[np.ndarray] = []
        self._sum = np.zeros(len(node_volumes_ml), dtype=np.float32)
        self._squares = np.zeros(len(node_volumes_ml), dtype=np.float32)

    def see(self, scar: NodeValues) -> None:
        """Take in one draw of scar values, 0 to 1, shape (nodes,)."""
        self._sum += scar
        self._squares += np.square(scar)
        self._drawn.append(self._volumes(scar))
        if self._hidden:
            self._hidden_drawn.append(self._hidden.scar_ml(scar))

    @property
    def node_sd(self) -> NodeValues:
        """Standard deviation over the draws at each node, 0 to 0.5, shape (nodes,), float32."""
        n = max(len(self._drawn), 1)
        return np.sqrt(np.clip(self._squares / n - np.square(self._sum / n), 0, 0.25)).astype(np.float32)

    def intervals(self) -> dict[str, Any]:
        """Central intervals of scar volume, scar fraction of the wall and of each AHA segment, ready for JSON.

        The quantiles of the draws; where the map's own value or the mean of the draws lies outside, as it does where
        few draws have scar and these have much, the interval is extended to it. What is likely, uncertain or possible
        are steps of the map's probability, not of a draw, and have none.

        Returns:
            `level`, `samples`, `scar_ml`, `scar_fraction` and `aha`, each interval with `mean`, `sd`, `lower`, `upper`;
            0 ≤ lower ≤ mean ≤ upper ≤ the wall's volume, or 1 for fractions. With hidden slices `hidden_slices`, by
            number, and `hidden_ml`, of all of them together.
        """
        drawn = np.array(self._drawn)
        wall = float(self._wall.sum())
        whole = _interval(drawn.sum(axis=1), float(self._map.sum()), wall)
        return {
            **self._of_hidden_slices(),
            "level": LEVEL,
            "samples": len(drawn),
            "scar_ml": whole,
            "scar_fraction": {name: min(value / wall, 1.0) if wall > 0 else 0.0 for name, value in whole.items()},
            "aha": {
                str(n): {"scar_fraction": _interval(drawn[:, n] / self._wall[n], self._map[n] / self._wall[n], 1.0)}
                for n in range(1, len(self._wall))
                if self._wall[n] > 0
            },
        }

    def _of_hidden_slices(self) -> dict[str, Any]:
        if self._hidden is None or self._hidden_map is None:
            return {}
        drawn, of_map, wall = np.array(self._hidden_drawn), self._hidden_map, self._hidden.wall_ml
        return {
            "hidden_slices": {
                str(number): {"scar_ml": _interval(drawn[:, k], float(of_map[k]), float(wall[k]))}
                for k, number in enumerate(self._hidden.numbers)
            },
            "hidden_ml": _interval(drawn.sum(axis=1), float(of_map.sum()), float(wall.sum())),
        }

    def _volumes(self, scar: NodeValues) -> np.ndarray:
        return np.bincount(self._segment, weights=scar * self._ml, minlength=len(self._wall))


def _interval(values: np.ndarray, of_map: float, whole: float) -> dict[str, float]:
    values, of_map = np.clip(values, 0, whole), min(of_map, whole)  # sums of parts round apart from that of the whole
    lower, upper = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = min(float(values.mean()), whole)
    return {
        "mean": mean,
        "sd": float(values.std()),
        "lower": float(min(lower, of_map, mean)),
        "upper": float(max(upper, of_map, mean)),
    }
