from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cardioscar.activation.strain.checks import check_frame_times, check_matrix, check_strain, check_study
from cardioscar.errors import InputError
from tests.activation.drawn_strain import beat

GOOD = beat()


def with_nan() -> np.ndarray:
    strain = GOOD.circumferential.copy()
    strain[3, 4:6] = np.nan
    strain[7, 0] = np.inf
    return strain


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (
            replace(GOOD, circumferential=with_nan()),
            "finite circumferential strain, found 3 values not finite in 2 sectors",
        ),
        (replace(GOOD, radial=with_nan()), "finite radial strain, found 3 values not finite in 2 sectors"),
        (
            replace(GOOD, longitudinal=GOOD.circumferential[:9]),
            r"longitudinal strain of shape \(18, 20\), found \(9, 20\)",
        ),
        (
            replace(GOOD, circumferential=100 * GOOD.circumferential),
            r"in fractions .*, found values of 19.7 \(percent\?\)",
        ),
        (
            replace(GOOD, circumferential=-GOOD.circumferential),
            r"shortening as negative strain, found .* \(the other sign\?\)",
        ),
        (
            replace(GOOD, circumferential=4 * GOOD.circumferential),
            "Green–Lagrange strain, which is never below −0.5, found -0.7",
        ),
        (beat(frames=7), "drawn: expected 8 frames and more, found 7"),
        (replace(GOOD, frame_ms=GOOD.frame_ms[:-1]), "a frame time for each of 20 frames, found 19"),
    ],
)
def test_each_broken_rule_has_its_sentence(one, message):
    with pytest.raises(InputError, match=message):
        check_strain(one)


def test_a_beating_wall_passes():
    assert check_strain(GOOD) is GOOD
    late = GOOD.circumferential.copy()
    late[:6] = -0.5 * late[:6]  # a third of the wall is stretched, the mean still shortens
    check_strain(replace(GOOD, circumferential=late))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (None, r"w: expected frame times in ms \(frame_ms\), found none"),
        (np.zeros((2, 2)), "frame times as a list of numbers, found shape"),
        (np.array(["a"] * 20), "frame times as a list of numbers, found shape"),
        (np.arange(19.0), "a frame time for each of 20 frames, found 19"),
        (np.arange(20.0)[::-1], "finite frame times that grow"),
        (np.r_[np.arange(19.0), np.nan], "finite frame times that grow"),
        (np.arange(20) * 0.04, r"frame times in ms, found a cycle of 0.76 \(seconds, or numbers of frames\?\)"),
        (np.arange(20), r"frame times in ms, found a cycle of 19"),
        (np.arange(20) * 40.0 - 40, "frame times of 0 to 3000 ms, found -40 to 720"),
        (np.arange(20) * 400.0, "frame times of 0 to 3000 ms, found 0 to 7600"),
    ],
)
def test_frame_times_that_are_none(times, message):
    with pytest.raises(InputError, match=message):
        check_frame_times(times, 20, where="w")


def test_a_transposed_matrix_is_told_by_frame_times_sectors_or_how_it_begins():
    strain, message = GOOD.circumferential, r"found 20 × 18: frames × sectors \(transposed\)"
    for keys in ({"frame_ms": GOOD.frame_ms}, {"frame_ms": None, "sectors": 18}, {"frame_ms": None}):
        with pytest.raises(InputError, match=message):
            check_matrix(strain.T, where="w", **keys)
        np.testing.assert_array_equal(check_matrix(strain, where="w", **keys), strain)
    square = beat(sectors=20).circumferential
    with pytest.raises(InputError, match=r"20 × 20: frames × sectors"):
        check_matrix(square.T, GOOD.frame_ms, where="w")
    np.testing.assert_array_equal(check_matrix(square, GOOD.frame_ms, where="w"), square)


@pytest.mark.parametrize(
    ("strain", "message"),
    [
        (np.zeros((3, 4, 5)), r"a matrix of sectors × frames, found shape \(3, 4, 5\)"),
        (np.zeros((18, 20), dtype=complex), "a matrix of sectors × frames, found shape"),
        (np.array([["a"]]), "a matrix of sectors × frames, found shape"),
        (np.ones((3, 20)), "6 to 1440 sectors, found 3"),
    ],
)
def test_what_is_no_matrix(strain, message):
    with pytest.raises(InputError, match=message):
        check_matrix(strain, None, where="w")
    with pytest.raises(InputError, match="strain of 12 sectors, found 18"):
        check_matrix(GOOD.circumferential, None, where="w", sectors=12)


def test_slices_of_a_heart_are_sorted_and_have_to_fit():
    low, high = replace(GOOD, location_mm=10.0), replace(GOOD, location_mm=20.0)
    assert [one.location_mm for one in check_study([high, low])] == [10, 20]
    with pytest.raises(InputError, match="drawn: expected 2 slices and more along the long axis, found 1"):
        check_study([low])
    with pytest.raises(InputError, match="slices: expected 2 slices and more along the long axis, found 0"):
        check_study([])
    with pytest.raises(InputError, match=r"a slice location in mm \(location_mm\), found none"):
        check_study([low, GOOD])
    with pytest.raises(InputError, match="as many sectors in each slice of a heart, found 24 here and 18 in another"):
        check_study([low, beat(sectors=24, location_mm=20.0)])
    with pytest.raises(InputError, match="a location that another slice has too"):
        check_study([low, high, replace(low, location_mm=10.05)])
