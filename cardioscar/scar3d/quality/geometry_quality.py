"""Geometry that speaks against a map: slices that do not fit the mesh, and hearts of a size that there is none of.

A map of the wrong place is wrong whatever its scores, so these findings can fail alone. Sizes are held against adult
human hearts; `heart: other` says that a child or an animal was imaged, and leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cardioscar.scar3d.observation.misplaced import MISPLACED, misplaced
from cardioscar.scar3d.quality.reasons import Reasons
from cardioscar.scar3d.quality.result import Findings

UNSEEN_REVIEW, UNSEEN_FAIL = 0.25, 0.5
"""Share of the wall pixels that lie outside the mesh."""
MISPLACED_FAIL = 0.5
"""Share of the slices with a drawn wall that do not fit the mesh."""


@dataclass(frozen=True)
class Limits:
    """Sizes between which a heart is nothing special, and those beyond which there is none."""

    review: tuple[float, float]
    fail: tuple[float, float]


# Ours, wide around the reference ranges of adults [@kawelboehm2020]: hypertrophy and dilatation go far beyond these,
# and a stack that ends below the base shows a part. They tell lost voxel sizes and wrong structures, not disease.
WALL_ML = Limits((40.0, 400.0), (20.0, 600.0))
"""Volume of the LV wall."""
CAVITY_ML = Limits((15.0, 500.0), (5.0, 1000.0))
"""Volume of the LV cavity within the mesh, at any phase of the cycle."""
THICKNESS_MM = Limits((3.0, 25.0), (1.5, 40.0))
"""Mean or median thickness of the wall."""
SIZES = {
    "wall_ml": ("wall", "ml", WALL_ML),
    "cavity_ml": ("cavity", "ml", CAVITY_ML),
    "wall_thickness_mm": ("wall thickness", "mm", THICKNESS_MM),
}


def geometry_reasons(metrics: Findings, facts: Mapping[str, Any]) -> Reasons:
    """What speaks against a map's geometry.

    Args:
        metrics: What is known of the map.
        facts: `preprocess.json`: `unseen_pixels`, `slice_shifts_mm`, `heart`, `cavity_ml`, `wall_thickness_mm`; what is
            missing raises no concern, but for the first, which is needed.

    Returns:
        Reasons to fail and for a review.
    """
    found = Reasons()
    shifts = facts.get("slice_shifts_mm") or {}
    lost = sum(shift["finding"] in MISPLACED for shift in shifts.values())
    if lost > MISPLACED_FAIL * len(shifts):
        found.fail.append(f"{lost} of {len(shifts)} slices do not fit the mesh: are mesh and slices in one frame?")
    found.review += misplaced(shifts)

    unseen = facts["unseen_pixels"] / max(facts["unseen_pixels"] + metrics.observed_pixels, 1)
    text = f"{unseen:.0%} of the wall pixels lie outside the mesh: are mesh and slices aligned?"
    found.above(unseen, UNSEEN_REVIEW, UNSEEN_FAIL, text)

    if facts.get("heart", "adult") == "adult":
        sizes = {**facts, "wall_ml": metrics.scar.wall_ml}
        for name, (what, unit, limits) in SIZES.items():
            _hold(found, sizes.get(name), what, unit, limits)
    return found


def _hold(found: Reasons, value: Any, what: str, unit: str, limits: Limits) -> None:
    if not isinstance(value, int | float):
        return
    for kind, (low, high), rule in (
        (found.fail, limits.fail, "no adult heart has that"),
        (found.review, limits.review, "unusual for an adult heart"),
    ):
        if not low <= value <= high:
            text = f"{what} of {value:,.1f} {unit}: {rule} ({low:g} to {high:g} {unit})"
            kind.append(text + (", is the voxel size right?" if kind is found.fail else ""))
            return
