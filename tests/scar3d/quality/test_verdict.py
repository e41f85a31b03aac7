"""The verdict and its reasons, at the limits."""

from __future__ import annotations

from typing import Any

import pytest

from cardioscar.scar3d.quality.limits import FRACTIONS as F
from cardioscar.scar3d.quality.limits import LABELS
from cardioscar.scar3d.quality.result_scar import Interval
from cardioscar.scar3d.quality.result_scores import Quality
from cardioscar.scar3d.quality.verdict import (
    SMALL_SCAR_ML,
    UNSEEN_SCAR_FAIL,
    UNSEEN_SCAR_REVIEW,
    UNSEEN_WALL_FAIL,
    UNSEEN_WALL_REVIEW,
    doubt,
    quality,
    relative_width,
)
from tests.scar3d.quality.whole import CONTENT, SCORES, whole

FACTS: dict[str, Any] = {"unseen_pixels": 0}
SLICES = CONTENT["slices"]


def judged(changes: dict[str, Any], facts: dict[str, Any]) -> Quality:
    return quality(whole(changes), facts)


def heldout_dice(value: float | None) -> dict[str, object]:
    scores = {"cardioscar": SCORES | {"dice": value}}
    return {"heldout": {"slices": [3], "pixels": 9, "scores": scores, "per_slice": []}}


def left_out(dice: float | None) -> dict[str, object]:
    return {"leave_one_out": {"dice": dice}}


def shifts(*findings: str) -> dict[str, object]:
    return {"slice_shifts_mm": {str(number): {"finding": finding} for number, finding in enumerate(findings)}}


def in_doubt(share: float) -> dict[str, object]:
    return {"scar": {"uncertainty_mean": 0.1 * share, "fraction_of_wall": 0.1}}


def slices(**changes: object) -> dict[str, object]:
    return {"slices": SLICES | changes}


def unseen(part: str, share: float) -> dict[str, object]:
    return {"coverage": {"reach_mm": 12.0, f"unseen_{part}_fraction": share}}


def scar_ml(mean: float, lower: float, upper: float) -> dict[str, object]:
    return {"intervals": {"scar_ml": {"mean": mean, "lower": lower, "upper": upper}}}


