"""Sizes stated twice, slabs stated beside distances, and frames apart."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.imaging.formats.header_trust import (
    SPACING_TOLERANCE,
    HeaderTrust,
    chosen_sizes,
    frames_apart,
    same_sizes,
    say_odd_thickness,
    stated_thickness,
)

MATRIX, STATED = np.array([1.0, 1, 1]), np.array([1.4, 1.4, 13])
NAMES = "sform and pixdim"


def chosen(trust: HeaderTrust, stated: np.ndarray = STATED) -> np.ndarray:
    return chosen_sizes("lge.nii", MATRIX, stated, trust, names=NAMES)


def test_the_trust_chooses_between_sizes_that_differ() -> None:
    np.testing.assert_array_equal(chosen("sform"), MATRIX)
    np.testing.assert_array_equal(chosen("pixdim"), STATED)
    for trust in ("agree", "qform"):
        with pytest.raises(GeometryError, match="^lge.nii: expected sform and pixdim that agree"):
            chosen(trust)  # type: ignore[arg-type]


@pytest.mark.parametrize("trust", ["agree", "sform", "qform", "pixdim"])
def test_sizes_that_agree_are_those_of_the_matrix_whatever_the_trust(trust: HeaderTrust) -> None:
    np.testing.assert_array_equal(chosen(trust, MATRIX * 1.004), MATRIX)
    np.testing.assert_array_equal(chosen(trust, np.full(3, np.nan)), MATRIX)


def test_what_is_not_stated_is_taken_from_the_matrix() -> None:
    np.testing.assert_array_equal(chosen("pixdim", np.array([np.nan, 1.4, np.nan])), [1, 1.4, 1])


@given(st.floats(0.1, 20), st.floats(0.9, 1.1))
def test_the_tolerance_is_a_part_of_the_larger_size(size: float, factor: float) -> None:
    a, b = np.array([size]), np.array([size * factor])
    part = abs(1 - factor) / max(1, factor)
    if abs(part - SPACING_TOLERANCE) > 1e-9:
        assert same_sizes(a, b) == same_sizes(b, a) == (part < SPACING_TOLERANCE)


def test_frames_apart() -> None:
    a, b = np.diag([2.0, 2, 8, 1]), np.diag([2.0, 2, 8, 1])
    assert frames_apart(a, b, (10, 10, 5)) == (0, 0)
    b[:3, 3] = [3, 4, 0]
    assert frames_apart(a, b, (10, 10, 5)) == (pytest.approx(5), 0)
    b = np.eye(4)
    b[:3, :3] = Rotation.from_euler("z", 3, degrees=True).as_matrix() * [2, 2, 8]
    distance_mm, angle_deg = frames_apart(a, b, (10, 10, 5))
    assert angle_deg == pytest.approx(3)
    assert distance_mm == pytest.approx(2 * np.sin(np.radians(1.5)) * np.hypot(18, 18))


def thickness(own: list[float], trust: HeaderTrust = "agree") -> float | None:
    return stated_thickness("lge.nrrd", np.array([1.4, 1.4, 10]), np.array(own), trust, names="two fields")


def test_the_thickness_of_slices_is_that_across_them() -> None:
    assert thickness([np.nan, np.nan, 8]) == 8
    assert thickness([1.4, 1.4, 8]) == 8
    assert thickness([np.nan] * 3) is None


@pytest.mark.parametrize("own", [[1, 1, 10], [1.4, 1, np.nan], [1.4, 1.4, 0], [1.4, 1.4, -8]])
def test_pixels_of_another_size_and_impossible_slices_are_refused(own: list[float]) -> None:
    with pytest.raises(GeometryError, match="expected two fields that agree .*found voxels of 1.4×1.4×10 mm against"):
        thickness(own)
    assert thickness(own, "pixdim") is None


@pytest.mark.parametrize(("slab_mm", "doubtful"), [(8, False), (10, False), (20, False), (1, True), (30, True)])
def test_slices_much_thinner_or_thicker_than_their_distance_are_doubtful(
    slab_mm: float, doubtful: bool, caplog
) -> None:
    with caplog.at_level(logging.WARNING):
        say_odd_thickness("lge", slab_mm, 10)
    assert bool(caplog.records) == doubtful
