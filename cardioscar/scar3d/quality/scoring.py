"""What a scar map is worth: against truth, on hidden slices, beside the baselines, and at the pixels it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.metrics.calibration import brier_score, expected_calibration_error
from cardioscar.metrics.overlap import dice
from cardioscar.metrics.surface_distance import mesh_hd95_mm
from cardioscar.metrics.volume import volume_error_percent
from cardioscar.scar3d.channels.zones import scar_certainty
from cardioscar.scar3d.observation.files import HeldOut
from cardioscar.types import GroupIndex, GroupValues, NodeValues

Scores = dict[str, float | None]


def scar_summary(
    mesh: LVMesh,
    probability: NodeValues,
    uncertainty: NodeValues,
    *,
    threshold: float,
    doubt_range: tuple[float, float],
    border_zone: np.ndarray | None = None,
) -> dict[str, float | None]:
    """Scar, by how sure the map is of it, border zone and wall in ml, and the scar's share of the wall.

    Args:
        mesh: LV mesh.
        probability: Scar probability, 0 to 1, shape (nodes,).
        uncertainty: Its standard deviation, shape (nodes,).
        threshold: Probability from which a node is scar.
        doubt_range: Probabilities between which scar is in doubt.
        border_zone: Nodes of the border zone by signal, none of them scar, shape (nodes,); None without an image.

    Returns:
        `volume_ml` is the scar, the sum of `likely_ml` and `uncertain_ml`; `possible_ml` is in doubt and not counted as
        scar, see `scar_certainty`. `border_zone_ml` comes beside the scar and is None without an image. `wall_ml` holds
        all; `fraction_of_wall`, and `uncertainty_mean` of the wall.
    """
    ml = mesh.node_volumes_ml
    wall = float(ml.sum())
    certainty = scar_certainty(probability, threshold, doubt_range)
    _, possible, uncertain, likely = np.bincount(certainty, weights=ml, minlength=4).tolist()
    return {
        "volume_ml": likely + uncertain,
        "fraction_of_wall": finite(min((likely + uncertain) / wall, 1.0)),  # the two sums round apart
        "likely_ml": likely,
        "uncertain_ml": uncertain,
        "possible_ml": possible,
        "border_zone_ml": None if border_zone is None else float(ml[border_zone > 0].sum()),
        "wall_ml": wall,
        "uncertainty_mean": finite(float(uncertainty @ ml) / wall),
    }


def aha_table(
    mesh: LVMesh, segment: np.ndarray | None, probability: NodeValues, *, threshold: float
) -> dict[str, dict[str, float]]:
    """Scar of each AHA segment that has tissue.

    Args:
        mesh: LV mesh.
        segment: AHA segment of each node, 1 to 17, or None where the mesh has no LV coordinates.
        probability: Scar probability, 0 to 1, shape (nodes,).
        threshold: Probability from which a node is scar.

    Returns:
        `scar_fraction`, `scar_ml`, `wall_ml` by segment number as text.
    """
    if segment is None:
        return {}
    ml = mesh.node_volumes_ml
    walls = np.bincount(segment, weights=ml, minlength=18)
    scars = np.bincount(segment, weights=ml * (probability >= threshold), minlength=18)
    return {
        str(number): {
            "scar_fraction": float(scars[number] / walls[number]),
            "scar_ml": float(scars[number]),
            "wall_ml": float(walls[number]),
        }
        for number in range(1, 18)
        if walls[number] > 0
    }


def truth_scores(mesh: LVMesh, truth: np.ndarray, probability: NodeValues, *, threshold: float) -> Scores:
    """Dice, volume error, HD95, ECE and Brier against a true scar map at the nodes, weighted by node volume."""
    ml = mesh.node_volumes_ml
    true, predicted = truth >= 0.5, probability >= threshold
    return {
        "dice": finite(dice(true, predicted, ml)),
        "volume_error_percent": finite(volume_error_percent(true, predicted, ml)),
        "hd95_mm": finite(mesh_hd95_mm(true, predicted, mesh)),
        "ece": finite(expected_calibration_error(true, probability, ml)),
        "brier": finite(brier_score(true, probability, ml)),
    }


def pixel_scores(fraction: np.ndarray, probability: np.ndarray, pixel_ml: np.ndarray, *, threshold: float) -> Scores:
    """Dice, volume error, ECE and Brier on hidden pixels."""
    true, predicted = fraction >= 0.5, probability >= threshold
    return {
        "dice": finite(dice(true, predicted)),
        "volume_error_percent": finite(volume_error_percent(true, predicted, pixel_ml)),
        "ece": finite(expected_calibration_error(true, probability)),
        "brier": finite(brier_score(true, probability)),
    }


def heldout_scores(heldout: HeldOut, predictions: Mapping[str, np.ndarray], *, threshold: float) -> dict[str, Any]:
    """Score every method on the same hidden pixels, pooled and slice by slice.

    Args:
        heldout: The hidden wall pixels.
        predictions: Probability at these pixels, by method.
        threshold: Probability from which a pixel is scar.

    Returns:
        `slices`, `pixels`, `scores` by method, `per_slice` Dice (None where neither truth nor method has scar).
    """
    fraction, number = heldout.fraction, heldout.slice_number
    rows = []
    for one in np.unique(number):
        here = number == one
        row: dict[str, Any] = {
            "slice": int(one),
            "wall_pixels": int(here.sum()),
            "scar_pixels": int((fraction[here] >= 0.5).sum()),
        }
        for name, probability in predictions.items():
            row[name] = finite(dice(fraction[here] >= 0.5, probability[here] >= threshold))
        rows.append(row)
    return {
        "slices": [row["slice"] for row in rows],
        "pixels": len(fraction),
        "scores": {
            name: pixel_scores(fraction, probability, heldout.pixel_ml, threshold=threshold)
            for name, probability in predictions.items()
        },
        "per_slice": rows,
    }


def group_residuals(probability: NodeValues, group_index: GroupIndex, targets: GroupValues) -> GroupValues:
    """Mean probability over each group's nodes minus its pixel, -1 to 1, shape (groups,)."""
    seen = group_index >= 0
    sizes = np.bincount(group_index[seen], minlength=len(targets))
    sums = np.bincount(group_index[seen], weights=probability[seen], minlength=len(targets))
    return sums / np.maximum(sizes, 1) - targets


def residual_summary(residual: GroupValues) -> dict[str, float]:
    """Root mean square, maximum and 95th percentile of the absolute residual."""
    size = np.abs(residual)
    return {
        "rms": float(np.sqrt(np.mean(size**2))),
        "max": float(size.max()),
        "p95": float(np.percentile(size, 95)),
        "groups": len(residual),
    }


def finite(value: float) -> float | None:
    """None for an undefined number, since JSON has no NaN."""
    return float(value) if math.isfinite(value) else None
