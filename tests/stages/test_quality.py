"""The verdict and its reasons, at the limits."""

from __future__ import annotations

from typing import Any

import pytest

from cardioscar.stages.quality import (
    DOUBT_FAIL,
    DOUBT_REVIEW,
    GAP_REVIEW_MM,
    LEAST_SLICES,
    LEFT_OUT_FAIL,
    LEFT_OUT_REVIEW,
    OUTERMOST_REVIEW,
    SMALL_SCAR_ML,
    WIDTH_REVIEW,
    doubt,
    quality,
    relative_width,
)

FACTS: dict[str, Any] = {"unseen_pixels": 0}
GOOD: dict[str, Any] = {
    "fit": {"stop_reason": "completed"},
    "scar": {"uncertainty_mean": 0.02, "fraction_of_wall": 0.1},
    "residual": {"rms": 0.05},
    "observed_pixels": 100,
    "heldout": None,
    "leave_one_out": {"dice": 0.8},
    "slices": {"with_wall": 9, "observed_scar_ml": 12.0, "outermost_scar": 0.0, "largest_gap_mm": 3.0},
    "intervals": {"scar_ml": {"mean": 10.0, "lower": 9.0, "upper": 11.0}},
}


def heldout_dice(value: float | None) -> dict[str, object]:
    return {"heldout": {"scores": {"cardioscar": {"dice": value}}}}


def left_out(dice: float | None) -> dict[str, object]:
    return {"leave_one_out": {"dice": dice}}


def in_doubt(share: float) -> dict[str, object]:
    return {"scar": {"uncertainty_mean": 0.1 * share, "fraction_of_wall": 0.1}}


def slices(**changes: object) -> dict[str, object]:
    return {"slices": GOOD["slices"] | changes}


def scar_ml(mean: float, lower: float, upper: float) -> dict[str, object]:
    return {"intervals": {"scar_ml": {"mean": mean, "lower": lower, "upper": upper}}}


