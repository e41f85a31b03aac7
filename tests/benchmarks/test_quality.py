"""The arithmetic of the quality benchmark, on results that are known by hand."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.scar3d.quality.whole import SCORES, whole

FOLDER = str(Path(__file__).resolve().parents[2] / "benchmarks")


@pytest.fixture(scope="module", autouse=True)
def scripts():
    sys.path.insert(0, FOLDER)
    yield
    sys.path.remove(FOLDER)


def result(seed: int, dice: float | None, verdict: str, error: float | None, *reasons: str):
    from quality_set import Heart, Result

    from cardioscar.phantom.config import PhantomConfig

    off = None if dice is None else 100 * (1 - dice)
    metrics = whole(
        {
            "truth": {"cardioscar": SCORES | {"hd95_mm": 1.0, "dice": dice, "volume_error_percent": off}},
            "qc": {"verdict": verdict, "reasons": list(reasons)},
            "leave_one_out": {"scar_error": error},
            "intervals": None,
        }
    )
    return Result(Heart(f"H{seed}", seed, "labels", PhantomConfig()), metrics, Path("slices.npz"))


def test_the_best_limit_divides_good_maps_from_poor_ones():
    import quality

    errors, dice = np.array([0.2, 0.4, 0.6, 1.0, 1.4, np.nan]), np.array([0.95, 0.9, 0.86, 0.8, 0.7, np.nan])
    assert quality.best_limit(errors, dice, 0.85) == pytest.approx(0.8)
    assert quality.best_limit(errors, dice, 0.75) == pytest.approx(1.2)
    assert math.isnan(quality.best_limit(errors, dice, 0.5))


def test_the_area_is_the_chance_that_the_poorer_map_has_the_larger_error():
    import quality

    dice = np.array([0.9, 0.9, 0.8, 0.8])
    assert quality.auc(np.array([1.0, 2.0, 3.0, 4.0]), dice) == 1
    assert quality.auc(np.array([4.0, 3.0, 2.0, 1.0]), dice) == 0
    assert quality.auc(np.array([1.0, 3.0, 2.0, 4.0]), dice) == 0.75
    assert math.isnan(quality.auc(np.array([1.0, 2.0, 3.0, 4.0]), dice, least=0.5))


def test_each_half_counts_its_own_hearts():
    import quality

    results = [
        result(1000, 0.95, "pass", 0.3),
        result(1014, 0.80, "review", 1.0),
        result(1015, None, "pass", None),
        result(1029, 0.60, "fail", 1.5),
    ]
    rows = {row[0]: row[1:] for row in quality.verdict_rows(results)}
    assert rows["pass, chosen on"][:3] == (1, 1, "0.950")
    assert rows["review, chosen on"][4] == "1"
    assert rows["pass, shown on"] == (1, 0, "–", "–", "0", "–", "–")
    assert rows["fail, shown on"] == (1, 1, "0.600", "0.600", "1", "40.0", "40.0")


def test_reasons_are_counted_without_their_numbers():
    import quality

    results = [
        result(1000, 0.9, "pass", 0.3),
        result(1001, 0.6, "review", 0.3, "a gap of 10.1 mm between slices, wider than 10 mm"),
        result(1002, 0.8, "review", 0.3, "a gap of 12.5 mm between slices, wider than 10 mm", "7 slices show the wall"),
    ]
    rows = {row[0]: row[1:] for row in quality.reason_rows(results)}
    [gap] = [row for kind, row in rows.items() if kind.startswith("a gap")]
    assert gap == (2, "0.700", "0.900")
    assert len(rows) == 2


def test_the_halves_do_not_share_a_heart_and_the_hearts_differ():
    from quality_set import FIRST_HALF, HEARTS_PER_SEED, SEEDS, hearts

    found = list(hearts())
    assert len({heart.subject for heart in found}) == len(found) == len(SEEDS) * HEARTS_PER_SEED
    assert len({heart.config for heart in found}) == len(found)
    first = {heart.config.seed for heart in found if heart.seed in FIRST_HALF}
    assert first.isdisjoint({heart.config.seed for heart in found if heart.seed not in FIRST_HALF})
    assert {heart.config.scar for heart in found} == {"smooth", "isthmus", "patchy", "none"}
    assert {heart.target for heart in found} == {"probability", "labels", "fwhm"}


def test_the_page_takes_what_is_measured():
    import quality
    from measured import BEGIN, END

    text = quality.PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1


def test_the_plot_is_a_picture():
    import quality

    picture = quality.plot([result(1000, 0.9, "pass", 0.3), result(1020, 0.6, "fail", 1.5)])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000
