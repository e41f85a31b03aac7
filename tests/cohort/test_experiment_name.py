from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.cohort.experiment_name import experiment_name, may_name_a_person
from cardioscar.services.tracking.client import check_experiment


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("s3://hearts/cohorts/ward 7/", "ward 7"),
        ("s3://hearts/cohorts/ward-7/cohort.csv", "ward-7"),
        ("s3://hearts/cohort.csv", "hearts"),
        ("s3://hearts", "hearts"),
        ("/data/acute", "acute"),
        ("/data/acute/", "acute"),
        ("/data/acute/cohort.csv", "acute"),
        ("/data/acute/sub/..", "acute"),
        ("file:///data/acute", "acute"),
        ("/data/Infarcts (2024), site", "Infarcts -2024- site"),
        ("/data/ä", "cohort"),
        ("/data/Doe_Jane_1950", "cohort"),
        ("s3://hearts/doe-jane", "cohort"),
        ("/", "cohort"),
    ],
)
def test_an_experiment_is_called_like_the_last_part_of_an_address(uri: str, name: str) -> None:
    assert experiment_name(uri) == name
    assert check_experiment(name) == name


def test_the_working_directory_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ward-7").mkdir()
    monkeypatch.chdir(tmp_path / "ward-7")
    assert experiment_name(".") == "ward-7"
    assert experiment_name(Path()) == "ward-7"


def test_a_subjects_folder_is_part_of_a_cohort() -> None:
    assert experiment_name("/data/ward-7/P001", ["P001"]) == "ward-7"
    assert experiment_name("s3://hearts/ward-7/P001", ["P001"]) == "ward-7"
    assert experiment_name("/data/ward-7", ["P001"]) == "ward-7"


@pytest.mark.parametrize(
    "name",
    [
        "Doe_Jane_1950", "Jane Doe", "jane_doe", "smith.john", "DoeJane", "DOE^JANE", "Müller-Jürgen", "doe_j",
        "Smith1965", "born 14.3.1965", "1965-03-14", "mrn_00482913", "00482913", "Jane_Doe_study", "o'brien mary",
    ],
)  # fmt: skip
def test_what_may_name_a_person(name: str) -> None:
    assert may_name_a_person(name)
    assert experiment_name(f"/data/{name}") == "cohort"


@pytest.mark.parametrize(
    "name",
    ["trial 7", "ward-7", "acute", "acute_infarcts_2024", "Sunnybrook", "site A", "EMIDEC", "hearts", "R001"],
)
def test_what_names_none(name: str) -> None:
    assert not may_name_a_person(name)
    assert experiment_name(f"/data/{name}") == name
