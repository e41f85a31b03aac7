"""The page of a quantified cine: it needs nothing else, stands still on request, and says what is missing."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from cardioscar.lvquant.inference.result import CineResult, Disagreement
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.subject_metrics import SubjectMetrics, subject_metrics
from cardioscar.report.lvquant.cine_loop import loop_webp
from cardioscar.report.lvquant.frames import panel_boxes
from cardioscar.report.lvquant.subject import CineReport, write_cine_report
from cardioscar.report.lvquant.views import CineViews, Indices

FRAMES, SLICES = 5, 3


def views() -> CineViews:
    distance = np.hypot(*(np.indices((40, 36)) - 18.0))[:, :, None, None]
    radius = 8 + 2 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)
    labels = np.where(distance < radius, 2, np.where(distance < radius + 4, 1, 0)).astype(np.uint8)
    labels = np.broadcast_to(labels, (40, 36, SLICES, FRAMES)).copy()
    noise = np.random.default_rng(0).normal(0, 10, labels.shape)
    areas = np.stack([(labels == part).sum(axis=(0, 1)) for part in (2, 1)], axis=-1) * 2.0
    shape = (SLICES, FRAMES)
    indices = Indices(areas, np.full((*shape, 3), 30.0), np.full((*shape, 6), 8.0))
    return CineViews(
        100.0 * labels + noise, labels, (1.4, 1.4), 8.0, (2, 1, 0), np.arange(FRAMES) * 160.0, 0, 2, indices, indices
    )


def metrics(*, lost: bool = False) -> SubjectMetrics:
    nothing = Disagreement(None, None, None, None, None)
    result = CineResult(
        SLICES, 0 if lost else SLICES, FRAMES, None if lost else 0, None if lost else 2, 800.0, None, None, None, None,
        None, (None,) * 16, (None,) * FRAMES, None if lost else (False, True, True, False, False), None, nothing, 0,
        ("no left ventricle was found in two frames",) if lost else (), "ab" * 32,
    )  # fmt: skip
    return subject_metrics(
        result, times_ms=None, septum=SeptumFrame(0.0, 1), septum_from="assumed", reference=None, seconds=1.0
    )


def test_a_page_holds_all_that_it_needs(tmp_path: Path) -> None:
    text = write_cine_report(tmp_path, CineReport("P001", metrics(), views(), "0.1")).read_text()
    assert "default-src 'none'" in text
    links = set(re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', text))
    assert links == {"../cohort.html", "indices.csv", "metrics.json"}  # to leave it by; none is needed to show it
    assert text.count("data:image/webp") == 6  # the beat moving and standing still, three panels of curves, one row
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"cine.webp", "curves.png", "frames.png"}
    for picture in re.findall(r"<img [^>]*>", text):
        assert re.search(r'alt="[^"]{10,}"', picture)


def test_the_heart_beats_at_its_own_pace_and_stands_still_on_request(tmp_path: Path) -> None:
    moving, still = (Image.open(io.BytesIO(data)) for data in loop_webp(views()))
    assert (moving.n_frames, getattr(still, "n_frames", 1)) == (FRAMES, 1)
    moving.seek(1)
    moving.load()  # only now is the duration known
    assert moving.info["duration"] == 160
    text = write_cine_report(tmp_path, CineReport("P001", metrics(), views(), "0.1")).read_text()
    assert "prefers-reduced-motion" in text
    assert '<label for="hold">' in text


def test_a_page_without_a_ventricle_says_so(tmp_path: Path) -> None:
    lost = replace(views(), labels=np.zeros((40, 36, SLICES, FRAMES), dtype=np.uint8), ed_frame=None, es_frame=None)
    text = write_cine_report(tmp_path, CineReport("P001", metrics(lost=True), lost, "0.1")).read_text()
    assert "No left ventricle was found" in text
    assert 'class="badge fail"' in text


def test_slices_and_frames_are_counted_as_the_file_does(tmp_path: Path) -> None:
    text = write_cine_report(tmp_path, CineReport("P001", metrics(), views(), "0.1")).read_text()
    assert "Slice 2 is the apical end of the stack, slice 0 the basal one" in text  # stored from the base on
    assert "End-diastole is frame 0, end-systole frame 2" in text
    assert "Slices 0, 1, 2, from the base to the apex" in text


def test_a_phone_gets_a_few_slices_beside_each_other(tmp_path: Path) -> None:
    many = replace(views(), **{
        name: np.repeat(getattr(views(), name), 3, axis=2) for name in ("images", "labels")
    }, slice_numbers=tuple(range(9)))  # fmt: skip
    boxes = panel_boxes(many)
    assert [(round(left, 2), round(right, 2)) for left, _, right, _ in boxes][1::2] == [(0.51, 1.0)]
    assert [round(top, 1) for _, top, _, _ in boxes] == [0.0, 0.0, 0.5]  # six slices in a row, three in the next


def test_text_of_others_is_escaped(tmp_path: Path) -> None:
    said = replace(metrics(), warnings=("<script>alert(1)</script>",))
    text = write_cine_report(tmp_path, CineReport("P001", said, None, "0.1")).read_text()
    assert "<script>" not in text
