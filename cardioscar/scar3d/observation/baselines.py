"""Which interpolation is the baseline to beat: the one place that says it.

Smoothing and border of each were chosen on the choosing set of hearts that are like people, see
`benchmarks.reconstruction.choose_baselines` and record 27 of docs/decisions. The one that does best there is the one to
beat on labels (along the wall, where the wall has coordinates), the one that does best on the analytic phantoms is the
one to beat on fractions; it stands beside every
map in `metrics.json`, on the pages and in the cohort's table, under the name `baseline`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.observation.along_wall import WallBlur, neighbours_along_wall, unrolled, wall_coordinates_at
from cardioscar.scar3d.observation.interpolation import hard_labels, linear, log_odds, shape_based, signed_distance
from cardioscar.types import NodeValues, Points


@dataclass(frozen=True)
class Wall:
    """Places in the wall whose coordinates are known.

    Attributes:
        nodes_mm: Positions in mm LPS, shape (nodes, 3).
        coordinates: Apicobasal, rotational and transmural coordinate of each, shape (nodes, 3).
    """

    nodes_mm: Points
    coordinates: Points


Interpolation = Callable[[SliceStack, Points], NodeValues]


@dataclass(frozen=True)
class Baseline:
    """One interpolation with the settings that were chosen for it.

    Attributes:
        name: As tables have it.
        at: Scar probability at points, from slices with scar fractions and positions in mm LPS, shape (points, 3).
    """

    name: str
    at: Interpolation


SMOOTH_MM: Mapping[str, float] = {"signed_distance": 1.0, "linear": 1.0, "shape_based": 0.0}
"""Standard deviation of the smoothing, by Dice."""
BORDER_MM = 3.0
"""Scale that turns a distance into a probability, by the Brier score; one for both that interpolate distances."""

BASELINES: Mapping[str, Baseline] = {
    "log_odds": Baseline("log-odds", log_odds),
    "linear": Baseline("linear interpolation", partial(linear, smooth_mm=SMOOTH_MM["linear"])),
    "signed_distance": Baseline(
        "signed distance", partial(signed_distance, smooth_mm=SMOOTH_MM["signed_distance"], width_mm=BORDER_MM)
    ),
    "shape_based": Baseline(
        "shape-based interpolation", partial(shape_based, smooth_mm=SMOOTH_MM["shape_based"], width_mm=BORDER_MM)
    ),
}
"""All of them by key."""

ALONG_WALL = WallBlur(around_mm=1.5, through_mm=0.7, around_growth=0.1, through_growth=0.05)
"""Smoothing of interpolation along the wall, by Dice."""
BEST_ON_LABELS = "shape_based"
"""Key of the baseline to beat where pixels are scar or not and the wall has no coordinates, to go along it."""
BEST_ON_FRACTIONS = "log_odds"
"""Key of the baseline to beat where pixels are scar fractions, which those that look for an outline cannot use."""


def to_beat(stack: SliceStack, wall: Wall | None = None) -> Baseline:
    """The best interpolation that is known for slices of this kind.

    Args:
        stack: Slices with scar fractions 0 to 1.
        wall: Places with coordinates; None where the wall has none.
    """
    if not hard_labels(stack):
        return BASELINES[BEST_ON_FRACTIONS]
    if wall is None:
        return BASELINES[BEST_ON_LABELS]

    def at(slices: SliceStack, points_mm: Points) -> NodeValues:
        maps = unrolled(slices, wall.nodes_mm, wall.coordinates, ALONG_WALL)
        places = np.asarray(points_mm, dtype=np.float64)
        coordinates = wall_coordinates_at(places, cKDTree(wall.nodes_mm), wall.coordinates)
        return neighbours_along_wall(maps, places, coordinates).interpolated()

    return Baseline("interpolation along the wall", at)
