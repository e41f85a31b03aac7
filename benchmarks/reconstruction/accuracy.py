"""How close one map is to the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.reconstruction.case import Case
from cardioscar.metrics.calibration import brier_score, expected_calibration_error, reliability_curve
from cardioscar.metrics.corridor import corridor_kept, find_corridor
from cardioscar.metrics.overlap import dice
from cardioscar.metrics.surface_distance import hd95_mm
from cardioscar.metrics.volume import volume_error_percent
from cardioscar.scar3d.observation.problem import Problem

THRESHOLD = 0.5
"""Probability from which a node is scar."""


def accuracy(case: Case, problem: Problem, probability: np.ndarray) -> dict[str, Any]:
    """Scores of a map, by name; None where a score is undefined.

    Args:
        case: With its truth.
        problem: What the method was given.
        probability: Scar probability at the nodes, shape (nodes,).
    """
    scores = _at_nodes(case, problem, probability) if case.truth is not None else _at_pixels(case, probability)
    residual = np.abs(residuals(problem, probability))
    rms = float(np.sqrt(np.mean(residual**2)))
    return {"residual_rms": rms, "residual_max": float(residual.max()), **scores}


def residuals(problem: Problem, probability: np.ndarray) -> np.ndarray:
    """Mean probability of each group minus its pixel, shape (groups,)."""
    offsets = problem.groups.group_offsets
    seen = probability[problem.groups.node_order].astype(np.float64)
    means = np.add.reduceat(seen, offsets[:-1]) / np.diff(offsets)
    return np.asarray(means - problem.targets)


def _at_nodes(case: Case, problem: Problem, probability: np.ndarray) -> dict[str, Any]:
    truth, ml = case.truth, case.node_ml
    assert truth is not None
    scar = probability >= THRESHOLD
    gap = np.ones(len(truth), dtype=bool)
    gap[problem.groups.node_order] = False
    kept, connected = None, None
    corridor = find_corridor(case.corridor, case.nodes_mm, case.tetrahedra)
    if corridor is not None:
        kept, connected = corridor_kept(case.corridor, ~scar, ml), float(corridor.connects(~scar))
    cells = (case.tetrahedra.reshape(-1), np.arange(0, case.tetrahedra.size + 1, 4))
    return {
        "dice": finite(dice(truth, scar, ml)),
        "dice_gap": finite(dice(truth[gap], scar[gap], ml[gap])),
        "volume_error": finite(volume_error_percent(truth, scar, ml)),
        "soft_volume_error": finite(volume_error_percent(truth, probability, ml)),
        "corridor_kept": kept,
        "corridor_connected": connected,
        "hd95_mm": finite(hd95_mm(truth, scar, case.nodes_mm, cells=cells)),
        "ece": finite(expected_calibration_error(truth, probability, ml)),
        "brier": finite(brier_score(truth, probability, ml)),
        "reliability": _curve(truth, probability, ml),
    }


def _at_pixels(case: Case, probability: np.ndarray) -> dict[str, Any]:
    hidden = case.hidden
    assert hidden is not None
    predicted = np.clip(hidden.weights @ probability, 0, 1)
    truth = hidden.fraction >= 0.5
    scar = predicted >= THRESHOLD
    return {
        "dice": finite(dice(truth, scar)),
        "volume_error": finite(volume_error_percent(truth, scar, hidden.pixel_ml)),
        "soft_volume_error": finite(volume_error_percent(truth, predicted, hidden.pixel_ml)),
        "ece": finite(expected_calibration_error(truth, predicted)),
        "brier": finite(brier_score(truth, predicted)),
        "reliability": _curve(truth, predicted, hidden.pixel_ml),
    }


def _curve(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> dict[str, list[float | None]]:
    curve = reliability_curve(truth, probability, weights)
    return {name: [finite(x) for x in getattr(curve, name)] for name in ("predicted", "observed", "weight")}


def finite(value: float) -> float | None:
    """None for an undefined number, since JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
