"""Frames of scanners, and frames that tools leave where they lose them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cardioscar.imaging.formats.scanner_frame import has_scanner_frame
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.imaging.volume import Volume

SHAPE, SPACING = (30, 40, 8), np.array([1.25, 0.75, 9.0])
LOST = [np.diag([*signs, 1.0]) for signs in itertools.product((1, -1), repeat=3)]
TURNS = [np.eye(4)[[*order, 3]] for order in itertools.permutations(range(3))]


def stack(axes: np.ndarray, origin_mm: np.ndarray) -> SliceStack:
    affine = np.asarray(axes) @ np.diag([*SPACING, 1.0])
    affine[:3, 3] = origin_mm
    return stack_from_volume(Volume(np.ones(SHAPE, dtype=np.float32), affine, "labels.nii.gz"))


def corner(axes: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Origin that puts a voxel at zero."""
    return -(np.asarray(axes)[:3, :3] @ (SPACING * index))


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize("axes", [*LOST, *TURNS, TURNS[3] @ LOST[5]])
@pytest.mark.parametrize(
    "at_zero",
    [
        (0, 0, 0), (29, 0, 7), (29, 39, 7),  # a corner voxel, also after axes were turned round
        (14.5, 19.5, 3.5), (15, 20, 4), (14, 19, 3), (14.5, 20, 3.5),  # the centre, as tools round it
        (-0.5, -0.5, -0.5), (29.5, -0.5, 7.5),  # the outer corner of a corner voxel
    ],
)  # fmt: skip
def test_axes_along_xyz_from_a_corner_or_the_centre_are_no_scanners(
    axes: np.ndarray, at_zero: tuple[float, ...]
) -> None:
    assert not has_scanner_frame(stack(axes, corner(axes, np.array(at_zero))))


@pytest.mark.parametrize("axes", [np.eye(4), TURNS[3]])
def test_axial_slices_at_a_place_of_their_own_are_a_scanners(axes: np.ndarray) -> None:
    assert has_scanner_frame(stack(axes, np.array([-181.3, -146.2, 57.9])))
    oblique_heart = np.array([-0.6, 0.6, 0.53])
    assert has_scanner_frame(stack(axes, np.array([-181.3, -146.2, 57.9])), long_axis=oblique_heart)


@pytest.mark.parametrize("degrees", [0, 20])
def test_a_heart_that_stands_along_the_bodys_axes_was_not_imaged_in_them(degrees: float) -> None:
    long_axis = np.array([np.sin(np.radians(degrees)), 0, -np.cos(np.radians(degrees))])
    assert not has_scanner_frame(stack(np.eye(4), np.array([12.5, 7.5, 18.0])), long_axis=long_axis)


@pytest.mark.parametrize("at_zero", [(0, 0, 0), (14.5, 19.5, 3.5)])
def test_a_turned_stack_is_a_scanners_wherever_it_lies(at_zero: tuple[float, ...]) -> None:
    axes = turned(0.5)
    assert has_scanner_frame(stack(axes, corner(axes, np.array(at_zero))), long_axis=np.array([0, 0, 1.0]))


def test_one_axis_at_zero_is_chance() -> None:
    assert has_scanner_frame(stack(np.eye(4), np.array([0.0, -146.2, 57.9])))
