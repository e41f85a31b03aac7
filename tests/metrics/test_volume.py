from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.metrics.volume import scar_volume_ml, volume_error_percent

VOLUMES_ML = np.array([1.0, 2.0, 3.0, 4.0])


def test_hand_numbers():
    truth, prediction = np.array([1, 1, 0, 1]), np.array([0, 1, 1, 1])
    assert scar_volume_ml(truth, VOLUMES_ML) == 7.0
    assert volume_error_percent(truth, prediction, VOLUMES_ML) == pytest.approx(100 * 2 / 7)
    assert volume_error_percent(prediction, truth, VOLUMES_ML, signed=True) == pytest.approx(-100 * 2 / 9)
    assert volume_error_percent(truth, prediction) == 0.0


def test_probabilities_give_the_expected_volume():
    assert scar_volume_ml(np.full(4, 0.25), VOLUMES_ML) == pytest.approx(2.5)


def test_no_true_scar_is_nan():
    assert math.isnan(volume_error_percent(np.zeros(4), np.ones(4), VOLUMES_ML))


def test_refuses_values_outside_zero_to_one():
    with pytest.raises(InputError, match=r"scar: expected values from 0 to 1, found 1.5"):
        scar_volume_ml(np.array([0.0, 1.5]), np.ones(2))
    with pytest.raises(InputError, match="truth: expected values from 0 to 1, found nan"):
        volume_error_percent(np.array([np.nan, 1.0]), np.ones(2))
    with pytest.raises(InputError, match="prediction: expected shape"):
        volume_error_percent(np.ones(3), np.ones(2))


@given(st.floats(0.01, 1), st.floats(0, 1), st.floats(0.001, 10))
def test_error_does_not_depend_on_the_size_of_the_nodes(true, predicted, node_ml):
    truth, prediction = np.full(3, true), np.full(3, predicted)
    error = volume_error_percent(truth, prediction, np.full(3, node_ml), signed=True)
    assert error == pytest.approx(100 * (predicted / true - 1), abs=1e-6)
