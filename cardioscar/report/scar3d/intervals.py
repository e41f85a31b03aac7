"""Intervals as a reader meets them: beside the volumes, beside the segments, and against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cardioscar.report.page import interval, is_number, number

WORTH = {
    "posterior": (
        "On phantoms, {level} intervals of this kind held the true fraction in nine of ten segments and the scar "
        "volume in eight of ten hearts: an error that all slices share (a threshold, a reader, scar beyond the "
        "slices) is not in them. On 51 human hearts, 90\u202f% intervals of the scar area of a hidden slice held it "
        "in one of three."
    ),
    "dropout": (
        "These intervals come from dropout samples and are far too narrow: on phantoms, {level} intervals of this kind "
        "held the true scar fraction in four of ten cubes of 5 mm."
    ),
    "reference": (
        "The published method has no intervals. These are the spread of its dropout passes, which does not say how far "
        "the scar volume may be off."
    ),
}
"""What intervals of each kind have been worth; see docs/benchmarks/reconstruction.md."""
MISSING = "This map was made without intervals: how far the scar volume may be off was not estimated."


def interval_content(intervals: Mapping[str, Any] | None, truth: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the page says of intervals.

    Args:
        intervals: `intervals` of `metrics.json`.
        truth: `interval_truth` of `metrics.json`.

    Returns:
        `known`, `level` as text, `volumes` by name (`scar_ml`, `scar_fraction`),
        `aha` by segment number, and `note` in a sentence.
    """
    if not intervals:
        return {"known": False, "level": "", "volumes": {}, "aha": {}, "note": MISSING}
    level = _level(intervals)
    volumes = {
        name: f"{level} interval " + _text(intervals[name], percent=name == "scar_fraction")
        for name in ("scar_ml", "scar_fraction")
        if isinstance(intervals.get(name), Mapping)
    }
    aha = {
        int(number): _text(row.get("scar_fraction"), percent=True, unit=False)
        for number, row in (intervals.get("aha") or {}).items()
    }
    return {"known": True, "level": level, "volumes": volumes, "aha": aha, "note": _note(intervals, level, truth)}


def interval_headline(metrics: Mapping[str, Any]) -> str:
    """Scar volume and its interval in a phrase; empty where either is unknown.

    >>> bounds = {"lower": 14.9, "upper": 18.0}
    >>> interval_headline({"scar": {"volume_ml": 16.49}, "intervals": {"level": 0.9, "scar_ml": bounds}})
    'Scar 16.5\u202fml (90\u202f% interval 14.9–18.0)'
    """
    volume, intervals = (metrics.get("scar") or {}).get("volume_ml"), metrics.get("intervals") or {}
    row = intervals.get("scar_ml") or {}
    if not (is_number(volume) and is_number(row.get("lower")) and is_number(row.get("upper"))):
        return ""
    return f"Scar {number(volume, 1, 'ml')} ({_level(intervals)} interval {interval(row['lower'], row['upper'])})"


def _level(intervals: Mapping[str, Any]) -> str:
    return f"{100 * intervals['level']:.0f}\u202f%" if is_number(intervals.get("level")) else "credible"


def _text(row: Mapping[str, Any] | None, *, percent: bool, unit: bool = True) -> Markup:
    row = row or {}
    ends = row.get("lower"), row.get("upper")
    return interval(*ends, 1, "%" if unit else "", 100) if percent else interval(*ends, 1, "ml" if unit else "")


def _note(intervals: Mapping[str, Any], level: str, truth: Mapping[str, Any] | None) -> str:
    kind = intervals.get("uncertainty", "posterior")
    note = WORTH[kind].format(level=level) if kind in WORTH else ""
    if not truth:
        return note
    for name, what in (("scar_ml", "scar volume"), ("scar_fraction", "scar fraction")):
        if name in truth:
            verb = "holds" if truth[name]["inside"] else "misses"
            true = truth[name]["true"]
            said = f"{true:.1f}\u202fml" if name == "scar_ml" else f"{100 * true:.1f}\u202f%"
            note += f" Here the interval of the {what} {verb} the truth ({said})."
            break
    if truth.get("aha_segments"):
        note += f" Those of {truth['aha_inside']} of {truth['aha_segments']} AHA segments hold it."
    if truth.get("hidden_slices"):
        held, of = truth["hidden_inside"], truth["hidden_slices"]
        note += f" Of the {of} hidden slices {held} show a scar within the interval that was predicted for them."
    return note
