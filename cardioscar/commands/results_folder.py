"""Where results lie that a command is told of: the folder itself, or the output of a run that holds it."""

from __future__ import annotations

from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.report.cohort_table import CohortTable, read_cohort_json
from cardioscar.results.table import DATA


def results_folder(given: Path) -> Path:
    """The folder of results.

    Raises:
        InputError: If neither it nor its `results/` has a `cohort.json`.
    """
    for folder in (given, given / "results"):
        if (folder / DATA).is_file():
            return folder
    name = given.name or "folder"
    raise InputError(name, f"results of a run, with {DATA}", "none; name the output of `cardioscar run`")


def read_table(given: Path) -> CohortTable:
    """The table of a cohort.

    Raises:
        InputError: If there is none, or it is damaged or another version's.
    """
    return read_cohort_json((results_folder(given) / DATA).read_bytes())
