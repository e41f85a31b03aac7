from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.synthesis.effects.blur import motion, point_spread
from cardioscar.synthesis.effects.thick_slice import majority, slice_profile, through_slice


def test_a_point_spreads_to_the_stated_width_in_the_plane_alone():
    image = np.zeros((41, 41, 3))
    image[20, 20, 1] = 1.0
    spread = point_spread(image, pixels=2.0)
    at = np.arange(41) - 20
    assert spread.sum() == pytest.approx(1.0)
    assert spread[..., [0, 2]].max() == 0
    # the kernel ends at 3 deviations, which takes 3 % of the variance
    assert (spread[..., 1].sum(axis=1) * at**2).sum() == pytest.approx(4.0, rel=0.05)
    assert point_spread(image, pixels=0.0) is image


def test_motion_averages_the_places():
    image = np.zeros((9, 9))
    image[4, 4] = 1.0
    moved = motion(image, np.array([[0, 0], [2, 0], [0, -1.5]]))
    expected = np.zeros((9, 9))
    expected[4, 4] = expected[6, 4] = 1 / 3
    expected[4, 2] = expected[4, 3] = 1 / 6
    np.testing.assert_allclose(moved, expected, atol=1e-12)


@given(st.integers(1, 12), st.floats(0.0, 1.0))
def test_a_slice_profile_is_even_and_adds_up(samples, sharpness):
    places, weights = slice_profile(samples, sharpness=sharpness)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    np.testing.assert_allclose(places, -places[::-1], atol=1e-12)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-12)
    assert np.abs(places).max() <= 1


@pytest.mark.parametrize("sharpness", [0.0, 0.4, 0.9])
def test_half_of_the_height_is_one_thickness_wide(sharpness):
    places, weights = slice_profile(2001, sharpness=sharpness)
    wide = places[weights >= weights.max() / 2]
    assert wide.max() - wide.min() == pytest.approx(1.0, abs=0.01)


def test_the_majority_counts_the_weights():
    labels = np.array([[1, 2, 0], [2, 2, 3], [2, 0, 3]])
    np.testing.assert_array_equal(majority(labels, np.array([0.6, 0.2, 0.2]), count=4), [1, 2, 0])
    np.testing.assert_array_equal(majority(labels, np.array([0.3, 0.35, 0.35]), count=4), [2, 2, 3])


def test_a_signal_is_the_mean_before_its_magnitude_is_taken():
    assert abs(through_slice(np.array([[1.0], [-1.0]]), np.array([0.5, 0.5])))[0] == 0
