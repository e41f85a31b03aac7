"""`cardioscar sign-off`: a person's word on a subject's result, kept beside it, in the cohort's table and in MLflow."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal


@dataclass(frozen=True)
class SignOffCommand:
    """Say of a subject's result whether it may be used. It is kept in signoff.json beside the result, in cohort.csv and
    on the cohort's page; a newer result must be looked at anew.
    """

    results: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RESULTS")]
    """Folder of results, or output of `cardioscar run`."""
    subject: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SUBJECT")]
    """Id of the subject."""
    said: Annotated[tyro.conf.Positional[Literal["accepted", "rejected", "withdrawn"]], tyro.conf.arg(metavar="WORD")]
    """accepted, rejected, or withdrawn: take back what was said."""
    note: str = ""
    """Why, in a line. No names of people."""
    tracking_uri: str = ""
    """MLflow server or store whose run of this result gets it as tags; by default none."""
    experiment: str = ""
    """The cohort's experiment there, as named to `cardioscar run`; needed with --tracking-uri."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar sign-off`, and keep what is said."""
    form = parsed(SignOffCommand, f"cardioscar {command}", words)
    from cardioscar.commands.results_folder import results_folder
    from cardioscar.errors import InputError
    from cardioscar.files.atomic import atomic_file
    from cardioscar.files.folders import only_writer, platform_faults
    from cardioscar.identity.subject_id import check_subject_id
    from cardioscar.results.publication import METRICS
    from cardioscar.results.signoff import SIGNOFF, SignOff, result_sha256

    check_subject_id(form.subject)
    if form.tracking_uri and not form.experiment:
        raise InputError("experiment", "the cohort's experiment in MLflow (--experiment) beside --tracking-uri", "none")
    root = results_folder(form.results)
    folder = root / form.subject
    if not (folder / METRICS).is_file():
        raise InputError(form.subject, "a finished result", "none")
    word, of_result = None, result_sha256((folder / METRICS).read_bytes())
    with platform_faults(root), only_writer(root, "cohort", patience_s=60.0):
        if form.said == "withdrawn":
            (folder / SIGNOFF).unlink(missing_ok=True)
        else:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            word = SignOff(form.said, form.note, when, of_result)
            with atomic_file(folder / SIGNOFF) as partial:
                partial.write_text(word.text(), encoding="utf-8")
        _draw_again(root, form.subject, word.said if word else "", word.note if word else "")
    if form.tracking_uri:
        from cardioscar.services.tracking.client import TrackingTarget
        from cardioscar.services.tracking.signoff import tag_signoff

        target = TrackingTarget(form.tracking_uri, form.experiment)
        tag_signoff(target, form.subject, of_result, word.said if word else "", form.note)
    tagged = bool(form.tracking_uri)
    form.terminal.answer(
        {"subject": form.subject, "signed_off": form.said, "tagged_in_mlflow": tagged},
        f"{form.subject}: {form.said}{', and in the tags of its run in MLflow' if tagged else ''}",
    )
    return 0


def _draw_again(root: Path, subject: str, said: str, note: str) -> None:
    """Table, data and page of the cohort, with the word in the subject's row."""
    from cardioscar.report.cohort import write_cohort_report
    from cardioscar.report.cohort_table import read_cohort_json
    from cardioscar.results.table import DATA, PAGE, write_csv, write_data

    table = read_cohort_json((root / DATA).read_bytes())
    rows = tuple(
        dataclasses.replace(row, signed_off=said, signoff_note=note) if row.subject == subject else row
        for row in table.rows
    )
    table = dataclasses.replace(table, rows=rows)
    write_data(root, table)
    write_csv(root, table)
    write_cohort_report(root / PAGE, table)
