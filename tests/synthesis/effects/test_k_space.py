from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.synthesis.effects.k_space import ghosts, truncate


@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.floats(0.0, 1.0), st.integers(0, 50))
def test_truncation_keeps_the_mean_and_never_adds_energy(kept_i, kept_j, taper, seed):
    image = np.random.default_rng(seed).random((24, 18))
    cut = truncate(image, (kept_i, kept_j), taper=taper)
    assert cut.mean() == pytest.approx(image.mean())
    assert (np.abs(cut) ** 2).sum() <= (image**2).sum() * (1 + 1e-9)


def test_frequencies_inside_the_band_remain_and_those_outside_go():
    at = np.arange(64)
    low, high = np.cos(2 * np.pi * 8 * at / 64), np.cos(2 * np.pi * 24 * at / 64)
    image = (low + high)[:, None] * np.ones((1, 16))
    np.testing.assert_allclose(truncate(image, (0.5, 1.0)).real, low[:, None] * np.ones((1, 16)), atol=1e-9)
    np.testing.assert_allclose(truncate(image.T, (1.0, 0.5)).real, low[None, :] * np.ones((16, 1)), atol=1e-9)


def test_a_border_rings_by_the_known_overshoot_and_a_taper_calms_it():
    image = np.zeros((512, 2))
    image[128:384] = 1.0
    ringing = truncate(image, (0.25, 1.0)).real
    # Gibbs: 8.95 % of the step, for a step that is far from the next one
    assert ringing.max() == pytest.approx(1.0895, abs=0.01)
    assert truncate(image, (0.25, 1.0), taper=1.0).real.max() < 1.01


def test_truncated_noise_has_a_grain():
    noise = np.random.default_rng(0).standard_normal((128, 128, 2))
    cut = truncate(noise, (0.5, 0.5)).real
    assert np.corrcoef(cut[1:].ravel(), cut[:-1].ravel())[0, 1] > 0.5
    assert cut.shape == noise.shape


@pytest.mark.parametrize("axis", [0, 1])
def test_ghosts_lie_where_the_period_says_and_are_half_as_strong(axis):
    image = np.zeros((64, 64))
    image[32, 32] = 1.0
    seen = np.abs(ghosts(image, axis=axis, period_lines=8.0, strength=0.4))
    profile = seen[:, 32] if axis == 0 else seen[32]
    expected = np.zeros(64)
    expected[32], expected[[24, 40]] = 1.0, 0.2
    np.testing.assert_allclose(profile, expected, atol=1e-9)
