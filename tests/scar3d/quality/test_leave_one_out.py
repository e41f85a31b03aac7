"""The error of hidden slices: known by hand, and blind to what is hidden."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.quality.leave_one_out import LeaveOneOut, LeftOut, leave_one_slice_out
from cardioscar.types import Points
from tests.scar3d.conftest import make_stack


def constant(*fractions: float) -> SliceStack:
    """Slices of 10 × 10 pixels of 2 mm, each with one scar fraction, 8 mm apart and 6 mm thick."""
    pieces = []
    for number, fraction in enumerate(fractions):
        affine = np.diag([2.0, 2.0, 6.0, 1.0])
        affine[2, 3] = 8.0 * number
        pieces.append(Slice(np.full((10, 10), fraction), np.ones((10, 10), dtype=bool), affine, number))
    return SliceStack(tuple(pieces), "scar")


def test_what_varies_linearly_between_slices_is_predicted_without_error() -> None:
    def height(stack: SliceStack, points_mm: Points) -> np.ndarray:
        return points_mm[:, 2] / 40

    found = leave_one_slice_out(constant(0.0, 0.2, 0.4, 0.6), predict=height)
    assert [s.number for s in found.slices] == [1, 2]
    assert found.scores()["mean_absolute_error"] == pytest.approx(0, abs=1e-12)


def test_a_scar_in_one_slice_alone_is_missed_whole() -> None:
    found = leave_one_slice_out(constant(0.0, 1.0, 0.0))
    [hidden] = found.slices
    assert hidden.area_error_mm2 == pytest.approx(-100 * 4)
    scores = found.scores()
    assert scores["dice"] == 0
    assert scores["scar_error"] == pytest.approx(1)
    assert scores["area_bias"] == pytest.approx(-1)
    assert scores["brier"] == pytest.approx(1)


def test_a_hidden_slice_is_never_shown_to_what_predicts_it(rng: np.random.Generator) -> None:
    stack = make_stack(rng, slices=5)
    seen: list[tuple[set[int], float]] = []

    def watch(others: SliceStack, points_mm: Points) -> np.ndarray:
        seen.append(({s.number for s in others}, float(np.median(points_mm[:, 2]))))
        return np.zeros(len(points_mm))

    leave_one_slice_out(stack, predict=watch, workers=1)
    assert [shown for shown, _ in seen] == [{0, 2, 3, 4}, {0, 1, 3, 4}, {0, 1, 2, 4}]
    assert [height for _, height in seen] == pytest.approx([9.0, 18.0, 27.0])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_prediction_does_not_depend_on_what_its_slice_shows(rng: np.random.Generator, number: int) -> None:
    stack = make_stack(rng, slices=5)
    pieces = [replace(s, values=1 - s.values) if s.number == number else s for s in stack]
    before, after = (leave_one_slice_out(s).slices[number - 1] for s in (stack, SliceStack(tuple(pieces), "x")))
    np.testing.assert_array_equal(before.predicted, after.predicted)
    assert (before.observed != after.observed).any()


def test_slices_in_any_order_and_workers_in_any_number_give_the_same(rng: np.random.Generator) -> None:
    stack = make_stack(rng, slices=6)
    shuffled = SliceStack(tuple(stack.slices[k] for k in (3, 0, 5, 1, 4, 2)), stack.source)
    alone, together = leave_one_slice_out(stack, workers=1), leave_one_slice_out(shuffled, workers=3)
    assert [s.number for s in together.slices] == [1, 2, 3, 4]
    for one, other in zip(alone.slices, together.slices, strict=True):
        np.testing.assert_allclose(one.predicted, other.predicted, atol=1e-12)


def test_slices_without_wall_are_no_outermost_ones() -> None:
    stack = constant(0.0, 0.1, 0.5, 0.1, 0.0)
    blank = replace(stack.slices[0], observed=np.zeros((10, 10), dtype=bool))
    found = leave_one_slice_out(SliceStack((blank, *stack.slices[1:]), "scar"))
    assert [s.number for s in found.slices] == [2, 3]


@pytest.mark.parametrize("fractions", [(0.5,), (0.5, 0.5)])
def test_two_slices_leave_nothing_to_hide(fractions: tuple[float, ...]) -> None:
    found = leave_one_slice_out(constant(*fractions))
    assert found.slices == ()
    assert all(math.isnan(value) for value in found.scores().values())


def test_healthy_wall_does_not_add_up_to_scar() -> None:
    found = leave_one_slice_out(constant(0.0, 0.0, 0.0, 1.0, 1.0, 1.0))
    healthy, *_, scarred = found.slices
    assert healthy.predicted.max() == pytest.approx(0, abs=1e-9)
    assert scarred.predicted.min() == pytest.approx(1, abs=1e-9)


def test_a_heart_without_scar_has_no_overlap_and_no_error() -> None:
    scores = leave_one_slice_out(constant(0.0, 0.0, 0.0, 0.0)).scores()
    assert math.isnan(scores["dice"])
    assert math.isnan(scores["scar_error"])
    assert scores["mean_absolute_error"] == pytest.approx(0, abs=1e-9)


def test_scores_are_of_all_hidden_pixels_together() -> None:
    found = LeaveOneOut(
        (
            LeftOut(1, np.array([1.0, 0.0]), np.array([0.6, 0.2]), 4.0),
            LeftOut(2, np.array([1.0, 1.0, 0.0]), np.array([0.4, 0.9, 0.5]), 4.0),
        )
    )
    scores = found.scores()
    assert scores["dice"] == pytest.approx(2 * 2 / 6)
    assert scores["mean_absolute_error"] == pytest.approx((0.4 + 0.2 + 0.6 + 0.1 + 0.5) / 5)
    assert scores["scar_error"] == pytest.approx(1.8 / 3)
    assert scores["area_bias"] == pytest.approx(-0.4 / 3)
    assert found.scores(threshold=0.7)["dice"] == pytest.approx(2 * 1 / 4)
    assert [s.area_error_mm2 for s in found.slices] == pytest.approx([-0.8, -0.8])
