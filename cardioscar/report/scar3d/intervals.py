"""Intervals as a reader meets them: beside the volumes, beside the segments, and against the truth."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from cardioscar.report.page import interval, number
from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.scar3d.quality.result_scar import Interval, Intervals, IntervalTruth, TrueValue

WORTH = {
    "posterior": (
        "On phantoms, {level} intervals of this kind held the true fraction in nine of ten segments and the scar "
        "volume in eight of ten hearts: an error that all slices share (a threshold, a reader, scar beyond the "
        "slices) is not in them. They have not been measured on people."
    ),
    "labels": (
        "On phantoms that are drawn like people, 90\u202f% intervals of the scar area of a hidden slice held it in "
        "93\u202f% of the slices, those of an earlier version in 41\u202f%, and in 33\u202f% on 51 human hearts. On "
        "people these have not been measured."
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
"""What intervals of each kind have been worth, those of a posterior by what pixels say; see
docs/benchmarks/reconstruction.md."""
MISSING = "This map was made without intervals: how far the scar volume may be off was not estimated."


def interval_content(
    intervals: Intervals | None, truth: IntervalTruth | None, *, pixels: str = "fractions"
) -> dict[str, Any]:
    """What the page says of intervals.

    Args:
        intervals: Those of the map.
        truth: Whether they hold it.
        pixels: What the map's pixels say, `fractions` or `labels`.

    Returns:
        `known`, `level` as text, `volumes` by name (`scar_ml`, `scar_fraction`),
        `aha` by segment number, and `note` in a sentence.
    """
    if intervals is None:
        return {"known": False, "level": "", "volumes": {}, "aha": {}, "note": MISSING}
    level = _level(intervals)
    volumes = {
        name: f"{level} interval " + _text(found, percent=name == "scar_fraction")
        for name, found in (("scar_ml", intervals.scar_ml), ("scar_fraction", intervals.scar_fraction))
        if found is not None
    }
    aha = {
        int(number): _text(row.scar_fraction, percent=True, unit=False) for number, row in (intervals.aha or {}).items()
    }
    return {
        "known": True,
        "level": level,
        "volumes": volumes,
        "aha": aha,
        "note": _note(intervals, level, truth, pixels),
    }


def interval_headline(metrics: SubjectMetrics) -> str:
    """Scar volume and its interval in a phrase; empty where that is unknown."""
    found, volume = metrics.intervals, number(metrics.scar.volume_ml, 1, "ml")
    if found is None or found.scar_ml is None:
        return ""
    return f"Scar {volume} ({_level(found)} interval {interval(found.scar_ml.lower, found.scar_ml.upper)})"


def _level(intervals: Intervals) -> str:
    return f"{100 * intervals.level:.0f}\u202f%" if intervals.level is not None else "credible"


def _text(found: Interval, *, percent: bool, unit: bool = True) -> Markup:
    ends = found.lower, found.upper
    return interval(*ends, 1, "%" if unit else "", 100) if percent else interval(*ends, 1, "ml" if unit else "")


def _note(intervals: Intervals, level: str, truth: IntervalTruth | None, pixels: str) -> str:
    kind = intervals.uncertainty or "posterior"
    kind = "labels" if (kind, pixels) == ("posterior", "labels") else kind
    note = WORTH[kind].format(level=level) if kind in WORTH else ""
    if truth is None:
        return note
    if held := truth.scar_ml or truth.scar_fraction:
        what, said = "scar volume", _beside(held, intervals.scar_ml, 1, "ml")
        if truth.scar_ml is None:
            what, said = "scar fraction", _beside(held, intervals.scar_fraction, 100, "%")
        note += f" Here the interval of the {what} {'holds' if held.inside else 'misses'} the truth ({said})."
    if truth.aha_segments:
        note += f" Those of {truth.aha_inside} of {truth.aha_segments} AHA segments hold it."
    if truth.hidden_slices:
        held_by, of = truth.hidden_inside, truth.hidden_slices
        note += f" Of the {of} hidden slices {held_by} show a scar within the interval that was predicted for them."
    return note


def _beside(held: TrueValue, found: Interval | None, scale: float, unit: str) -> str:
    """The true value, with so many decimals that one sees by which end it is missed."""
    digits = 1
    if found is not None and not held.inside:
        while digits < 4 and round(scale * found.lower, digits) <= round(scale * held.true, digits) <= round(
            scale * found.upper, digits
        ):
            digits += 1
    said = f"{scale * held.true:.{digits}f}\u202f{unit}"
    if found is None or digits == 1:
        return said
    return f"{said}; the interval is {interval(found.lower, found.upper, digits, unit, scale)}"
