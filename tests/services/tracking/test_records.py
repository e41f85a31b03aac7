"""What may be recorded, and what is left out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.services.tracking.records import WITHHELD, recordable_metrics, recordable_params, run_key

text = st.text(max_size=8)


@given(st.dictionaries(text, text, max_size=4), st.randoms())
def test_the_run_key_ignores_the_order_of_inputs(hashes, random):
    items = list(hashes.items())
    random.shuffle(items)
    assert run_key("P1", hashes, "c", "1") == run_key("P1", dict(items), "c", "1")


def test_the_run_key_depends_on_each_part():
    keys = {
        run_key("P1", {"mesh": "a"}, "c", "1"),
        run_key("P2", {"mesh": "a"}, "c", "1"),
        run_key("P1", {"mesh": "b"}, "c", "1"),
        run_key("P1", {"lge": "a"}, "c", "1"),
        run_key("P1", {"mesh": "a"}, "d", "1"),
        run_key("P1", {"mesh": "a"}, "c", "2"),
    }
    assert len(keys) == 6


def test_undefined_metrics_are_left_out():
    assert recordable_metrics({"dice": 0.5, "ece": math.nan, "hd95_mm": math.inf}) == {"dice": 0.5}


def test_parameters_are_plain_text_and_paths_are_withheld():
    params = {"a": 1, "b": True, "c": None, "d": "odd", "e": "/home/Smith_John/x", "f": "C:\\Smith", "g": 0.5}
    assert recordable_params(params) == {
        "a": "1",
        "b": "true",
        "c": "null",
        "d": "odd",
        "e": WITHHELD,
        "f": WITHHELD,
        "g": "0.5",
    }


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        ({"subject": "Smith_John"}, "subject id"),
        ({"cohort": "a/b"}, "cohort name"),
        ({"run_key": "x' OR '1"}, "run key"),
        ({"qc": "good"}, "qc"),
        ({"started_ms": 0}, "started_ms"),
        ({"metrics": {"dice` < 2": 1.0}}, "metric or parameter name"),
        ({"params": {"../x": 1}}, "metric or parameter name"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(make_record, parts, where):
    with pytest.raises(InputError) as caught:
        make_record(**parts)
    assert caught.value.where == where


def test_missing_files_and_unsafe_artifact_names_are_refused(make_record, tmp_path):
    with pytest.raises(InputError, match=r"field\.safetensors"):
        make_record(files=make_record().files | {"field.safetensors": tmp_path / "Smith" / "none"})
    with pytest.raises(InputError, match=r"report\.html"):
        make_record(artifacts={"report.html": tmp_path / "none"})
    for name in ("../report.html", "/report.html", "", "a\\b"):
        with pytest.raises(InputError, match="artifact name"):
            make_record(artifacts={name: tmp_path})
