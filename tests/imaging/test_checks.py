from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.checks import check_image, check_probability, check_stack
from cardioscar.imaging.slices import Slice, SliceStack, stack_from_volume
from cardioscar.imaging.volume import Volume

VALUES = np.random.default_rng(0).random((6, 5, 4))
VOLUME = Volume(VALUES, np.diag([1.5, 1.5, 8, 1.0]), "lge.nii")


def with_values(values: np.ndarray) -> Volume:
    return Volume(values, VOLUME.affine, VOLUME.source)


def test_good_ones_pass():
    check_image(VOLUME)
    check_image(with_values((VALUES * 100).astype(np.int16)))
    check_probability(VOLUME)
    check_probability(with_values(np.zeros((2, 2, 2), np.uint8)))
    check_stack(stack_from_volume(VOLUME))


def test_non_finite_voxels_are_counted():
    values = VALUES.copy()
    values[0, 0, :3] = np.nan
    values[1, 1, 1] = np.inf
    for check in (check_image, check_probability):
        with pytest.raises(
            InputError, match=r"^lge\.nii: expected finite voxel values, found 3 NaN and 1 infinite of 120 voxels$"
        ):
            check(with_values(values))


def test_constant_image():
    with pytest.raises(InputError, match=r"^lge\.nii: expected an image with contrast, found the constant 7$"):
        check_image(with_values(np.full((2, 2, 2), 7)))


def test_probability_range():
    with pytest.raises(InputError, match=r"probabilities from 0 to 1, found 0 to 255 \(1 voxels outside\)"):
        check_probability(with_values(np.array([0, 1, 1, 255], np.uint8).reshape(2, 2, 1)))


def test_single_slice_and_slices_without_observed_pixels():
    stack = stack_from_volume(VOLUME)
    with pytest.raises(InputError, match=r"at least 2 slices with observed pixels, found 1 \(of 1 slices\)"):
        check_stack(stack.only({2}))
    blind = [replace(s, observed=np.zeros_like(s.observed)) for s in stack.slices[1:]]
    with pytest.raises(InputError, match=r"at least 2 slices with observed pixels, found 1 \(of 4 slices\)"):
        check_stack(SliceStack((stack.slices[0], *blind), "lge.nii"))


def moved(one: Slice, mm: float) -> Slice:
    affine = one.affine.copy()
    affine[:3, 3] += one.normal * mm
    return replace(one, affine=affine, number=9, values=one.values + 0.1)


def test_same_position_within_a_tenth_of_the_thickness():
    first = stack_from_volume(VOLUME).slices[0]
    with pytest.raises(GeometryError, match="one slice at each position, found slices 0 and 9 at the same position"):
        check_stack(SliceStack((first, moved(first, 0.75)), "lge.nii"))
    check_stack(SliceStack((first, moved(first, 0.85)), "lge.nii"))


def test_crossing_planes_share_no_position():
    first = stack_from_volume(VOLUME).slices[0]
    affine = first.affine @ np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    check_stack(SliceStack((first, replace(first, affine=affine, number=1, values=first.values + 1)), "lge.nii"))


def test_identical_pixels():
    stack = stack_from_volume(VOLUME)
    twin = replace(stack.slices[2], values=stack.slices[0].values)
    with pytest.raises(InputError, match="slices that differ, found identical pixels in slices 0 and 2"):
        check_stack(SliceStack((*stack.slices[:2], twin), "lge.nii"))
    scar_free = [replace(s, values=np.zeros_like(s.values)) for s in stack]
    check_stack(SliceStack(tuple(scar_free), "lge.nii"))


def test_thickness_must_be_positive():
    first, second, *_ = stack_from_volume(VOLUME)
    affine = second.affine.copy()
    affine[:3, 2] = 0
    with pytest.raises(GeometryError, match=r"a positive slice thickness, found 0 mm \(slice 1\)"):
        check_stack(SliceStack((first, replace(second, affine=affine)), "lge.nii"))
    with pytest.raises(GeometryError, match=r"a positive slice thickness, found -8 mm"):
        stack_from_volume(VOLUME, thickness_mm=-8)
