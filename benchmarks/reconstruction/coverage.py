"""Whether a method's draws cover the truth as often as they say: cubes, volume, AHA segments, nodes, hidden slices.

Truth and n draws are n + 1 values, and where draws are calibrated, the truth is as likely to be any one of them. So its
rank among them, not an interval with open or closed ends, says how often a central interval of a level holds it: scar
fractions are 0 or 1 in most cubes, and an interval that ends at 0 holds a truth of 0 too often. Ties share their ranks.
What truth and all draws agree is empty or full, as most of a heart is, does not count: any method covers it. This
choice treats truth and draws alike, so it does not bend the ranks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.reconstruction.case import Case
from cardioscar.metrics.cubes import WallCubes

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Nominal levels of central intervals."""
RESOLUTION = 0.01
"""Scar fractions are rounded to this: less is no difference, for a cube of 5 mm holds some thirty nodes at best."""
RESOLUTION_ML = 0.001
"""Scar volumes are rounded to this."""
LEAST_SD = 0.01
"""Standard deviations of scar fractions below this count as this in z scores."""


class Coverage:
    """Takes draws one by one and keeps only what the ranks need.

    Args:
        case: A phantom.
    """

    def __init__(self, case: Case) -> None:
        assert case.truth is not None
        self._case, self._truth = case, case.truth
        self._cubes = WallCubes(case.nodes_mm, case.node_ml)
        self._of_cubes: list[np.ndarray] = []
        self._of_segments: list[np.ndarray] = []
        self._volumes: list[float] = []
        self._votes = np.zeros(len(case.truth), dtype=np.int32)

    def add(self, draw: np.ndarray) -> None:
        """Take note of one draw, shape (nodes,)."""
        self._of_cubes.append(self._cubes.fractions(draw).astype(np.float32))
        self._of_segments.append(self._by_segment(draw))
        self._volumes.append(float(draw @ self._case.node_ml))
        self._votes += draw >= 0.5

    def scores(self) -> dict[str, Any]:
        """For each quantity its `count`, the `hits` at each level of `LEVELS`, and what tables need besides."""
        truth = self._truth.astype(np.float64)
        n, ml = len(self._volumes), float(self._case.node_ml[self._truth].sum())
        volumes = np.array(self._volumes)
        rank = _ranks(np.round(volumes / RESOLUTION_ML)[:, None], np.round([ml / RESOLUTION_ML]))
        return {
            "levels": list(LEVELS),
            "draws": n,
            "cubes": _fractions(np.array(self._of_cubes), self._cubes.fractions(truth)),
            "segments": _fractions(np.array(self._of_segments), self._by_segment(truth)),
            "volume": {"hits": hits(*rank), "count": 1},
            "volume_ml": {"truth": ml, "mean": float(volumes.mean()), "sd": float(volumes.std())},
            "nodes": self._nodes(n),
        }

    def _nodes(self, n: int) -> dict[str, Any]:
        """Nodes on whose class, scar or not, truth and draws do not all agree."""
        agree = np.where(self._truth, self._votes, n - self._votes)
        doubtful = agree < n
        same, scar = agree[doubtful], self._truth[doubtful]
        return {"hits": hits(np.where(scar, n - same, 0), same, n), "count": int(doubtful.sum())}

    def _by_segment(self, scar: np.ndarray) -> np.ndarray:
        wall = np.bincount(self._case.segment, weights=self._case.node_ml, minlength=18)[1:]
        part = np.bincount(self._case.segment, weights=self._case.node_ml * scar, minlength=18)[1:]
        return np.asarray(part[wall > 0] / wall[wall > 0])


class HiddenAreas:
    """The same for the scar areas of hidden slices, of which the pixels are the truth.

    Args:
        case: A case with hidden slices.
    """

    def __init__(self, case: Case) -> None:
        assert case.hidden is not None
        self._hidden = case.hidden
        self._areas: list[np.ndarray] = []

    def add(self, draw: np.ndarray) -> None:
        """Take note of one draw, shape (nodes,)."""
        self._areas.append(self._by_slice(np.clip(self._hidden.weights @ draw, 0, 1)))

    def scores(self) -> dict[str, Any]:
        """`areas`: as `Coverage` has cubes, of scar as a share of each hidden slice's wall."""
        found = _fractions(np.array(self._areas), self._by_slice(self._hidden.fraction))
        return {"levels": list(LEVELS), "draws": len(self._areas), "areas": found}

    def _by_slice(self, scar: np.ndarray) -> np.ndarray:
        _, place = np.unique(self._hidden.slice_number, return_inverse=True)
        return np.asarray(np.bincount(place, weights=scar) / np.bincount(place))


def coverage_of(case: Case, draws: Iterable[np.ndarray]) -> dict[str, Any]:
    """Scores of a whole stream of draws."""
    coverage = Coverage(case)
    for draw in draws:
        coverage.add(draw)
    return coverage.scores()


def hits(below: np.ndarray, equal: np.ndarray, n: int) -> list[float]:
    """Expected number of truths inside the central interval of each level, ties sharing their ranks.

    Args:
        below: Draws less than the truth, shape (quantities,).
        equal: Draws equal to it.
        n: Draws.

    Returns:
        One number for each of `LEVELS`.

    >>> [round(x, 2) for x in hits(np.array([0, 32]), np.array([64, 0]), 64)]
    [1.5, 1.6, 1.7, 1.8, 1.9, 1.95]
    """
    first, last = below / (n + 1), (below + equal + 1) / (n + 1)
    shares = []
    for level in LEVELS:
        inside = np.minimum(last, (1 + level) / 2) - np.maximum(first, (1 - level) / 2)
        shares.append(float((np.maximum(inside, 0) / (last - first)).sum()))
    return shares


def _ranks(draws: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    return (draws < truth).sum(axis=0), (draws == truth).sum(axis=0), len(draws)


def _fractions(draws: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Quantities from 0 to 1, but those of which truth and all draws say 0, or all say 1."""
    together = np.round(np.vstack([truth, draws]) / RESOLUTION).astype(np.int32)
    whole = round(1 / RESOLUTION)
    counts = ~((together == 0).all(axis=0) | (together == whole).all(axis=0))
    rounded = together[:, counts]
    mean, sd = draws[:, counts].mean(axis=0), draws[:, counts].std(axis=0)
    low, high = np.quantile(rounded[1:], [0.05, 0.95], axis=0)
    z = (truth[counts] - mean) / np.maximum(sd, LEAST_SD)
    return {
        "hits": hits(*_ranks(rounded[1:], rounded[0])),
        "count": int(counts.sum()),
        "closed_hits": int(((rounded[0] >= low) & (rounded[0] <= high)).sum()),
        "z_square": float(np.sum(z**2)),
    }
