from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.metrics.agreement import bland_altman, coefficient_of_variation_percent, icc_2_1, pearson

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=40)


@given(VALUES, st.floats(-50, 50), st.floats(0.5, 3))
def test_bias_and_limits_follow_shift_and_unit(values: list[float], shift: float, unit: float) -> None:
    half = len(values) // 2
    one, other = np.array(values[:half]), np.array(values[half : 2 * half])
    plain = bland_altman(one, other)
    moved = bland_altman(one * unit, other * unit + shift)
    assert moved.bias == pytest.approx(plain.bias * unit + shift, abs=1e-6)
    assert moved.sd == pytest.approx(plain.sd * unit, abs=1e-6)
    turned = bland_altman(other, one)
    assert turned.limits == pytest.approx((-plain.limits[1], -plain.limits[0]), abs=1e-9)
    for (low, high), inside in ((plain.bias_interval, plain.bias), (plain.lower_interval, plain.limits[0])):
        assert low <= inside <= high


@given(VALUES)
def test_correlation_is_between_its_bounds_and_blind_to_unit_and_shift(values: list[float]) -> None:
    half = len(values) // 2
    one, other = np.array(values[:half]), np.array(values[half : 2 * half])
    found = pearson(one, other)
    if math.isnan(found):
        return
    assert -1 <= found <= 1
    assert pearson(other, one) == pytest.approx(found, abs=1e-9)
    if np.ptp(one) > 1e-3:
        assert pearson(one, 3 * one + 5) == pytest.approx(1.0, abs=1e-9)


def test_correlation_of_very_small_and_large_units_is_right() -> None:
    one, other = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
    assert pearson(one * 1e-200, other * 1e200) == pytest.approx(0.5)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.99])
def test_more_confidence_is_a_wider_interval(confidence: float) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 20))
    wide, narrow = (bland_altman(one, other, confidence=c).bias_interval for c in (0.999, confidence))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    ratings = one[:, None] + 0.3 * rng.normal(size=(20, 3))
    (low, high), value = icc_2_1(ratings, confidence=confidence).interval, icc_2_1(ratings).value
    assert -1 <= icc_2_1(ratings, confidence=0.999).interval[0] < low < value < high <= 1


def test_raters_that_are_off_by_a_constant_agree_less_and_correlate_as_well() -> None:
    truth = np.linspace(10, 50, 9)
    assert icc_2_1(np.stack([truth, truth], axis=1)).interval == pytest.approx((1.0, 1.0))
    off = icc_2_1(np.stack([truth, truth + 10], axis=1))
    assert off.value < 0.85
    assert off.interval[0] < off.value <= off.interval[1]
    assert pearson(truth, truth + 10) == pytest.approx(1.0)


def test_what_is_undefined_is_nan() -> None:
    same = np.full(4, 2.0)
    assert math.isnan(pearson(same, np.arange(4.0)))
    assert math.isnan(icc_2_1(np.full((4, 2), 2.0)).value)
    assert math.isnan(coefficient_of_variation_percent(np.array([-1.0, 0, 1]), np.array([1.0, 0, -1])))


@pytest.mark.parametrize("measure", [bland_altman, coefficient_of_variation_percent, pearson])
def test_wrong_measurements_are_refused_by_name(measure) -> None:  # type: ignore[no-untyped-def]
    good = np.arange(4.0)
    for first, second, message in (
        (good[:2], good[:2], "first: expected at least three measurements"),
        (good, good[:3], "second: expected"),
        (good, np.array([0, 1, 2, np.nan]), "second: expected finite measurements, found 1 that are not"),
        (good[:, None], good, "first: expected at least three measurements"),
    ):
        with pytest.raises(InputError, match=message):
            measure(first, second)


def test_wrong_ratings_and_confidence_are_refused() -> None:
    with pytest.raises(InputError, match="ratings: expected at least three subjects and two raters"):
        icc_2_1(np.ones((2, 2)))
    with pytest.raises(InputError, match="ratings: expected finite measurements, found 1"):
        icc_2_1(np.array([[1.0, 2], [3, 4], [np.inf, 5]]))
    for confidence in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="confidence: expected a share between 0 and 1"):
            bland_altman(np.arange(4.0), np.arange(4.0), confidence=confidence)
