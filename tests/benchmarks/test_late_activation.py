"""The table of the benchmark of late activation, with methods whose scores are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.late_activation import TRAINING, UNSEEN, VALIDATION, classical, draw, table
from cardioscar.activation.baselines.method import Prediction


class _Perfect:
    def __init__(self, hearts) -> None:
        self.known = {id(one.measured): one for one in hearts}

    def predict(self, one) -> Prediction:
        truth = self.known[id(one)]
        return Prediction(one.tos_ms, one.scarred, truth.classes)


@pytest.fixture(scope="module")
def hearts():
    return draw(UNSEEN, 12)


def test_a_method_that_knows_the_truth_has_no_error(hearts):
    rows = table({"truth": _Perfect(hearts)}, hearts)
    scarred = sum(one.measured.scarred.any() for one in hearts)
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| all 12",
        f"| {scarred} with scar",
        f"| {12 - scarred} without",
    ]
    assert rows[2].endswith("| truth | 0.0 | 0.0 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 |")
    assert all(row.count("|") == rows[0].count("|") for row in rows[1:])


def test_no_heart_is_in_two_sets():
    assert len({TRAINING, VALIDATION, UNSEEN}) == 3
    assert min(np.diff(sorted([TRAINING, VALIDATION, UNSEEN]))) >= 100_000


def test_classical_methods_are_ready(hearts):
    for method in classical(draw(TRAINING, 8)).values():
        assert method.predict(hearts[0].measured).classes.shape == (126,)