@pytest.mark.parametrize(
    ("change", "unseen", "verdict", "reason"),
    [
        ({}, 0, "pass", ""),
        ({"fit": {"stop_reason": "diverged"}}, 0, "fail", "the fit diverged"),
        ({"residual": {"rms": 0.36}}, 0, "fail", "does not meet the pixels (residual rms 0.36, limit 0.35)"),
        ({"residual": {"rms": 0.35}}, 0, "review", "pixels are met loosely (residual rms 0.35, limit 0.20)"),
        ({"residual": {"rms": 0.20}}, 0, "pass", ""),
        ({}, 33, "pass", ""),
        ({}, 34, "review", "25% of the wall pixels lie outside the mesh"),
        (heldout_dice(0.59), 0, "review", "hidden slices are predicted poorly (Dice 0.59, limit 0.60)"),
        (heldout_dice(0.60), 0, "pass", ""),
        (heldout_dice(None), 0, "pass", ""),
        (left_out(LEFT_OUT_REVIEW), 0, "pass", ""),
        (left_out(LEFT_OUT_REVIEW - 0.01), 0, "review", "slices do not predict one another"),
        (left_out(LEFT_OUT_FAIL - 0.01), 0, "review", f"limit {LEFT_OUT_REVIEW:.2f}"),
        (in_doubt(DOUBT_REVIEW - 0.01), 0, "pass", ""),
        (in_doubt(DOUBT_REVIEW + 0.01), 0, "review", "much of the scar is in doubt"),
        (in_doubt(DOUBT_FAIL + 0.01), 0, "review", f"limit {DOUBT_REVIEW:.0%}"),
        (left_out(LEFT_OUT_FAIL) | in_doubt(DOUBT_FAIL + 0.01), 0, "review", "in doubt"),
        (left_out(LEFT_OUT_FAIL - 0.01) | in_doubt(DOUBT_FAIL - 0.01), 0, "review", "do not predict"),
        (left_out(LEFT_OUT_FAIL - 0.01) | in_doubt(DOUBT_FAIL + 0.01), 0, "fail", f"limit {DOUBT_FAIL:.0%}"),
        ({"scar": {"uncertainty_mean": 0.01, "fraction_of_wall": 0.0}}, 0, "pass", ""),
        (left_out(None), 0, "pass", ""),
        ({"leave_one_out": None, "slices": None, "intervals": None}, 0, "pass", ""),
        (slices(with_wall=LEAST_SLICES), 0, "pass", ""),
        (slices(with_wall=LEAST_SLICES - 1), 0, "review", "slices show the wall, fewer than"),
        (slices(largest_gap_mm=GAP_REVIEW_MM), 0, "pass", ""),
        (slices(largest_gap_mm=GAP_REVIEW_MM + 0.1), 0, "review", "a gap of 10.1 mm between slices"),
        (slices(largest_gap_mm=None), 0, "pass", ""),
        (slices(outermost_scar=OUTERMOST_REVIEW), 0, "pass", ""),
        (slices(outermost_scar=OUTERMOST_REVIEW + 0.01), 0, "review", "scar reaches the outermost slices (11% of it)"),
        (slices(observed_scar_ml=SMALL_SCAR_ML), 0, "pass", ""),
        (slices(observed_scar_ml=0.4), 0, "review", "the scar seen is small (0.40 ml)"),
        (slices(observed_scar_ml=0.0, outermost_scar=None), 0, "pass", ""),
        (scar_ml(10.0, 10.0 - 5 * WIDTH_REVIEW, 10.0 + 5 * WIDTH_REVIEW), 0, "pass", ""),
        (scar_ml(10.0, 4.0, 19.0), 0, "review", "the scar volume is uncertain (4.0 to 19.0 ml, 150% of it"),
        (scar_ml(0.1, 0.0, 0.9), 0, "pass", ""),
        (scar_ml(0.0, 0.0, 0.0), 0, "pass", ""),
    ],
)
def test_the_verdict_says_why(change: dict[str, object], unseen: int, verdict: str, reason: str) -> None:
    found = quality(GOOD | change, FACTS | {"unseen_pixels": unseen})
    assert found["verdict"] == verdict
    assert reason in " ".join(found["reasons"])
    assert bool(found["reasons"]) == (verdict != "pass")


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [("applied", "pass"), ("small", "pass"), ("uncertain", "pass"), ("too far", "review"), ("no match", "review")],
)
def test_a_slice_that_could_not_be_placed_is_named(finding: str, verdict: str) -> None:
    found = quality(GOOD, FACTS | {"slice_shifts_mm": {"3": {"finding": "small"}, "4": {"finding": finding}}})
    assert found["verdict"] == verdict
    assert ("slice 4" in " ".join(found["reasons"])) == (verdict == "review")


def test_a_failure_outweighs_a_doubt_and_both_are_said() -> None:
    found = quality(GOOD | {"fit": {"stop_reason": "diverged"}, "residual": {"rms": 0.3}}, FACTS)
    assert found["verdict"] == "fail"
    assert len(found["reasons"]) == 2
    assert found["reasons"][0] == "the fit diverged"


def test_every_doubt_is_said() -> None:
    doubts = left_out(LEFT_OUT_REVIEW - 0.01) | slices(
        with_wall=3, largest_gap_mm=12.0, outermost_scar=0.5, observed_scar_ml=0.5
    )
    assert len(quality(GOOD | doubts | {"residual": {"rms": 0.3}}, FACTS)["reasons"]) == 6


def test_doubt_is_a_share_of_the_scar() -> None:
    assert doubt({"scar": {"uncertainty_mean": 0.02, "fraction_of_wall": 0.08}}) == pytest.approx(0.25)
    assert doubt({"scar": {"uncertainty_mean": 0.02, "fraction_of_wall": 0.0}}) is None
    assert doubt({"scar": {"uncertainty_mean": None, "fraction_of_wall": 0.1}}) is None
    assert doubt({}) is None


def test_a_relative_width_needs_a_mean() -> None:
    assert relative_width({"mean": 10.0, "lower": 9.0, "upper": 12.0}) == pytest.approx(0.3)
    assert relative_width({"mean": 0.0, "lower": 0.0, "upper": 0.0}) is None
    assert relative_width(None) is None
