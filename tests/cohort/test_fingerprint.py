"""A cohort's fingerprint changes with its files, and with nothing else."""

from __future__ import annotations

import os
import shutil

import pytest

from cardioscar.cohort.fingerprint import cohort_fingerprint
from cardioscar.errors import InputError


@pytest.fixture
def cohort(tmp_path):
    folder = tmp_path / "cohort"
    for subject in ("case-1", "case-2"):
        (folder / subject).mkdir(parents=True)
        (folder / subject / "labels.nii.gz").write_bytes(b"labels")
    return folder


def test_the_same_files_give_the_same_fingerprint_wherever_they_lie(cohort, tmp_path):
    copy = shutil.copytree(cohort, tmp_path / "elsewhere")
    assert cohort_fingerprint(str(copy)) == cohort_fingerprint(str(cohort))


@pytest.mark.parametrize("change", ["grow", "touch", "add", "remove", "rename"])
def test_any_change_of_a_file_changes_the_fingerprint(cohort, change):
    before = cohort_fingerprint(str(cohort))
    path = cohort / "case-1" / "labels.nii.gz"
    if change == "grow":
        path.write_bytes(b"more labels")
    elif change == "touch":
        os.utime(path, ns=(1, 1))
    elif change == "add":
        (cohort / "case-2" / "lge.nii.gz").write_bytes(b"")
    elif change == "remove":
        path.unlink()
    else:
        path.rename(path.with_name("scar.nii.gz"))
    assert cohort_fingerprint(str(cohort)) != before


def test_a_missing_cohort_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cohort: expected a folder or a cohort\.csv"):
        cohort_fingerprint(str(tmp_path / "none"))


def test_a_manifest_stands_for_its_folder(cohort):
    (cohort / "cohort.csv").write_text("subject\n", encoding="utf-8")
    assert cohort_fingerprint(str(cohort / "cohort.csv")) == cohort_fingerprint(str(cohort))
