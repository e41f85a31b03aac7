import dataclasses
import re

import pytest

from cardioscar.learning.curves import Curves
from cardioscar.learning.split import Split
from cardioscar.report.training import ENDS, TrainingSummary, write_training_report

EVIL = "<script>alert(1)</script>"
CURVES = Curves(
    tuple(1 / (n + 1) for n in range(30)), (0.01,) * 30, tuple((10 * n, {"dice": 0.2 * n}) for n in (1, 2, 3))
)
SUMMARY = TrainingSummary(
    name=f"scar net {EVIL}",
    curves=CURVES,
    best_step=20,
    version="1.2.3",
    seconds=75.0,
    device="cuda:0",
    settings={"steps": 30, "schedule": {"peak": 0.01, "name": EVIL}},
    split=Split(("PATIENT-7", "P2"), ("P3",)),
    figures={"dice": 0.61234, "loss": float("nan")},
    overlays={f"Slice {EVIL}": b"\x89PNG"},
)


def text(html: str) -> str:
    plain = re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", plain.replace("\u202f", " "))


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> str:
    return write_training_report(tmp_path_factory.mktemp("training") / "new" / "training.html", SUMMARY).read_text()


def test_curves_settings_split_and_figures_are_there(html):
    said = text(html)
    for words in (
        "All steps done", "Steps 30", "Weights of step 20", "dice 0.6123", "loss –", "1 min 15 s", "cuda:0",
        "loss, training (logarithmic)", "dice, validation", "schedule.peak 0.01", "train 2 validation 1 test 0",
        "cardioscar 1.2.3", "Research use only. Not a medical device.", SUMMARY.split.sha256,
    ):  # fmt: skip
        assert words in said, words
    assert html.count('<svg class="line"') == 3
    assert 'src="data:image/png;base64,' in html


def test_the_page_stands_alone_runs_nothing_and_names_no_subject(html):
    assert EVIL not in html
    assert "<script" not in html
    assert "PATIENT-7" not in html
    assert not re.search(r"(?:src|href)=\"(?!data:)", html)
    assert "default-src 'none'" in html


def test_what_has_no_value_has_no_chart(tmp_path):
    empty = TrainingSummary("net", Curves())
    html = write_training_report(tmp_path / "training.html", empty).read_text()
    assert "No step was done." in html
    assert '<svg class="line"' not in html
    gaps = dataclasses.replace(empty, curves=Curves((1.0,), (0.1,), ((1, {"dice": float("nan")}),)))
    assert "dice" not in write_training_report(tmp_path / "training.html", gaps).read_text()


@pytest.mark.parametrize(("reason", "words"), ENDS.items())
def test_each_end_is_said_in_words(reason, words, tmp_path):
    html = write_training_report(
        tmp_path / "training.html", dataclasses.replace(SUMMARY, stop_reason=reason)
    ).read_text()
    assert words in text(html)
    assert ('class="badge pass"' in html) == (reason in ("completed", "patience"))


def test_without_a_time_the_page_is_the_same_for_the_same_training(tmp_path):
    timeless = dataclasses.replace(SUMMARY, seconds=None)
    pages = [write_training_report(tmp_path / f"{n}.html", timeless).read_bytes() for n in range(2)]
    assert pages[0] == pages[1]
    assert b"Wall time" not in pages[0]
