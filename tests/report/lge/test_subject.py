"""The page of a segmentation: what it says of slices and septum, and the parts in which a phone shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardioscar.lge.result import (
    ImageFacts,
    NetworkFacts,
    Quality,
    SegmentMetrics,
    SegmentResult,
    SliceResult,
    ThresholdResult,
)
from cardioscar.report.lge.slices import SegmentedSlice, panel_boxes
from cardioscar.report.lge.subject import SegmentReport, content, write_segment_report


def drawn(number: int, reasons: tuple[str, ...] = ()) -> SegmentedSlice:
    distance = np.hypot(*(np.indices((48, 48)) - 24.0))
    wall, cavity = (distance >= 10) & (distance < 15), distance < 10
    scar = wall & (np.indices((48, 48))[0] > 30)
    image = 50.0 * scar + np.random.default_rng(number).normal(100, 8, wall.shape)
    return SegmentedSlice(number, image, wall, cavity, scar, 0.9 * scar, 0.2 * wall, (1.4, 1.4), reasons=reasons)


def metrics(looked: int = 1) -> SegmentMetrics:
    rows = tuple(
        SliceResult(n, 4.0, 0.5, 0.2, 0.9, 0.9, 0.8, ("scar uncertain",) if n < looked else ()) for n in range(8)
    )
    segment = SegmentResult(4.0, 0.2, 0.1, 0.3, 0.4, 0.3, 0.1)
    return SegmentMetrics(
        subject="P001", network=NetworkFacts("net", "ab" * 32, True, 1.2), image=ImageFacts(8, (1.4, 1.4), 8.0, None),
        scar_ml=4.0, scar_ml_low=2.0, scar_ml_high=6.0, scar_ml_mean=4.1, scar_fraction_of_wall=0.125,
        scar_fraction_low=0.1, scar_fraction_high=0.2, wall_ml=32.0, wall_ml_low=30.0, wall_ml_high=34.0,
        cavity_ml=60.0, interval_level=0.9, scar_draws_ml=(4.0,), slices=rows,
        aha={str(n): segment for n in range(1, 17)},
        thresholds={"fwhm": ThresholdResult(3.0, 140.0, ""), "nsd": ThresholdResult(None, None, "too little wall")},
        rules=(), reference=None, dicom=None, warnings=("the file has no <frame>",), qc=Quality("review", ("look",)),
    )  # fmt: skip


def test_a_page_says_which_end_is_the_apex_and_what_nobody_said(tmp_path: Path) -> None:
    report = SegmentReport(metrics(), [drawn(n) for n in range(8)], config={"n_sd": 5.0})
    text = write_segment_report(tmp_path, report).read_text(encoding="utf-8")
    assert "from slice 0 at the apex to slice 7 at the base" in text
    assert "Nobody said where it lies" in text
    assert "septum assumed: names may be turned" in text
    assert "the file has no &lt;frame&gt;" in text
    assert "5-SD" in text
    assert "Threshold, units of the image" in text
    links = set(re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', text))
    assert links == {"../cohort.html", "labels.nii.gz", "metrics.json"}
    given = content(replace(report, septum_given=True))
    assert "was given" in given["septum_note"]
    assert given["septum_warning"] == ""


@pytest.mark.parametrize(
    ("looked", "said"),
    [(0, "No slice asks for a look."), (2, "Slices to look at: 0, 1."), (7, "7 of 8 slices ask for a look.")],
)
def test_the_first_line_names_a_few_slices_and_counts_many(looked: int, said: str) -> None:
    assert content(SegmentReport(metrics(looked)))["lede"].endswith(said)


def test_a_phone_gets_two_slices_beside_each_other() -> None:
    boxes = panel_boxes([drawn(n) for n in range(8)])
    pairs, legend = boxes[:-1], boxes[-1]
    assert len(pairs) == 4  # three in the first band, one in the second
    assert [box[0] for box in pairs] == pytest.approx([0, 1 / 3, 2 / 3, 0], abs=0.003)
    assert pairs[3][1] == pytest.approx(pairs[0][3])
    assert legend[1] == pytest.approx(pairs[3][3])
    assert legend[3] == 1.0
