"""Subject ids: pseudonyms pass, personal data and unsafe text do not, and a refusal repeats nothing."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id

PSEUDONYMS = [
    "P001",
    "patient1",
    "S-0001",
    "case12",
    "Case_P001",
    "Case_N042",
    "001",
    "12345678",
    "phantom-003",
    "SC-HF-I-01",
    "SC-HF-I",
    "bivme_patient1",
    "sunnybrook_lge_infarct_annotations",
    "sunnybrook_lge_infarct",
    "case_A",
    "PatientB",
    "a3f19991231b77c0",
    "20201231ffee20201231ffee",
    "1999123119991231",
    "b19651231",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "P001_20211301",
    "x" * 64,
    "subject-0001",
    "p0123",
    "pig2",
    "SCD0000101",
    "SC-HYP-01",
    "ACDC-DCM-2017",
    "Site_Alpha_01",
    "SubjectA01",
    "Heart01",
    "may2",
    "dec19",
    "12dec1965a3f0c4be",
]
PERSONAL = [
    ("19650314", "date"),
    ("14031965", "date"),
    ("03141965", "date"),
    ("1965-03-14", "date"),
    ("1965_3_14", "date"),
    ("14-03-1965", "date"),
    ("P001_20210314", "date"),
    ("P001-2021-03-14-a", "date"),
    ("DOB19650314", "date"),
    ("14-Mar-1965", "date"),
    ("14MAR1965", "date"),
    ("P1_March-14-1965", "date"),
    ("1965mar14", "date"),
    ("Smith_John_1965", "name"),
    ("Doe-Jane-02", "name"),
    ("SmithJohn1965-3", "name"),
    ("Smith_John", "name"),
    ("smith_john", "name"),
    ("SMITH-JOHN", "name"),
    ("Smith__John", "name"),
    ("doe-j", "name"),
    ("SmithJohn", "name"),
    ("Smith_John_A", "name"),
    ("GARCIA-LOPEZ-ANA", "name"),
    ("Patient_Smith", "name"),
]
UNSAFE = [
    ("", "empty"),
    ("../x", "separator"),
    ("a/b", "separator"),
    ("a\\b", "separator"),
    ("a b", "white space"),
    ("P001\n", "white space"),
    ("_P001", "beginning"),
    ("-P001", "beginning"),
    ("P001.", "position 5"),
    ("P'001", "position 2"),
    ("Müller1", "position 2"),
    ("P٣", "position 2"),
    ("x" * 65, "65 characters"),
]


@pytest.mark.parametrize("text", PSEUDONYMS)
def test_a_pseudonym_passes_unchanged(text):
    assert check_subject_id(text) == text


@pytest.mark.parametrize(("text", "finding"), PERSONAL + UNSAFE)
def test_personal_or_unsafe_text_is_refused_without_repeating_it(text, finding):
    with pytest.raises(InputError) as caught:
        check_subject_id(text)
    assert finding in caught.value.finding
    assert len(text) < 3 or text not in str(caught.value)


@given(st.binary(max_size=16), st.sampled_from([16, 32, 64]))
def test_hashed_ids_always_pass(record_number, digits):
    text = hashlib.sha256(record_number).hexdigest()[:digits]
    assert check_subject_id(text) == text


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)))
def test_every_date_is_refused_in_every_writing(day):
    for form in ("%Y%m%d", "%Y-%m-%d", "%d_%m_%Y", "%d%m%Y", "S1-%Y%m%d"):
        with pytest.raises(InputError, match="date"):
            check_subject_id(day.strftime(form))


@given(st.text(max_size=70))
def test_whatever_passes_is_safe_in_a_path_and_a_filter(text):
    try:
        check_subject_id(text)
    except InputError:
        return
    assert text.isascii()
    assert text.replace("_", "").replace("-", "").isalnum()
    assert 1 <= len(text) <= 64
