from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardioscar.errors import InputError
from cardioscar.metrics.overlap import dice, precision, recall

pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(arrays(bool, n), arrays(bool, n), arrays(np.float64, n, elements=st.floats(0.1, 10)))
)


def test_hand_numbers():
    # T = {0,1,2,3}, P = {2,3,4}: 2 shared
    truth, prediction = np.array([1, 1, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 1, 0])
    assert dice(truth, prediction) == pytest.approx(4 / 7)
    assert precision(truth, prediction) == pytest.approx(2 / 3)
    assert recall(truth, prediction) == pytest.approx(2 / 4)


def test_weights_count_nodes_by_their_volume():
    truth, prediction = np.array([1, 1, 0]), np.array([1, 0, 1])
    weights = np.array([3.0, 1.0, 2.0])
    assert dice(truth, prediction, weights) == pytest.approx(2 * 3 / (4 + 5))
    assert precision(truth, prediction, weights) == pytest.approx(3 / 5)
    assert recall(truth, prediction, weights) == pytest.approx(3 / 4)


def test_undefined_is_nan_and_disjoint_is_zero():
    none, some = np.zeros(4), np.array([0, 1, 0, 0])
    assert math.isnan(dice(none, none))
    assert math.isnan(precision(some, none))
    assert math.isnan(recall(none, some))
    assert dice(none, some) == dice(some, none) == precision(none, some) == recall(some, none) == 0


@pytest.mark.parametrize(
    ("truth", "prediction", "weights", "message"),
    [
        ([0, 1], [0.2, 1.0], None, "prediction: expected only 0 and 1, found 0.2"),
        ([0, 1], [0, 1, 1], None, "prediction: expected shape"),
        ([[0, 1]], [0, 1], None, "truth: expected one value for each node"),
        ([0, 1], [0, 1], [1.0, -1.0], "weights: expected finite weights"),
        ([0, 1], [0, 1], [1.0], "weights: expected shape"),
    ],
)
def test_refuses_what_is_no_mask(truth, prediction, weights, message):
    with pytest.raises(InputError, match=message):
        dice(np.array(truth), np.array(prediction), None if weights is None else np.array(weights))


@given(pairs)
def test_dice_is_the_harmonic_mean_of_precision_and_recall(case):
    truth, prediction, weights = case
    d, p, r = (f(truth, prediction, weights) for f in (dice, precision, recall))
    if math.isnan(p) or math.isnan(r):
        assert math.isnan(d) or d == 0
    elif p + r == 0:
        assert d == 0
    else:
        assert d == pytest.approx(2 * p * r / (p + r))
        assert 0 <= d <= 1 + 1e-12


@given(pairs)
def test_dice_is_symmetric_and_counts_copies_as_weight(case):
    truth, prediction, _ = case
    assert dice(truth, prediction) == pytest.approx(dice(prediction, truth), nan_ok=True)
    twice = np.where(np.arange(len(truth)) % 2, 2, 1)
    copies = np.repeat(np.arange(len(truth)), twice)
    assert dice(truth, prediction, twice) == pytest.approx(dice(truth[copies], prediction[copies]), nan_ok=True)
