from __future__ import annotations

import numpy as np
import pytest

from cardioscar.phantom.random_field import draw_random_field


def test_mean_variance_and_correlation_are_those_stated():
    length = 3.0
    field = draw_random_field(np.random.default_rng(0), low_mm=np.zeros(3), high_mm=np.full(3, 120.0), length_mm=length)
    # About 10,000 independent volumes of (2.5 l)^3 in the box: moments are known to about 0.02.
    at = np.round(np.random.default_rng(1).uniform(10, 100, (100_000, 3)) / field.step_mm) * field.step_mm
    values = field(at)
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.var() == pytest.approx(1, abs=0.08)
    for steps in (1, 2, 4):
        distance = steps * field.step_mm
        moved = field(at + np.array([distance, 0, 0]))
        expected = np.exp(-((distance / length) ** 2) / 2)
        assert np.mean(values * moved) / values.var() == pytest.approx(expected, abs=0.05)


def test_is_continuous_and_defined_outside_its_box():
    field = draw_random_field(
        np.random.default_rng(2), low_mm=np.array([-5.0, 0, 5]), high_mm=np.array([15.0, 20, 25]), length_mm=5
    )
    at = np.random.default_rng(3).uniform(-30, 40, (2_000, 3))
    assert np.isfinite(field(at)).all()
    assert np.abs(field(at + 1e-4) - field(at)).max() < 1e-2
