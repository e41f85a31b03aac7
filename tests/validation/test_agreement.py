"""Agreement statistics against published worked examples, and against programs that share no code with ours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cardioscar.metrics.agreement import bland_altman, coefficient_of_variation_percent, icc_2_1, pearson

# Bland & Altman 1986, table 1: peak expiratory flow in l/min of 17 subjects, first readings.
LARGE = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], dtype=float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], dtype=float)

# Shrout & Fleiss 1979, table 2: six targets, four judges.
JUDGED = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def test_the_flow_meters_of_bland_and_altman() -> None:
    found = bland_altman(MINI, LARGE)  # large minus mini, as they do
    assert found.pairs == 17
    # printed there: mean difference -2.1, standard deviation 38.8; the bias from -22.0 to 17.8
    assert (round(found.bias, 1), round(found.sd, 1)) == (-2.1, 38.8)
    assert found.bias_interval == pytest.approx((-22.0, 17.8), abs=0.1)
    # printed there: limits -79.7 to 75.5, with 2 for 1.96; their error sqrt(3 s^2 / n) = 16.3, where ours is 16.4; with
    # t = 2.12 the lower limit lies from -114.3 to -45.1, the upper one from 40.9 to 110.1
    assert found.limits == pytest.approx((-79.7, 75.5), abs=0.04 * 38.8 + 0.1)
    assert found.lower_interval == pytest.approx((-114.3, -45.1), abs=2.0)
    assert found.upper_interval == pytest.approx((40.9, 110.1), abs=2.0)
    # printed there: r = 0.94
    assert round(pearson(LARGE, MINI), 2) == 0.94


def test_the_error_of_a_limit_is_what_many_drawn_samples_show() -> None:
    rng = np.random.default_rng(0)
    n, draws = 25, 20_000
    differences = rng.normal(1.0, 2.0, (draws, n))
    limits = differences.mean(axis=1) + 1.96 * differences.std(axis=1, ddof=1)
    one = bland_altman(np.zeros(n), differences[0])
    error = (one.upper_interval[1] - one.upper_interval[0]) / 2 / stats.t.ppf(0.975, n - 1) / one.sd * 2.0
    # 20,000 draws give a standard deviation to 0.5 %; the formula itself is first-order in 1/n
    assert error == pytest.approx(limits.std(), rel=0.03)


def test_the_judges_of_shrout_and_fleiss() -> None:
    found = icc_2_1(JUDGED)
    # printed in table 4: 0.29; the interval is that of psych::ICC of R for the same table: 0.019 to 0.76
    assert round(found.value, 2) == 0.29
    assert found.interval == pytest.approx((0.019, 0.761), abs=0.0006)


def test_icc_equals_an_analysis_of_variance_by_sums() -> None:
    rng = np.random.default_rng(1)
    for n, k in ((5, 2), (12, 3), (30, 4)):
        x = rng.normal(size=(n, 1)) * 3 + rng.normal(size=k) + rng.normal(size=(n, k)) + 1e3
        grand = x.sum() ** 2 / x.size
        ss_b, ss_j = (x.sum(axis=1) ** 2).sum() / k - grand, (x.sum(axis=0) ** 2).sum() / n - grand
        ss_e = (x**2).sum() - grand - ss_b - ss_j
        b, j, e = ss_b / (n - 1), ss_j / (k - 1), ss_e / ((n - 1) * (k - 1))
        # 1e3 off zero costs the textbook's sums six digits
        assert icc_2_1(x).value == pytest.approx((b - e) / (b + (k - 1) * e + k * (j - e) / n), abs=1e-6)


def test_the_interval_of_icc_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    truth, held, draws = 4.0 / (4.0 + 0.25 + 1.0), 0, 1000
    for _ in range(draws):
        x = rng.normal(0, 2, (20, 1)) + rng.normal(0, 0.5, 5) + rng.normal(0, 1, (20, 5))
        low, high = icc_2_1(x).interval
        held += low <= truth <= high
    # 1,000 draws: 95 % within 0.7 % (one standard error); the interval is approximate
    assert 0.925 < held / draws < 0.98


def test_correlation_and_variation_equal_other_programs() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(50, 9, 40), rng.normal(52, 9, 40)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert coefficient_of_variation_percent(x, y) == pytest.approx(
        100 * stats.tstd(y - x) / np.concatenate([x, y]).mean(), rel=1e-12
    )
