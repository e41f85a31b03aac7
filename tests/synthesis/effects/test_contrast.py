from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.synthesis.effects.contrast import digitised, random_signals, tone_curve, uneven_tissue

USUAL = np.array([0.05, 1.0, 0.6])


@given(st.integers(0, 200), st.floats(0.0, 3.0), st.floats(0.0, 0.6))
def test_signals_that_must_differ_do_so(seed, spread, least):
    drawn = random_signals(np.random.default_rng(seed), USUAL, spread=spread, least_apart=least, apart=[(1, 0)])
    assert drawn.shape == USUAL.shape
    assert drawn[1] - drawn[0] >= least * np.ptp(USUAL) - 1e-12


def test_signals_spread_as_far_as_said():
    drawn = np.array([random_signals(np.random.default_rng(seed), USUAL, spread=2.0) for seed in range(3000)])
    np.testing.assert_allclose(drawn.std(axis=0), 2.0 * np.ptp(USUAL), rtol=0.05)
    np.testing.assert_allclose(drawn.mean(axis=0), USUAL, atol=0.15)


@given(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=8), st.integers(0, 50))
def test_a_tone_curve_keeps_the_order_and_fills_the_range(levels, seed):
    image = np.random.default_rng(seed).normal(100, 30, 200)
    toned = tone_curve(image, np.array(levels))
    assert toned.min() == 0
    assert toned.max() == pytest.approx(1)
    assert (np.diff(toned[np.argsort(image)]) >= 0).all()


def test_a_constant_image_survives_its_tone_curve():
    assert np.isfinite(tone_curve(np.full(5, 3.0), np.array([1.0, 2.0]))).all()


def test_digits_are_whole_and_saturate():
    image = np.random.default_rng(0).normal(0, 2, (30, 30))
    digits = digitised(image, levels=1024, low=-1.0, high=1.0)
    np.testing.assert_array_equal(digits, np.rint(digits))
    assert digits[image <= -1].max() == 0
    assert digits[image >= 1].min() == 1023
    inside = np.abs(image) < 1
    np.testing.assert_allclose(digits[inside] / 1023 * 2 - 1, image[inside], atol=1 / 1023 + 1e-6)


def test_the_grain_of_a_tissue_is_a_share_of_its_signal():
    grained = uneven_tissue(np.random.default_rng(1), np.full((300, 300), 50.0), pixels=2.0, strength=0.1)
    assert grained.mean() == pytest.approx(50, rel=0.01)
    assert grained.std() == pytest.approx(5, rel=0.05)
