from __future__ import annotations

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.lvquant.inference.intervals import deviation, fit_calibration, fit_term, quantity


def test_nine_in_ten_further_subjects_lie_inside() -> None:
    """Errors that are neither normal nor as the network's spread says; exchangeable subjects are all that counts."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        spread = rng.gamma(2, 1, 40)
        errors = rng.laplace(0, 1 + spread)
        term = fit_term(errors[:39], spread[:39])
        half = np.hypot(1.6448536 * spread[39], term)
        held.append(abs(errors[39]) <= half)
    # at least 90 %, and no more than 1/(n+1) above it; 400 draws: 0.9 ± 0.015
    assert 0.86 < np.mean(held) < 0.95


def test_a_spread_that_says_it_all_needs_no_term() -> None:
    assert fit_term(np.full(20, 1.0), np.full(20, 1.0)) == 0
    assert fit_term(np.arange(1.0, 20.0), np.zeros(19)) == 18


def test_intervals_hold_their_number_and_end_at_what_is_possible() -> None:
    one = quantity(5.0, 4.0, 3.0, regressed=6.0, least=0.0)
    assert one.low == 0
    assert one.high == pytest.approx(5 + np.hypot(1.6448536 * 4, 3))
    assert deviation(np.array([2.0]), 2.0, 2.0) == 0
    assert deviation(np.array([np.nan, 1.0, 3.0])) == pytest.approx(np.sqrt(2))


def test_terms_are_fitted_for_what_every_subject_has() -> None:
    found = [{"lv_edv_ml": quantity(100 + n, 0.0, 0.0), "lv_mass_g": quantity(90.0, 0.0, 0.0)} for n in range(10)]
    truth = [{"lv_edv_ml": 100.0, "lv_ef_percent": 50.0} for _ in range(10)]
    fitted = fit_calibration(found, truth)
    assert fitted.subjects == 10
    assert fitted.terms == {"lv_edv_ml": 9.0}
    with pytest.raises(InputError, match="at least 9 subjects for 90%, found 8"):
        fit_calibration(found[:8], truth[:8])
    with pytest.raises(InputError, match="known of every subject"):
        fit_calibration(found, [{"lv_ef_percent": 50.0}] * 10)
    with pytest.raises(InputError, match="finite errors"):
        fit_term(np.full(10, np.nan), np.zeros(10))
