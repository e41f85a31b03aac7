from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardioscar.errors import InputError
from cardioscar.metrics.calibration import (
    brier_score,
    expected_calibration_error,
    interval_coverage,
    reliability_curve,
)

TRUTH = np.array([0, 0, 1, 0, 1, 1, 1, 1])
PROBABILITY = np.array([0.05, 0.05, 0.3, 0.3, 0.7, 0.7, 0.95, 1.0])
unit = st.floats(0, 1)
cases = st.integers(1, 60).flatmap(
    lambda n: st.tuples(arrays(bool, n), arrays(np.float64, n, elements=unit), arrays(np.float64, n, elements=unit))
)


def test_hand_numbers():
    # Five bins of 0.2: {.05,.05}: 0 observed; {.3,.3}: 0.5; {.7,.7}: 1; {.95,1}: 1
    expected = (2 * 0.05 + 2 * 0.2 + 2 * 0.3 + 2 * 0.025) / 8
    assert expected_calibration_error(TRUTH, PROBABILITY, bins=5) == pytest.approx(expected)
    assert brier_score(TRUTH, PROBABILITY) == pytest.approx((0.0025 * 2 + 0.49 + 0.09 + 0.09 * 2 + 0.0025 + 0) / 8)


def test_curve_marks_empty_bins():
    curve = reliability_curve(TRUTH, PROBABILITY, bins=5)
    np.testing.assert_allclose(curve.edges, [0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(curve.weight, [2, 2, 0, 2, 2])
    np.testing.assert_allclose(curve.observed, [0, 0.5, np.nan, 1, 1])
    np.testing.assert_allclose(curve.predicted, [0.05, 0.3, np.nan, 0.7, 0.975])


def test_drawn_from_its_own_probabilities_is_calibrated():
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=200_000)
    truth = rng.uniform(size=200_000) < probability
    # The mean absolute sampling error of 15 bins of 13,333 draws is about 0.003.
    assert expected_calibration_error(truth, probability) < 0.006
    assert brier_score(truth, probability) == pytest.approx(1 / 6, abs=0.003)  # E[p(1-p)]
    assert expected_calibration_error(truth, 1 - probability) > 0.4


@given(cases)
def test_agrees_with_a_plain_loop(case):
    truth, probability, weights = case
    if weights.sum() == 0:
        assert math.isnan(expected_calibration_error(truth, probability, weights))
        assert math.isnan(brier_score(truth, probability, weights))
        return
    total = 0.0
    for b in range(15):
        inside = [i for i, p in enumerate(probability) if min(int(p * 15), 14) == b]
        total += abs(sum(weights[i] * (float(truth[i]) - probability[i]) for i in inside))
    ece = expected_calibration_error(truth, probability, weights)
    assert ece == pytest.approx(total / weights.sum(), abs=1e-9)
    brier = brier_score(truth, probability, weights)
    assert 0 <= ece <= 1 + 1e-12
    assert ece**2 <= brier + 1e-9  # Jensen: the bin gaps are means of the single errors


def test_interval_coverage_counts_both_ends():
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    assert interval_coverage(truth, truth, truth) == 1
    assert interval_coverage(truth, truth - 1, truth - 0.5) == 0
    assert interval_coverage(truth, np.full(4, 0.5), np.full(4, 2.5), np.array([1, 1, 1, 7])) == pytest.approx(0.2)


def test_gaussian_intervals_cover_as_stated():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=50_000)
    half = np.full(50_000, 1.6448536)
    assert interval_coverage(truth, -half, half) == pytest.approx(0.90, abs=0.005)


def test_refuses_impossible_input():
    with pytest.raises(InputError, match=r"probability: expected values from 0 to 1, found 1.2"):
        brier_score(np.array([1]), np.array([1.2]))
    with pytest.raises(InputError, match="bins: expected at least one bin, found 0"):
        reliability_curve(TRUTH, PROBABILITY, bins=0)
    with pytest.raises(InputError, match="upper: expected intervals that end after they start, found 1 reversed"):
        interval_coverage(np.zeros(1), np.ones(1), np.zeros(1))
    with pytest.raises(InputError, match="lower: expected finite values"):
        interval_coverage(np.zeros(1), np.array([-np.inf]), np.zeros(1))
