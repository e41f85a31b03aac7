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
from cardioscar.types import GroupIndex, GroupValues, NodeValues

Scores = dict[str, float | None]


def scar_summary(
    mesh: LVMesh,
    probability: NodeValues,
    uncertainty: NodeValues,
    *,
    threshold: float,
    border_zone: tuple[float, float],
) -> dict[str, float | None]:
    """Scar, dense core, border zone and wall in ml, and the scar's share of the wall.

    Args:
        mesh: LV mesh.
        probability: Scar probability, 0 to 1, shape (nodes,).
        uncertainty: Its standard deviation, shape (nodes,).
        threshold: Probability from which a node is scar.
        border_zone: Probabilities between which tissue is border zone; dense core from the second.

    Returns:
        `volume_ml`, `fraction_of_wall`, `dense_core_ml`, `border_zone_ml`, `wall_ml`, `uncertainty_mean` (of the wall).
    """
    ml = mesh.node_volumes_ml
    wall = float(ml.sum())
    scar = float(ml[probability >= threshold].sum())
    low, high = border_zone
    return {
        "volume_ml": scar,
        "fraction_of_wall": finite(min(scar / wall, 1.0)),  # the two sums round apart
        "dense_core_ml": float(ml[probability >= high].sum()),
        "border_zone_ml": float(ml[(probability >= low) & (probability < high)].sum()),
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


def heldout_scores(
    heldout: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray], *, threshold: float
) -> dict[str, Any]:
    """Score every method on the same hidden pixels, pooled and slice by slice.

    Args:
        heldout: `fraction`, `slice_number`, `pixel_ml` of each hidden wall pixel.
        predictions: Probability at these pixels, by method.
        threshold: Probability from which a pixel is scar.

    Returns:
        `slices`, `pixels`, `scores` by method, `per_slice` Dice (None where neither truth nor method has scar).
    """
    fraction, number = heldout["fraction"], heldout["slice_number"]
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
            name: pixel_scores(fraction, probability, heldout["pixel_ml"], threshold=threshold)
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
