"""Intervals of `infer` in the metrics, and whether they hold the truth where it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.scar3d.observation.files import HeldOut

FILE = "intervals.json"


def read_intervals(folder: Path) -> dict[str, Any] | None:
    """Content of `intervals.json`, or None for a map that was made without."""
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def intervals_and_truth(
    intervals: Mapping[str, Any] | None, truth: np.ndarray, node_volumes_ml: np.ndarray, segment: np.ndarray | None
) -> dict[str, Any] | None:
    """Whether the intervals hold the true volume and the true scar fractions of the AHA segments.

    Args:
        intervals: Content of `intervals.json`.
        truth: True scar at the nodes, from 0.5 on scar, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,).
        segment: AHA segment of each node, or None.

    Returns:
        `scar_ml` and `scar_fraction` with `true` and `inside`, `aha_segments` (how many have an interval) and
        `aha_inside` (how many of them hold the truth); None without intervals.
    """
    if not intervals:
        return None
    ml = node_volumes_ml
    scarred = ml * (truth >= 0.5)
    true = {"scar_ml": float(scarred.sum()), "scar_fraction": float(scarred.sum() / ml.sum())}
    found: dict[str, Any] = {
        name: {"true": value, "inside": _holds(intervals[name], value)}
        for name, value in true.items()
        if name in intervals
    }
    aha = intervals.get("aha") or {}
    if segment is not None and aha:
        walls, scars = (np.bincount(segment, weights=w, minlength=18) for w in (ml, scarred))
        inside = [
            _holds(row["scar_fraction"], scars[int(number)] / walls[int(number)])
            for number, row in aha.items()
            if walls[int(number)] > 0
        ]
        found |= {"aha_segments": len(inside), "aha_inside": sum(inside)}
    return found


def intervals_and_hidden(intervals: Mapping[str, Any] | None, heldout: HeldOut | None) -> dict[str, Any] | None:
    """Whether the intervals hold the scar that hidden slices show.

    Args:
        intervals: Content of `intervals.json`.
        heldout: The hidden pixels; None where nothing was hidden.

    Returns:
        `hidden_ml` with `true` and `inside`, `hidden_slices` (how many have an interval), `hidden_inside` (how many of
        them hold what the slice shows); None without intervals of hidden slices.
    """
    if heldout is None or not intervals or "hidden_slices" not in intervals:
        return None
    scar_ml = np.bincount(heldout.slice_number, weights=heldout.pixel_ml * (heldout.fraction >= 0.5))
    rows = intervals["hidden_slices"]
    total = float(scar_ml.sum())
    return {
        "hidden_ml": {"true": total, "inside": _holds(intervals["hidden_ml"], total)},
        "hidden_slices": len(rows),
        "hidden_inside": sum(_holds(row["scar_ml"], float(scar_ml[int(number)])) for number, row in rows.items()),
    }


def _holds(interval: Mapping[str, float], value: float) -> bool:
    # volumes are sums of float32: what differs by rounding is the same
    slack = 1e-6 * max(abs(value), 1.0)
    return bool(interval["lower"] - slack <= value <= interval["upper"] + slack)
