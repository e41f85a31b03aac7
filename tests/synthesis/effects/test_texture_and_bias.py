from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.synthesis.effects.bias import coil_profile, residual_bias
from cardioscar.synthesis.effects.texture import smooth_noise


def test_smooth_noise_has_the_stated_mean_variance_and_correlation():
    pixels = 3.0
    noise = smooth_noise(np.random.default_rng(0), (256, 256, 8), pixels=pixels)
    # 8 planes of 256² pixels hold 8 · 256² / (4π s²), about 4,600, independent values: moments are known to about 0.03
    assert noise.mean() == pytest.approx(0, abs=0.05)
    assert noise.var() == pytest.approx(1, abs=0.07)
    for distance in (2, 4, 8):
        expected = np.exp(-(distance**2) / (4 * pixels**2))
        for moved in (noise[distance:] * noise[:-distance], noise[:, distance:] * noise[:, :-distance]):
            assert moved.mean() / noise.var() == pytest.approx(expected, abs=0.06)


def test_planes_of_smooth_noise_are_independent_and_opposite_sides_do_not_match():
    noise = smooth_noise(np.random.default_rng(1), (400, 400, 2), pixels=4.0)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(noise[0].ravel(), noise[-1].ravel())[0, 1]) < 0.4


@given(st.integers(0, 100))
def test_white_noise_where_nothing_is_smoothed_and_the_same_seed_gives_the_same(seed):
    first, again = (smooth_noise(np.random.default_rng(seed), (9, 7), pixels=1.5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    white = smooth_noise(np.random.default_rng(seed), (64, 64), pixels=0.0)
    assert abs(np.mean(white[1:] * white[:-1])) < 0.08  # 4,096 products: 5 deviations


def test_a_loop_receives_what_its_distance_allows():
    profile = coil_profile((5, 1), (30.0, 30.0), np.array([[0.0, 0.0, 0.0]]), radius_mm=60.0)
    expected = (1 + (np.arange(5) * 30 / 60) ** 2) ** -1.5
    np.testing.assert_allclose(profile[:, 0], expected / expected.mean(), rtol=1e-5)


def test_correction_takes_the_profile_away():
    coils = np.array([[-20.0, 10.0, 5.0], [90.0, 0.0, 30.0]])
    raw = coil_profile((40, 30), (2.0, 2.0), coils, radius_mm=70.0)
    half = coil_profile((40, 30), (2.0, 2.0), coils, radius_mm=70.0, corrected=0.5)
    none = coil_profile((40, 30), (2.0, 2.0), coils, radius_mm=70.0, corrected=1.0)
    np.testing.assert_allclose(none, 1, rtol=1e-6)
    assert np.ptp(half) < np.ptp(raw)
    assert raw.mean() == pytest.approx(1, rel=1e-5)


def test_what_correction_leaves_is_positive_and_as_strong_as_said():
    bias = residual_bias(np.random.default_rng(2), (300, 300), pixels=5.0, strength=0.2)
    assert bias.min() > 0
    assert np.log(bias).std() == pytest.approx(0.2, rel=0.1)
