"""Shifts of slices against a mesh: found where there are any, and never made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_fill_holes

from cardioscar.imaging.alignment.slice_alignment import MAX_SHIFT_MM, SliceShift, aligned, shifts_to_mesh
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import Phantom, make_phantom

STILL = PhantomConfig(nodes=2_000, seed=11, pixel_mm=(1.5, 1.5), tilt_deg=(8.0, 8.0))


@pytest.fixture(scope="module")
def still() -> Phantom:
    return make_phantom(STILL)


@pytest.fixture(scope="module")
def moving() -> Phantom:
    return make_phantom(replace(STILL, shift_mm=2.0))


def displaced(stack: SliceStack, number: int, shift_mm: tuple[float, float]) -> SliceStack:
    """The stack as if the heart had lain elsewhere in one slice."""

    def moved(piece: Slice) -> Slice:
        affine = piece.affine.copy()
        affine[:3, 3] += affine[:3, :2] @ (np.array(shift_mm) / piece.pixel_mm)
        return replace(piece, affine=affine) if piece.number == number else piece

    return replace(stack, slices=tuple(map(moved, stack)))


def row_of(rows: list[SliceShift], number: int) -> SliceShift:
    return next(row for row in rows if row.number == number)


def middle_of(stack: SliceStack) -> int:
    return [piece.number for piece in stack if piece.observed.any()][len(stack) // 2]


def test_shifts_are_found_to_a_fraction_of_a_pixel(moving: Phantom) -> None:
    rows = shifts_to_mesh(moving.mesh, moving.stack)
    true = np.array(moving.parameters["shifts_mm"])[[row.number for row in rows]]
    left = np.array([row.shift_mm if row.applied else np.zeros(2) for row in rows]) - true
    assert np.sqrt((true**2).mean()) > 1.5
    assert np.sqrt((left**2).mean()) < 0.2
    # stated errors are no smaller than the real ones
    assert np.sqrt((left**2).mean()) < np.sqrt(np.mean([row.error_mm**2 for row in rows]))


def test_the_moved_frames_put_the_wall_where_the_mesh_is(moving: Phantom) -> None:
    stack = aligned(moving.stack, shifts_to_mesh(moving.mesh, moving.stack))
    still_off = [row for row in shifts_to_mesh(moving.mesh, stack) if row.applied]
    assert not still_off


def test_a_stack_without_shifts_stays_as_it_is(still: Phantom) -> None:
    rows = shifts_to_mesh(still.mesh, still.stack)
    assert {row.finding for row in rows} == {"small"}
    stack = still.stack
    assert all(a is b for a, b in zip(aligned(stack, rows), stack, strict=True))


def test_errors_of_contours_are_not_taken_for_shifts(still: Phantom) -> None:
    rng = np.random.default_rng(0)

    def redrawn(piece: Slice) -> Slice:
        # a reader who draws the epicardium a pixel too far out, on a side that changes from slice to slice
        side = np.indices(piece.observed.shape).T @ rng.normal(size=2)
        outside = ~binary_fill_holes(piece.observed)
        thick = binary_dilation(piece.observed) & outside & (np.median(side.T[piece.observed]) < side.T)
        return replace(piece, observed=piece.observed | thick)

    stack = replace(still.stack, slices=tuple(map(redrawn, still.stack)))
    assert sum(int(a.observed.sum() - b.observed.sum()) for a, b in zip(stack, still.stack, strict=True)) > 300
    moved = [float(np.linalg.norm(row.shift_mm)) for row in shifts_to_mesh(still.mesh, stack) if row.applied]
    assert max(moved, default=0.0) < 0.6


def test_pixels_that_are_not_square_and_frames_of_their_own(still: Phantom) -> None:
    number = middle_of(still.stack)

    def coarse(piece: Slice) -> Slice:
        affine = piece.affine.copy()
        affine[:3, 1] *= 2
        return replace(piece, values=piece.values[:, ::2], observed=piece.observed[:, ::2], affine=affine)

    stack = displaced(replace(still.stack, slices=tuple(map(coarse, still.stack))), number, (4.0, -3.0))
    found = row_of(shifts_to_mesh(still.mesh, stack), number)
    assert found.applied
    np.testing.assert_allclose(found.shift_mm, [4.0, -3.0], atol=0.5)


def test_a_wall_of_which_a_part_is_not_drawn_is_still_found(still: Phantom) -> None:
    number = middle_of(still.stack)
    stack = displaced(still.stack, number, (3.0, 3.0))

    def cut(piece: Slice) -> Slice:
        at = np.argwhere(piece.observed)
        if piece.number != number:
            return piece
        i, j = np.indices(piece.observed.shape)
        center = at.mean(axis=0)
        gone = (i > center[0]) & (np.abs(j - center[1]) < 0.6 * (i - center[0]))
        return replace(piece, observed=piece.observed & ~gone)

    found = row_of(shifts_to_mesh(still.mesh, replace(stack, slices=tuple(map(cut, stack)))), number)
    assert found.applied
    assert np.linalg.norm(found.shift_mm - 3.0) < 1.0


@pytest.mark.parametrize("shift_mm", [(0.0, MAX_SHIFT_MM + 2), (9.0, 8.0)])
def test_a_slice_too_far_off_is_left_in_place(still: Phantom, shift_mm: tuple[float, float]) -> None:
    number = middle_of(still.stack)
    stack = displaced(still.stack, number, shift_mm)
    rows = shifts_to_mesh(still.mesh, stack)
    assert row_of(rows, number).finding == "too far"
    assert [row.finding for row in rows if row.number != number] == ["small"] * (len(rows) - 1)
    assert all(a is b for a, b in zip(aligned(stack, rows), stack, strict=True))


def test_a_slice_that_misses_the_mesh_is_left_in_place(still: Phantom) -> None:
    number = middle_of(still.stack)

    def away(piece: Slice) -> Slice:
        affine = piece.affine.copy()
        affine[:3, 3] += 300 * piece.normal
        return replace(piece, affine=affine) if piece.number == number else piece

    found = row_of(shifts_to_mesh(still.mesh, replace(still.stack, slices=tuple(map(away, still.stack)))), number)
    assert found.finding == "no match"
    assert np.isinf(found.error_mm)


@pytest.mark.parametrize("drawn", ["a pixel", "a line", "noise", "everything"])
def test_masks_that_are_no_wall_are_never_followed(still: Phantom, drawn: str) -> None:
    number = middle_of(still.stack)

    def scribbled(piece: Slice) -> Slice:
        if piece.number != number:
            return piece
        center = np.argwhere(piece.observed).mean(axis=0).astype(int)
        mask = np.zeros_like(piece.observed)
        if drawn == "a pixel":
            mask[tuple(center)] = True
        elif drawn == "a line":
            mask[center[0]] = True
        elif drawn == "noise":
            mask = np.random.default_rng(0).random(mask.shape) < 0.3
        else:
            mask[:] = True
        return replace(piece, observed=mask)

    rows = shifts_to_mesh(still.mesh, replace(still.stack, slices=tuple(map(scribbled, still.stack))))
    assert row_of(rows, number).finding == "no match"
    assert np.isfinite(row_of(rows, number).shift_mm).all()
    assert not any(row.applied for row in rows)


def test_only_the_frame_of_a_moved_slice_changes(moving: Phantom) -> None:
    stack = moving.stack
    rows = shifts_to_mesh(moving.mesh, stack)
    for row, before, after in zip(rows, stack, aligned(stack, rows), strict=True):
        assert before.values is after.values
        np.testing.assert_array_equal(before.affine[:3, :3], after.affine[:3, :3])
        step = after.affine[:3, 3] - before.affine[:3, 3]
        assert abs(step @ before.normal) < 1e-9
        expected = -(before.affine[:3, :2] / before.pixel_mm) @ row.shift_mm if row.applied else np.zeros(3)
        np.testing.assert_allclose(step, expected, atol=1e-9)
