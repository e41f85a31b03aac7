"""What a scar map is worth: against truth, on hidden slices, beside the baselines, and at the pixels it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.metrics.calibration import brier_score, expected_calibration_error
from cardioscar.metrics.overlap import dice
from cardioscar.metrics.surface_distance import mesh_hd95_mm
from cardioscar.metrics.volume import volume_error_percent
from cardioscar.scar3d.channels.zones import scar_certainty
from cardioscar.scar3d.observation.files import HeldOut
from cardioscar.scar3d.quality.result_scar import ScarSummary, Segment
from cardioscar.scar3d.quality.result_scores import HeldOutScores, HiddenSlice, NodeScores, PixelScores, Residual
from cardioscar.types import GroupIndex, GroupValues, NodeValues

_SURFACE = 1e-3
"""Depth, as a share of the wall, up to which a node lies on a surface."""


def scar_summary(
    mesh: LVMesh,
    probability: NodeValues,
    uncertainty: NodeValues,
    *,
    threshold: float,
    doubt_range: tuple[float, float],
    border_zone: np.ndarray | None = None,
) -> ScarSummary:
    """Scar, by how sure the map is of it, border zone and wall in ml, and the scar's share of the wall.

    Args:
        mesh: LV mesh.
        probability: Scar probability, 0 to 1, shape (nodes,).
        uncertainty: Its standard deviation, shape (nodes,).
        threshold: Probability from which a node is scar.
        doubt_range: Probabilities between which scar is in doubt.
        border_zone: Nodes of the border zone by signal, none of them scar, shape (nodes,); None without an image.
    """
    ml = mesh.node_volumes_ml
    wall = float(ml.sum())
    certainty = scar_certainty(probability, threshold, doubt_range)
    _, possible, uncertain, likely = np.bincount(certainty, weights=ml, minlength=4).tolist()
    return ScarSummary(
        volume_ml=likely + uncertain,
        fraction_of_wall=finite(min((likely + uncertain) / wall, 1.0)),  # the two sums round apart
        likely_ml=likely,
        uncertain_ml=uncertain,
        possible_ml=possible,
        border_zone_ml=None if border_zone is None else float(ml[border_zone > 0].sum()),
        wall_ml=wall,
        uncertainty_mean=finite(float(uncertainty @ ml) / wall),
    )


def aha_table(
    mesh: LVMesh,
    segment: np.ndarray | None,
    probability: NodeValues,
    *,
    threshold: float,
    border_zone: np.ndarray | None = None,
    transmural: NodeValues | None = None,
) -> dict[str, Segment]:
    """Scar, border zone and wall of each AHA segment that has tissue.

    Args:
        mesh: LV mesh.
        segment: AHA segment of each node, 1 to 17, or None where the mesh has no LV coordinates.
        probability: Scar probability, 0 to 1, shape (nodes,).
        threshold: Probability from which a node is scar.
        border_zone: Nodes of the border zone by signal, shape (nodes,); None without an image.
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,); None leaves the thickness out.

    Returns:
        By segment number as text, without transmurality.
    """
    if segment is None:
        return {}
    ml = mesh.node_volumes_ml
    walls = np.bincount(segment, weights=ml, minlength=18)
    scars = np.bincount(segment, weights=ml * (probability >= threshold), minlength=18)
    zones = None if border_zone is None else np.bincount(segment, weights=ml * (border_zone > 0), minlength=18)
    thick = {} if transmural is None else segment_thickness_mm(mesh, segment, transmural)
    return {
        str(number): Segment(
            float(scars[number] / walls[number]),
            float(scars[number]),
            float(walls[number]),
            border_zone_ml=None if zones is None else float(zones[number]),
            wall_thickness_mm=thick.get(number),
        )
        for number in range(1, 18)
        if walls[number] > 0
    }


def segment_thickness_mm(mesh: LVMesh, segment: np.ndarray, transmural: NodeValues) -> dict[int, float]:
    """Mean distance from the inner surface of each segment to the nearest node of the outer surface, in mm.

    Args:
        mesh: LV mesh.
        segment: AHA segment of each node, 1 to 17, shape (nodes,).
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,).

    Returns:
        By segment; one without nodes at the inner surface is left out.
    """
    inner, outer = np.flatnonzero(transmural <= _SURFACE), np.flatnonzero(transmural >= 1 - _SURFACE)
    if len(inner) == 0 or len(outer) == 0:
        return {}
    distance = cKDTree(mesh.nodes_mm[outer]).query(mesh.nodes_mm[inner])[0]
    counts = np.bincount(segment[inner], minlength=18)
    sums = np.bincount(segment[inner], weights=distance, minlength=18)
    return {n: float(sums[n] / counts[n]) for n in range(1, 18) if counts[n] > 0}


def truth_scores(mesh: LVMesh, truth: np.ndarray, probability: NodeValues, *, threshold: float) -> NodeScores:
    """Dice, volume error, HD95, ECE and Brier against a true scar map at the nodes, weighted by node volume."""
    ml = mesh.node_volumes_ml
    true, predicted = truth >= 0.5, probability >= threshold
    return NodeScores(
        dice=finite(dice(true, predicted, ml)),
        volume_error_percent=finite(volume_error_percent(true, predicted, ml)),
        hd95_mm=finite(mesh_hd95_mm(true, predicted, mesh)),
        ece=finite(expected_calibration_error(true, probability, ml)),
        brier=finite(brier_score(true, probability, ml)),
    )


def pixel_scores(
    fraction: np.ndarray, probability: np.ndarray, pixel_ml: np.ndarray, *, threshold: float
) -> PixelScores:
    """Dice, volume error, ECE and Brier on hidden pixels."""
    true, predicted = fraction >= 0.5, probability >= threshold
    return PixelScores(
        dice=finite(dice(true, predicted)),
        volume_error_percent=finite(volume_error_percent(true, predicted, pixel_ml)),
        ece=finite(expected_calibration_error(true, probability)),
        brier=finite(brier_score(true, probability)),
    )


def heldout_scores(heldout: HeldOut, predictions: Mapping[str, np.ndarray], *, threshold: float) -> HeldOutScores:
    """Score every method on the same hidden pixels, pooled and slice by slice.

    Args:
        heldout: The hidden wall pixels.
        predictions: Probability at these pixels, by method: `cardioscar`, `log_odds`, `signed_distance`.
        threshold: Probability from which a pixel is scar.
    """
    fraction, number = heldout.fraction, heldout.slice_number
    rows = []
    for one in np.unique(number):
        here = number == one
        true = fraction[here] >= 0.5
        each = {name: finite(dice(true, predicted[here] >= threshold)) for name, predicted in predictions.items()}
        rows.append(HiddenSlice(int(one), int(here.sum()), int(true.sum()), **each))
    return HeldOutScores(
        slices=tuple(row.slice for row in rows),
        pixels=len(fraction),
        scores={
            name: pixel_scores(fraction, probability, heldout.pixel_ml, threshold=threshold)
            for name, probability in predictions.items()
        },
        per_slice=tuple(rows),
    )


def group_residuals(probability: NodeValues, group_index: GroupIndex, targets: GroupValues) -> GroupValues:
    """Mean probability over each group's nodes minus its pixel, -1 to 1, shape (groups,)."""
    seen = group_index >= 0
    sizes = np.bincount(group_index[seen], minlength=len(targets))
    sums = np.bincount(group_index[seen], weights=probability[seen], minlength=len(targets))
    return sums / np.maximum(sizes, 1) - targets


def residual_summary(residual: GroupValues) -> Residual:
    """Root mean square, maximum and 95th percentile of the absolute residual."""
    size = np.abs(residual)
    return Residual(
        rms=float(np.sqrt(np.mean(size**2))),
        max=float(size.max()),
        p95=float(np.percentile(size, 95)),
        groups=len(residual),
    )


def finite(value: float) -> float | None:
    """None for an undefined number, since JSON has no NaN."""
    return float(value) if math.isfinite(value) else None
