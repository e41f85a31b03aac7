"""Intervals and standard deviations from draws of whole scar maps, taken in one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from cardioscar.types import NodeValues, Segments

LEVEL = 0.9
"""Share of draws inside an interval."""


class DrawSummary:
    """Sums over draws; memory does not grow with their number, but for one row of volumes a draw.

    Args:
        probability: Scar probability of the map that the draws belong to, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,).
        segment: AHA segment of each node, 0 for none, shape (nodes,); None without segments.
        threshold: Probability from which a node is scar.
    """

    def __init__(
        self,
        probability: NodeValues,
        node_volumes_ml: NodeValues,
        segment: Segments | None,
        *,
        threshold: float,
    ) -> None:
        self._ml = node_volumes_ml
        self._segment = np.zeros(len(node_volumes_ml), np.int64) if segment is None else np.asarray(segment, np.int64)
        self._wall = np.bincount(self._segment, weights=self._ml)
        self._map = self._volumes(np.asarray(probability >= threshold, dtype=np.float64))
        self._drawn: list[np.ndarray] = []
        self._sum = np.zeros(len(node_volumes_ml), dtype=np.float32)
        self._squares = np.zeros(len(node_volumes_ml), dtype=np.float32)

    def see(self, scar: NodeValues) -> None:
        """Take in one draw of scar values, 0 to 1, shape (nodes,)."""
        self._sum += scar
        self._squares += np.square(scar)
        self._drawn.append(self._volumes(scar))

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
            0 ≤ lower ≤ mean ≤ upper ≤ the wall's volume, or 1 for fractions.
        """
        drawn = np.array(self._drawn)
        wall = float(self._wall.sum())
        whole = _interval(drawn.sum(axis=1), float(self._map.sum()), wall)
        return {
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
