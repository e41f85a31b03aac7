"""How slices cover the wall, on stacks whose numbers are known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.quality.slice_quality import left_out_summary, slices_summary


def stack(*fractions: float, heights: tuple[float, ...] = (), turned: bool = False) -> SliceStack:
    """Slices of 10 × 10 pixels of 2 × 2 × 6 mm, by default 8 mm apart: 2.4 ml each."""
    axes = Rotation.from_euler("xyz", [30, 40, 50], degrees=True).as_matrix() if turned else np.eye(3)
    pieces = []
    for number, fraction in enumerate(fractions):
        affine = np.eye(4)
        affine[:3, :3] = axes * np.array([2.0, 2.0, 6.0])
        affine[:3, 3] = axes[:, 2] * (heights[number] if heights else 8.0 * number)
        pieces.append(Slice(np.full((10, 10), fraction), np.ones((10, 10), dtype=bool), affine, number))
    return SliceStack(tuple(pieces), "scar")


@pytest.mark.parametrize("turned", [False, True])
def test_scar_and_gaps_are_those_of_the_slabs(turned: bool) -> None:
    found = slices_summary(stack(0.5, 0.25, 0.0, 0.25, heights=(0.0, 8.0, 19.0, 25.0), turned=turned))
    assert vars(found) == pytest.approx(
        {"with_wall": 4, "observed_scar_ml": 2.4, "outermost_scar": 0.75, "largest_gap_mm": 5.0}
    )


def test_the_order_in_the_file_plays_no_part() -> None:
    ordered = stack(0.5, 0.0, 0.25, heights=(0.0, 8.0, 20.0))
    shuffled = SliceStack(tuple(ordered.slices[k] for k in (1, 2, 0)), "scar")
    assert vars(slices_summary(shuffled)) == pytest.approx(vars(slices_summary(ordered)))


def test_overlapping_slices_leave_no_gap() -> None:
    assert slices_summary(stack(0.5, 0.5, heights=(0.0, 3.0))).largest_gap_mm == 0


def test_slices_without_wall_do_not_count() -> None:
    whole = stack(0.5, 0.5, 0.5)
    blank = replace(whole.slices[2], observed=np.zeros((10, 10), dtype=bool))
    found = slices_summary(SliceStack((*whole.slices[:2], blank), "scar"))
    assert (found.with_wall, found.outermost_scar) == (2, 1.0)


def test_what_is_undefined_is_none() -> None:
    assert slices_summary(stack(0.0, 0.0)).outermost_scar is None
    one = slices_summary(stack(0.5))
    assert (one.largest_gap_mm, one.outermost_scar) == (None, 1.0)
    blank = replace(stack(0.5).slices[0], observed=np.zeros((10, 10), dtype=bool))
    assert slices_summary(SliceStack((blank,), "scar")).with_wall == 0


def test_left_out_slices_have_their_areas_and_scores() -> None:
    found = left_out_summary(stack(0.0, 1.0, 0.0, 0.0), threshold=0.5)
    assert found is not None
    assert (found.slices, found.pixels, found.dice) == (2, 200, 0)
    first, second = found.per_slice
    assert (first.slice, first.wall_pixels, first.scar_mm2) == (1, 100, 400)
    assert first.predicted_mm2 == pytest.approx(0, abs=1e-6)
    assert first.dice == 0
    # half way between all and nothing
    assert second.predicted_mm2 == pytest.approx(400 * 0.5, rel=0.3)
    assert found.scar_error == pytest.approx(first.mean_absolute_error + second.mean_absolute_error)


def test_two_slices_have_none_to_leave_out() -> None:
    assert left_out_summary(stack(0.5, 0.5), threshold=0.5) is None
