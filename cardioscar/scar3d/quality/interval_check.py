"""Intervals of `infer` in the metrics, and whether they hold the truth where it is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardioscar.config import from_mapping
from cardioscar.scar3d.observation.files import HeldOut
from cardioscar.scar3d.quality.result_scar import Interval, Intervals, IntervalTruth, TrueValue

FILE = "intervals.json"


def read_intervals(folder: Path) -> Intervals | None:
    """Content of `intervals.json`, or None for a map that was made without.

    Raises:
        ConfigError: If it is of another form than this version's.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    return from_mapping(Intervals, json.loads(path.read_text(encoding="utf-8")), where=FILE, foreign=True)


def intervals_and_truth(
    intervals: Intervals | None, truth: np.ndarray, node_volumes_ml: np.ndarray, segment: np.ndarray | None
) -> IntervalTruth | None:
    """Whether the intervals hold the true volume and the true scar fractions of the AHA segments.

    Args:
        intervals: Those of the map.
        truth: True scar at the nodes, from 0.5 on scar, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,).
        segment: AHA segment of each node, or None.

    Returns:
        None without intervals.
    """
    if intervals is None:
        return None
    ml = node_volumes_ml
    scarred = ml * (truth >= 0.5)
    found = IntervalTruth(
        scar_ml=_held(intervals.scar_ml, float(scarred.sum())),
        scar_fraction=_held(intervals.scar_fraction, float(scarred.sum() / ml.sum())),
    )
    if segment is not None and intervals.aha:
        walls, scars = (np.bincount(segment, weights=w, minlength=18) for w in (ml, scarred))
        inside = [
            _holds(row.scar_fraction, scars[int(number)] / walls[int(number)])
            for number, row in intervals.aha.items()
            if walls[int(number)] > 0
        ]
        return replace(found, aha_segments=len(inside), aha_inside=sum(inside))
    return found


def with_hidden(
    found: IntervalTruth | None, intervals: Intervals | None, heldout: HeldOut | None
) -> IntervalTruth | None:
    """Add whether the intervals hold the scar that hidden slices show.

    Args:
        found: What is known of other truth; None for nothing.
        intervals: Those of the map.
        heldout: The hidden pixels; None where nothing was hidden.

    Returns:
        `found` where no slice was hidden, or without intervals of hidden slices.
    """
    if heldout is None or intervals is None or not intervals.hidden_slices:
        return found
    scar_ml = np.bincount(heldout.slice_number, weights=heldout.pixel_ml * (heldout.fraction >= 0.5))
    rows = intervals.hidden_slices
    return replace(
        found or IntervalTruth(),
        hidden_ml=_held(intervals.hidden_ml, float(scar_ml.sum())),
        hidden_slices=len(rows),
        hidden_inside=sum(_holds(row.scar_ml, float(scar_ml[int(number)])) for number, row in rows.items()),
    )


def _held(interval: Interval | None, value: float) -> TrueValue | None:
    return None if interval is None else TrueValue(value, _holds(interval, value))


def _holds(interval: Interval, value: float) -> bool:
    # volumes are sums of float32: what differs by rounding is the same
    slack = 1e-6 * max(abs(value), 1.0)
    return bool(interval.lower - slack <= value <= interval.upper + slack)
