from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cardioscar.synthesis.effects.noise import magnitude, phase_sensitive, receiver_noise

MANY = (200, 200)


@pytest.mark.parametrize("signal", [0.0, 1.0, 4.0])
def test_magnitude_with_receiver_noise_is_rician(signal):
    noisy = magnitude(receiver_noise(np.random.default_rng(0), np.full(MANY, signal), deviation=1.0))
    expected = stats.rice(signal)
    # 40,000 pixels: a mean is known to 0.5 % of the deviation, five times that is allowed
    assert noisy.mean() == pytest.approx(expected.mean(), abs=0.025)
    assert noisy.std() == pytest.approx(expected.std(), abs=0.025)


def test_phase_sensitive_keeps_the_sign_whatever_the_phase_of_the_coil():
    rng = np.random.default_rng(1)
    signal = rng.normal(0, 3, (20, 20))
    phase = np.exp(1j * rng.uniform(-np.pi, np.pi, (20, 20)))
    np.testing.assert_allclose(
        phase_sensitive(signal * phase, 2.0 * phase, reference_pixels=0.0), signal, rtol=1e-4, atol=1e-5
    )


def test_noise_fills_the_whole_range_where_there_is_no_signal():
    body = np.zeros(MANY, dtype=np.float32)
    body[:100] = 1.0
    rng = np.random.default_rng(2)
    inversion, reference = (receiver_noise(rng, scale * body, deviation=0.05) for scale in (0.5, 1.0))
    plain = phase_sensitive(inversion, reference)
    divided = phase_sensitive(inversion, reference, normalised=1.0)
    for image in (plain, divided):
        # the divisor is a share of the largest reference, which its noise lifts by about four deviations of 0.014
        assert image[10:90].mean() == pytest.approx(0.5, abs=0.05)
        air = image[110:]
        assert abs(air.mean()) < 0.1 * air.std()  # black as often as white
    assert plain[110:].std() == pytest.approx(0.05, rel=0.05)
    assert divided[110:].std() > 5 * divided[10:90].std()  # the reference is small there


def test_the_divisor_takes_the_profile_of_the_coils_out():
    profile = np.linspace(0.4, 1.0, 60)[:, None] * np.ones((1, 40))
    image = phase_sensitive(0.5 * profile, profile, reference_pixels=0.0, normalised=1.0)
    np.testing.assert_allclose(image, 0.5, rtol=1e-5)


def test_an_image_without_any_signal_gives_no_odd_numbers():
    assert np.isfinite(phase_sensitive(np.zeros((4, 4)), np.zeros((4, 4)), normalised=1.0)).all()
