from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.errors import ConfigError, InputError
from cardioscar.stages.list_subjects import run, select


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(1, 8):
        folder = tmp_path / f"P{number:03d}"
        folder.mkdir()
        (folder / "labels.nii.gz").write_bytes(b"labels")
    return tmp_path


def test_shards_hold_every_subject_once_in_order(cohort: Path) -> None:
    names = [f"P{number:03d}" for number in range(1, 8)]
    assert run(cohort, 3) == [names[:3], names[3:6], names[6:]]
    assert run(str(cohort), 100) == [names]


def test_a_list_of_ids_selects_in_its_own_order_and_without_repeats(cohort: Path) -> None:
    assert run(cohort, 2, " P005, P001,P005,, P002 ") == [["P005", "P001"], ["P002"]]


def test_ids_that_are_not_there_are_named(cohort: Path) -> None:
    with pytest.raises(InputError, match=r"^subjects: expected ids of the cohort \(7 subjects\), found P009$"):
        select(cohort, "P001,P009")


def test_a_refused_id_stands_in_as_a_row(cohort: Path) -> None:
    (cohort / "Jane Doe").mkdir()
    assert run(cohort, 8)[0][0] == "row-1"
    assert select(cohort, "row-1")[0].problem is not None


def test_a_run_that_the_platform_cannot_finish_is_refused(cohort: Path) -> None:
    with pytest.raises(ConfigError, match="shard_size: expected a whole number of at least 1, found 0"):
        run(cohort, 0)
