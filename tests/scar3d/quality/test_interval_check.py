"""Intervals against a truth that is known by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.scar3d.quality.interval_check import intervals_and_truth, read_intervals
from cardioscar.scar3d.quality.result_scar import Interval, Intervals, IntervalTruth, SegmentInterval, TrueValue

ML = np.array([1.0, 2.0, 3.0, 4.0])
TRUTH = np.array([1.0, 0.0, 1.0, 0.0])
SEGMENT = np.array([1, 1, 2, 17])


def interval(lower: float, upper: float) -> Interval:
    return Interval(mean=(lower + upper) / 2, sd=0.1, lower=lower, upper=upper)


@pytest.mark.outside_annotations  # approximate numbers stand in results
def test_volume_fraction_and_segments_are_held_against_the_truth() -> None:
    intervals = Intervals(
        scar_ml=interval(3.9, 5.0),
        scar_fraction=interval(0.41, 0.5),
        aha={
            "1": SegmentInterval(interval(0.3, 0.4)),
            "2": SegmentInterval(interval(0.5, 0.9)),
            "17": SegmentInterval(interval(0.0, 0.1)),
            "5": SegmentInterval(interval(0.0, 1.0)),
        },
    )
    found = intervals_and_truth(intervals, TRUTH, ML, SEGMENT)
    assert found == IntervalTruth(
        scar_ml=TrueValue(4.0, inside=True),
        scar_fraction=TrueValue(pytest.approx(0.4), inside=False),
        aha_segments=3,  # segment 5 has no tissue
        aha_inside=2,
    )


def test_the_ends_belong_to_an_interval() -> None:
    for ends in ((4.0, 5.0), (3.0, 4.0), (4.0, 4.0)):
        found = intervals_and_truth(Intervals(scar_ml=interval(*ends)), TRUTH, ML, None)
        assert found == IntervalTruth(scar_ml=TrueValue(4.0, inside=True))


def test_without_intervals_there_is_nothing_to_hold() -> None:
    assert intervals_and_truth(None, TRUTH, ML, SEGMENT) is None


def test_a_map_without_intervals_has_no_file(tmp_path: Path) -> None:
    assert read_intervals(tmp_path) is None
    (tmp_path / "intervals.json").write_text(json.dumps({"level": 0.9}), encoding="utf-8")
    assert read_intervals(tmp_path) == Intervals(level=0.9)
