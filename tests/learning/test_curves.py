from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.learning.curves import Curves

VALUES = st.floats(-1e6, 1e6)


@given(
    st.lists(st.tuples(VALUES, VALUES), max_size=8),
    st.lists(st.tuples(st.integers(1, 99), st.dictionaries(st.sampled_from(["dice", "loss"]), VALUES)), max_size=4),
)
def test_curves_come_back_from_json(steps: list, validation: list) -> None:
    curves = Curves(tuple(a for a, _ in steps), tuple(b for _, b in steps), tuple(validation))
    assert Curves.from_json(curves.as_json()) == curves


def test_what_is_not_finite_is_null_in_json_and_left_out_of_metrics() -> None:
    curves = Curves((1.0, math.inf), (0.1, 0.1), ((1, {"dice": math.nan}), (2, {"dice": 0.5})))
    read = Curves.from_json(curves.as_json())
    assert "Infinity" not in curves.as_json()
    assert math.isnan(read.losses[1])
    assert curves.as_metrics() == {
        "train/loss": ((1, 1.0),),
        "train/learning_rate": ((1, 0.1), (2, 0.1)),
        "validation/dice": ((2, 0.5),),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"}, {"losses": "Jane Doe"}, {"losses": [1.0]}, {"validation": [[1]]},
        {"validation": [["Jane Doe", {}]]}, {"validation": 5}, {"losses": None},
    ],
)  # fmt: skip
def test_other_files_are_refused_and_never_repeated(change: dict) -> None:
    good = json.loads(Curves().as_json())
    with pytest.raises(InputError) as refused:
        Curves.from_json(json.dumps(good | change))
    assert "Jane" not in str(refused.value)
    for text in ("", "[]", "{}", "5"):
        with pytest.raises(InputError, match="curves.json: expected"):
            Curves.from_json(text)
