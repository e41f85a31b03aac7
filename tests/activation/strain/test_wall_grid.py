from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.activation.strain.wall_grid import WallGrid

GRID = WallGrid(heights=11, sectors=36)


@given(height=st.floats(0, 1), angle=st.floats(-20, 20))
def test_weights_are_shares_and_closed(height, angle):
    weights = GRID.weights(np.array([height, height]), np.array([angle, angle + 2 * np.pi])).toarray()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-9)  # rounding of an angle up to 26


def test_what_is_linear_in_height_comes_out_and_waves_to_the_step():
    random = np.random.default_rng(0)
    height, angle = random.uniform(0, 1, 200), random.uniform(-np.pi, np.pi, 200)
    weights = GRID.weights(height, angle)
    np.testing.assert_allclose(weights @ GRID.height, height)
    # straight lines between points 10° apart miss a cosine by at most 1 - cos(5°)
    assert np.abs(weights @ np.cos(GRID.angle) - np.cos(angle)).max() <= 1 - np.cos(np.radians(5)) + 1e-12


def test_places_beyond_the_ends_take_the_end():
    ends = GRID.weights(np.array([-0.5, 1.5]), np.zeros(2)) @ GRID.height
    np.testing.assert_array_equal(ends, [0, 1])