@pytest.mark.parametrize(
    ("change", "unseen", "verdict", "reason"),
    [
        ({}, 0, "pass", ""),
        ({"fit": {"stop_reason": "diverged"}}, 0, "fail", "the fit diverged"),
        ({"residual": {"rms": 0.36}}, 0, "fail", "does not meet the pixels (residual rms 0.360, above 0.35)"),
        ({"residual": {"rms": float("nan")}}, 0, "fail", "does not meet the pixels"),
        ({"residual": {"rms": 0.35}}, 0, "review", "pixels are met loosely (residual rms 0.350, above 0.20)"),
        ({"residual": {"rms": 0.20}}, 0, "pass", ""),
        ({}, 33, "pass", ""),
        ({}, 34, "review", "25% of the wall pixels lie outside the mesh"),
        ({}, 100, "review", "50% of the wall pixels lie outside the mesh"),
        ({}, 101, "fail", "50% of the wall pixels lie outside the mesh"),
        (heldout_dice(0.59), 0, "review", "hidden slices are predicted poorly (Dice 0.590, below 0.60)"),
        (heldout_dice(0.60), 0, "pass", ""),
        (heldout_dice(None), 0, "pass", ""),
        (left_out(F.left_out_review), 0, "pass", ""),
        (left_out(F.left_out_review - 0.01), 0, "review", "slices do not predict one another"),
        (left_out(F.left_out_fail - 0.01), 0, "review", f"below {F.left_out_review:.2f}"),
        (in_doubt(F.doubt_review - 0.01), 0, "pass", ""),
        (
            in_doubt(F.doubt_review + 0.004),
            0,
            "review",
            "much of the scar is in doubt (standard deviations add up to 50.4% of its volume, above 50%)",
        ),
        (in_doubt(F.doubt_fail + 0.01), 0, "review", f"above {F.doubt_review:.0%}"),
        (left_out(F.left_out_fail) | in_doubt(F.doubt_fail + 0.01), 0, "review", "in doubt"),
        (
            left_out(F.left_out_fail - 0.01) | in_doubt(F.doubt_fail - 0.01),
            0,
            "review",
            "do not predict",
        ),
        (
            left_out(F.left_out_fail - 0.01) | in_doubt(F.doubt_fail + 0.01),
            0,
            "fail",
            f"above {F.doubt_fail:.0%}",
        ),
        ({"scar": {"uncertainty_mean": 0.01, "fraction_of_wall": 0.0}}, 0, "pass", ""),
        (left_out(None), 0, "pass", ""),
        ({"leave_one_out": None, "slices": None, "intervals": None}, 0, "pass", ""),
        (slices(with_wall=F.least_slices), 0, "pass", ""),
        (slices(with_wall=F.least_slices - 1), 0, "review", "slices show the wall, fewer than"),
        (slices(largest_gap_mm=F.gap_review_mm), 0, "pass", ""),
        (slices(largest_gap_mm=F.gap_review_mm + 0.1), 0, "review", "a gap of 10.1 mm between slices"),
        (slices(largest_gap_mm=None), 0, "pass", ""),
        (slices(outermost_scar=F.outermost_review), 0, "pass", ""),
        (
            slices(outermost_scar=F.outermost_review + 0.01),
            0,
            "review",
            "scar reaches the outermost slices (11% of it)",
        ),
        (slices(observed_scar_ml=SMALL_SCAR_ML), 0, "pass", ""),
        (slices(observed_scar_ml=0.4), 0, "review", "the scar seen is small (0.40 ml)"),
        (slices(observed_scar_ml=0.0, outermost_scar=None), 0, "pass", ""),
        (scar_ml(10.0, 10.0 - 5 * F.width_review, 10.0 + 5 * F.width_review), 0, "pass", ""),
        (scar_ml(10.0, 4.0, 19.0), 0, "review", "the scar volume is uncertain (4.0 to 19.0 ml, 150.0% of it"),
        (scar_ml(0.1, 0.0, 0.9), 0, "pass", ""),
        (scar_ml(0.0, 0.0, 0.0), 0, "pass", ""),
        ({"coverage": None, "posterior": None}, 0, "pass", ""),
        (unseen("wall", UNSEEN_WALL_REVIEW), 0, "pass", ""),
        (
            unseen("wall", 0.2),
            0,
            "review",
            "slices do not show 20% of the wall, farther than 12 mm from what they show",
        ),
        (unseen("wall", UNSEEN_WALL_FAIL + 0.01), 0, "fail", "slices do not show 61% of the wall"),
        (unseen("scar", UNSEEN_SCAR_REVIEW), 0, "pass", ""),
        (unseen("scar", UNSEEN_SCAR_REVIEW + 0.01), 0, "review", "slices do not show 11% of the scar"),
        (unseen("scar", UNSEEN_SCAR_FAIL + 0.01), 0, "fail", "slices do not show 51% of the scar"),
        ({"posterior": {"converged": True}}, 0, "pass", ""),
        ({"posterior": {"converged": False}}, 0, "review", "the posterior did not converge"),
        ({"aha": {}}, 0, "review", "the wall was not divided into AHA segments"),
    ],
)
def test_the_verdict_says_why(change: dict[str, object], unseen: int, verdict: str, reason: str) -> None:
    found = judged(change, FACTS | {"unseen_pixels": unseen})
    assert found.verdict == verdict
    assert reason in " ".join(found.reasons)
    assert bool(found.reasons) == (verdict != "pass")


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [("applied", "pass"), ("small", "pass"), ("uncertain", "pass"), ("too far", "review"), ("no match", "review")],
)
def test_a_slice_that_could_not_be_placed_is_named(finding: str, verdict: str) -> None:
    found = judged({}, FACTS | shifts("small", finding))
    assert found.verdict == verdict
    assert ("slice 1 is not" in " ".join(found.reasons)) == (verdict == "review")


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        (["no match"] * 4 + ["small"] * 5, "review"),
        (["no match"] * 2 + ["too far"] * 3 + ["applied"] * 4, "fail"),
        (["no match"] * 4 + ["applied"] * 4, "review"),
        (["no match"] * 9, "fail"),
        (["uncertain"] * 9, "pass"),
        ([], "pass"),
    ],
)
def test_most_slices_that_do_not_fit_the_mesh_fail_the_map(findings: list[str], verdict: str) -> None:
    found = judged({}, FACTS | shifts(*findings))
    assert found.verdict == verdict
    if verdict == "fail":
        lost = sum(finding in ("no match", "too far") for finding in findings)
        assert found.reasons[0].startswith(f"{lost} of {len(findings)} slices do not fit the mesh")
    if "too far" in findings:
        assert "slices 2, 3, 4 are not where they should be: their wall is more than 10 mm from the mesh" in (
            found.reasons
        )


@pytest.mark.parametrize(
    ("wall_ml", "verdict"),
    [
        (6.2, "fail"), (19.9, "fail"), (20.0, "review"), (39.9, "review"), (40.0, "pass"), (122.5, "pass"),
        (400.0, "pass"), (401.0, "review"), (600.0, "review"), (601.0, "fail"), (1404.0, "fail"),
    ],
)  # fmt: skip
def test_a_wall_is_held_against_adult_hearts(wall_ml: float, verdict: str) -> None:
    metrics = {"scar": {"wall_ml": wall_ml}}
    found = judged(metrics, FACTS)
    assert found.verdict == judged(metrics, FACTS | {"heart": "adult"}).verdict == verdict
    assert judged(metrics, FACTS | {"heart": "other"}).verdict == "pass"


