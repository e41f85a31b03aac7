from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.observation.holdout import check_holdout, hidden_slices


def stack_with_wall(walls: list[bool]) -> SliceStack:
    """One pixel a slice; wall where told."""
    return SliceStack(tuple(Slice(np.ones((1, 1)), np.array([[w]]), np.eye(4), n) for n, w in enumerate(walls)), "s")


@pytest.mark.parametrize(
    ("holdout", "expected"),
    [("none", set()), ("odd", {2, 4}), ("even", {3, 5}), ("3,5", {3, 5}), ("1", {1}), ("6, 2", {2, 6})],
)
def test_slices_of_wall_are_hidden(holdout: str, expected: set[int]) -> None:
    assert hidden_slices(stack_with_wall([False, *[True] * 6, False]), holdout) == expected


@given(walls=st.lists(st.booleans(), min_size=4, max_size=25), holdout=st.sampled_from(["odd", "even"]))
def test_the_outermost_slices_and_every_second_one_stay_visible(walls: list[bool], holdout: str) -> None:
    present = [n for n, wall in enumerate(walls) if wall]
    if len(present) < 2:
        return
    hidden = hidden_slices(stack_with_wall(walls), holdout)
    visible = set(present) - hidden
    assert hidden <= set(present)
    assert {present[0], present[-1]} <= visible
    # counted from the first slice with wall
    assert {(n - present[0]) % 2 for n in hidden} <= {1 if holdout == "odd" else 0}
    assert all(n in hidden for n in present[1:-1] if (n - present[0]) % 2 == (holdout == "odd"))


@given(walls=st.lists(st.booleans(), min_size=4, max_size=25), holdout=st.sampled_from(["odd", "even", "none"]))
def test_numbers_of_the_file_and_empty_slices_change_nothing(walls: list[bool], holdout: str) -> None:
    if sum(walls) < 4:
        return
    stack = stack_with_wall(walls)
    hidden = hidden_slices(stack, holdout)
    other_way = tuple(replace(piece, number=len(walls) - 1 - piece.number) for piece in stack)
    assert hidden_slices(SliceStack(other_way, "s"), holdout) == {len(walls) - 1 - n for n in hidden}
    shifted = stack_with_wall([False, *walls])
    assert hidden_slices(shifted, holdout) == {n + 1 for n in hidden}


@pytest.mark.parametrize("holdout", ["", "Odd", "odd,3", "1;2", "-1", "1.5", "1,,2", "3,"])
def test_other_texts_are_refused(holdout: str) -> None:
    with pytest.raises(ConfigError, match=r"holdout: expected none, odd, even or slice numbers like 3,5, found"):
        check_holdout(holdout)
    with pytest.raises(ConfigError):
        hidden_slices(stack_with_wall([True] * 9), holdout)


def test_a_slice_without_wall_cannot_be_hidden() -> None:
    with pytest.raises(ConfigError, match=r"holdout: expected slices with wall \(1, 2, 3\), found 0, 7"):
        hidden_slices(stack_with_wall([False, True, True, True]), "0,2,7")


def test_two_slices_must_be_left() -> None:
    with pytest.raises(ConfigError, match="at least two slices left to reconstruct from, found 1"):
        hidden_slices(stack_with_wall([True, True, True]), "0,1")
    assert hidden_slices(stack_with_wall([True, True, True]), "1") == {1}
