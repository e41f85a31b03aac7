"""`cardioscar sign-off`: a person's word on a subject's result, kept beside it, in the cohort's table and in MLflow."""

from __future__ import annotations

from dataclasses import dataclass
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

    results: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RESULTS")]
    """Folder of results, output of `cardioscar run`, or s3:// place of results."""
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
    from cardioscar.commands.results_folder import results_folder, row_of
    from cardioscar.errors import InputError
    from cardioscar.identity.subject_id import check_subject_id
    from cardioscar.results.signing import sign
    from cardioscar.services.store.places import place

    check_subject_id(form.subject)
    if form.tracking_uri and not form.experiment:
        raise InputError("experiment", "the cohort's experiment in MLflow (--experiment) beside --tracking-uri", "none")
    root = place(form.results, where="results")
    if isinstance(root, Path):
        row_of(root, form.subject)
    signed = sign(results_folder(root) if isinstance(root, Path) else root, form.subject, form.said, form.note)
    if form.tracking_uri:
        from cardioscar.services.tracking.client import TrackingTarget
        from cardioscar.services.tracking.signoff import tag_signoff

        target = TrackingTarget(form.tracking_uri, form.experiment)
        withdrawn = form.said == "withdrawn"
        tag_signoff(target, form.subject, signed.of_result, "" if withdrawn else form.said, form.note)
    tagged, before = bool(form.tracking_uri), ""
    if signed.before:
        before = f" (before: {signed.before.said}, {signed.before.when})"
    form.terminal.answer(
        {
            "subject": form.subject,
            "signed_off": form.said,
            "before": signed.before.said if signed.before else None,
            "tagged_in_mlflow": tagged,
        },
        f"{form.subject}: {form.said}{before}{'; tags of its run in MLflow' if tagged else ''}",
    )
    return 0
