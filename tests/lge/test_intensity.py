from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.lge.intensity import LARGEST, normalised


@given(st.integers(0, 200), st.floats(0.01, 1e4), st.floats(-1e4, 1e4))
def test_scale_and_offset_of_a_slice_play_no_part(seed: int, scale: float, offset: float) -> None:
    image = np.random.default_rng(seed).normal(0, 1, (12, 9, 3))
    moved = image * np.array([scale, 1.0, scale]) + np.array([offset, 0.0, 1.0])
    # an offset 10⁶ times the spread loses six of the digits
    np.testing.assert_allclose(normalised(moved), normalised(image), atol=1e-5 * max(abs(offset) / scale, 1))


def test_the_rule_is_the_one_that_is_written_down() -> None:
    image = np.random.default_rng(1).exponential(5, (40, 40))
    half = (np.percentile(image, 95) - np.percentile(image, 5)) / 2
    expected = np.clip((image - np.median(image)) / half, -4, 4)
    np.testing.assert_allclose(normalised(image), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e9])
def test_a_constant_slice_is_zero(value: float) -> None:
    assert not normalised(np.full((4, 5), value)).any()


def test_outliers_are_cut() -> None:
    image = np.random.default_rng(2).normal(0, 1, (50, 50))
    image[0, 0] = 1e6
    assert normalised(image).max() == LARGEST