@pytest.mark.parametrize(
    ("fact", "verdict", "said"),
    [
        ({"cavity_ml": 0.0}, "fail", "cavity of 0.0 ml: no adult heart has that (5 to 1000 ml), is the voxel size"),
        ({"cavity_ml": 14.0}, "review", "cavity of 14.0 ml: unusual for an adult heart (15 to 500 ml)"),
        ({"cavity_ml": 82.6, "wall_thickness_mm": 9.1}, "pass", ""),
        ({"cavity_ml": 1414.0}, "fail", "cavity of 1,414.0 ml"),
        ({"wall_thickness_mm": 2.9}, "review", "wall thickness of 2.9 mm: unusual"),
        ({"wall_thickness_mm": 41.25}, "fail", "wall thickness of 41.2 mm"),
        ({"cavity_ml": None, "wall_thickness_mm": None}, "pass", ""),
    ],
)
def test_cavity_and_thickness_are_held_against_adult_hearts(fact: dict[str, Any], verdict: str, said: str) -> None:
    found = judged({}, FACTS | fact)
    assert found.verdict == verdict
    assert said in " ".join(found.reasons)


def test_warnings_are_reasons_for_review_once_each() -> None:
    texts = ["a thin wall", "slice 0 is not where it should be: its wall is unlike the mesh's cross-section"]
    warned = {"warnings": [{"stage": "preprocess", "text": text} for text in texts]}
    assert judged(warned, FACTS) == Quality("review", tuple(texts))
    found = judged(warned, FACTS | shifts("no match", "small", "small"))
    assert found == Quality("review", tuple(texts[::-1]))


def test_a_warning_that_says_why_there_are_no_segments_is_enough() -> None:
    warned = {"aha": {}, "warnings": [{"stage": "preprocess", "text": "no LV coordinates, so no AHA segments"}]}
    assert judged(warned, FACTS).reasons == ("no LV coordinates, so no AHA segments",)


def test_a_warning_that_says_what_did_not_converge_is_enough() -> None:
    text = "the correction of the map by the pixels had not converged after 8 steps"
    warned = {"posterior": {"converged": False}, "warnings": [{"stage": "infer", "text": text}]}
    assert judged(warned, FACTS).reasons == (text,)


def test_a_failure_outweighs_a_doubt_and_both_are_said() -> None:
    found = judged({"fit": {"stop_reason": "diverged"}, "residual": {"rms": 0.3}}, FACTS)
    assert found.verdict == "fail"
    assert len(found.reasons) == 2
    assert found.reasons[0] == "the fit diverged"


def test_every_doubt_is_said() -> None:
    doubts = left_out(F.left_out_review - 0.01) | slices(
        with_wall=3, largest_gap_mm=12.0, outermost_scar=0.5, observed_scar_ml=0.5
    )
    assert len(judged(doubts | {"residual": {"rms": 0.3}}, FACTS).reasons) == 6


def test_doubt_is_a_share_of_the_scar() -> None:
    def of(uncertainty: float | None, fraction: float) -> float | None:
        return doubt(whole({"scar": {"uncertainty_mean": uncertainty, "fraction_of_wall": fraction}}))

    assert of(0.02, 0.08) == pytest.approx(0.25)
    assert of(0.02, 0.0) is None
    assert of(None, 0.1) is None


def test_a_relative_width_needs_a_mean() -> None:
    assert relative_width(Interval(mean=10.0, sd=1.0, lower=9.0, upper=12.0)) == pytest.approx(0.3)
    assert relative_width(Interval(mean=0.0, sd=0.0, lower=0.0, upper=0.0)) is None
    assert relative_width(None) is None


@pytest.mark.parametrize("pixels", ["fractions", "labels"])
def test_hand_drawn_slices_are_held_to_what_hand_drawn_slices_can_keep(pixels: str) -> None:
    between = (LABELS.left_out_review + F.left_out_review) / 2
    doubts = left_out(between) | slices(outermost_scar=0.3) | scar_ml(10.0, 8.0, 12.0) | heldout_dice(0.55)
    found = judged(doubts | {"posterior": {"pixels": pixels}}, FACTS)
    assert found.verdict == ("pass" if pixels == "labels" else "review")
    assert len(found.reasons) == (0 if pixels == "labels" else 4)
    poor = left_out(LABELS.left_out_review - 0.01) | {"posterior": {"pixels": pixels}}
    assert judged(poor, FACTS).verdict == "review"
    none = left_out(LABELS.left_out_fail - 0.01) | in_doubt(LABELS.doubt_fail + 0.01)
    assert judged(none | {"posterior": {"pixels": pixels}}, FACTS).verdict == "fail"
