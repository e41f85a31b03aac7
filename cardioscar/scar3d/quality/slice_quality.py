"""What the slices themselves say of a map's quality: how they cover the wall, and how they predict one another."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.quality.leave_one_out import leave_one_slice_out
from cardioscar.scar3d.quality.result_scores import LeaveOneOutScores, LeftOutSlice, Slices
from cardioscar.scar3d.quality.scoring import finite


def slices_summary(stack: SliceStack) -> Slices:
    """How the slices cover the wall.

    Args:
        stack: The slices that the fit saw, scar fractions 0 to 1.
    """
    seen = [s for s in stack if s.observed.any()]
    if not seen:
        return Slices(0, 0.0, None, None)
    centers = np.array([s.pixel_centers_mm().mean(axis=0) for s in seen])
    order = np.argsort(centers @ seen[0].normal)
    scar = np.array([float(s.values[s.observed].sum()) * s.prism_ml for s in seen])[order]
    seen = [seen[k] for k in order]
    gaps = [_gap_mm(a.affine, b.affine) for a, b in pairwise(seen)]
    outermost = scar[0] + (scar[-1] if len(scar) > 1 else 0)
    return Slices(
        with_wall=len(seen),
        observed_scar_ml=float(scar.sum()),
        outermost_scar=float(outermost / scar.sum()) if scar.sum() > 0 else None,
        largest_gap_mm=max(gaps) if gaps else None,
    )


def _gap_mm(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two mid-planes along the first one's normal, less half of each thickness, at least 0."""
    thickness = np.linalg.norm(a[:3, 2]), np.linalg.norm(b[:3, 2])
    apart = abs((b[:3, 3] - a[:3, 3]) @ a[:3, 2]) / thickness[0]
    return float(max(apart - (thickness[0] + thickness[1]) / 2, 0.0))


def left_out_summary(stack: SliceStack, *, threshold: float) -> LeaveOneOutScores | None:
    """How well each slice is predicted from the others, see `leave_one_slice_out`.

    Args:
        stack: The slices that the fit saw, scar fractions 0 to 1.
        threshold: Fraction from which a pixel is scar.

    Returns:
        None where fewer than three slices have wall.
    """
    found = leave_one_slice_out(stack)
    if not found.slices:
        return None
    rows = []
    for one in found.slices:
        scores = one.scores(threshold=threshold)
        observed_mm2 = float(one.observed.sum()) * one.pixel_mm2
        rows.append(
            LeftOutSlice(
                slice=one.number,
                wall_pixels=len(one.observed),
                scar_mm2=observed_mm2,
                predicted_mm2=observed_mm2 + one.area_error_mm2,
                dice=finite(scores["dice"]),
                mean_absolute_error=finite(scores["mean_absolute_error"]),
            )
        )
    pooled = {name: finite(value) for name, value in found.scores(threshold=threshold).items()}
    return LeaveOneOutScores(len(rows), sum(row.wall_pixels for row in rows), **pooled, per_slice=tuple(rows))
