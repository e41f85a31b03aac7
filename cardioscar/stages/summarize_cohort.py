"""Stage `summarize_cohort`: the cohort's table and report, and the one verdict on the run."""

from __future__ import annotations

import logging
import shutil
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar import __version__
from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.selection import select
from cardioscar.cohort.source import CohortSource
from cardioscar.cohort.stand_ins import is_stand_in
from cardioscar.errors import CardioscarError, ConfigError, InputError, counted
from cardioscar.files.folders import platform_faults
from cardioscar.logs import about
from cardioscar.results.opening import open_results
from cardioscar.results.publication import Result, Results
from cardioscar.results.table import DATA, PAGE, TABLE, write_csv, write_data
from cardioscar.stages.recording import Recording, attempt, not_recorded
from cardioscar.workflow import Conclusion, Workflow

if TYPE_CHECKING:
    from cardioscar.report.cohort_table import CohortRow

log = logging.getLogger(__name__)

_LOOKS = 3
"""How often the table is written at most, where other runs go on publishing."""


class CohortRejected(CardioscarError):  # noqa: N818 - a verdict, not a malfunction
    """More subjects failed, or have a map that failed quality control, than the run allows."""

    kind = "cohort"


def check_fraction(max_failed_fraction: float) -> None:
    """Refuse what is no share.

    Raises:
        ConfigError: If it is not from 0 to 1.
    """
    if not 0 <= max_failed_fraction <= 1:
        raise ConfigError("max_failed_fraction", "a share from 0 to 1", f"{max_failed_fraction:g}")


def run(
    cohort_uri: str | Path | CohortSource,
    recording: Recording,
    report_html: str | Path = "",
    max_failed_fraction: float = 0.1,
    subjects: str = "",
    *,
    table_csv: str | Path = "",
    record_first: Callable[[], object] | None = None,
    family: Workflow,
) -> dict[str, float | int | str]:
    """Write `cohort.json`, `cohort.csv` and `cohort.html` beside the results, record them, and take the verdict.

    The table has a row for every subject that there are results of, so that subjects may be run one by one; the counts
    and the verdict are those of the subjects that this run was asked for.

    Args:
        cohort_uri: The cohort, or one that is open, for the list of subjects: one whose shard died is missed here, not
            forgotten.
        recording: Where the results are, and where the cohort is recorded. Its run must vouch for each result: what an
            earlier run left does not count as done; no name takes results of any run.
        report_html: Where else the report is written (the artifact of a pipeline).
        max_failed_fraction: Largest share of subjects without a map that may be used with which the run counts as
            done, 0 to 1: those that failed, and those whose map failed quality control.
        subjects: Comma-separated ids; empty for all.
        table_csv: Where else the table is written.
        record_first: Records the subjects, before the cohort is recorded and after its table is written.
        family: Whose cohort it is.

    Returns:
        Counts, the failed fraction, the verdict (`accepted` or `rejected`), means and medians of the
        numbers whose family asks for them, and how many rows of subjects of earlier runs the table holds (`earlier`).

    Raises:
        InputError: If the results' `cohort.json`, `cohort.csv` or `cohort.html` is none that a run has written: a
            manifest, for instance.
        CohortRejected: If more failed; the report is written before.
        NotRecordedError: If the tracking server does not answer; the report is written before.
        StoreFailedError: If MLflow or its local store fails; the report is written before.
        UnreachableError: If the object store does not answer.
        PlatformError: If the report cannot be written.
    """
    check_fraction(max_failed_fraction)
    results = open_results(recording.results, family.results)
    ids = [entry.subject for entry in select(open_cohort(cohort_uri, family.layout), subjects)]
    results.check(())
    with results.workspace() as folder:
        with results.alone():
            summary = _written(results, folder, ids, recording, max_failed_fraction, family)
        for name, other in ((TABLE, table_csv), (PAGE, report_html)):
            if other:
                _copy(folder / name, Path(other))
        with about("summary", "cohort"):
            counts = "{ok} ok ({review} for review, {qc_failed} failed quality control), {failed} failed of {subjects}"
            log.info("%s: %s", counts.format(**summary), summary["verdict"])
        untracked = None
        if recording.tracking_uri:
            untracked = attempt(record_first) if record_first else None
            untracked = untracked or attempt(lambda: _record(summary, folder, recording, family))
    if summary["verdict"] == "rejected":
        raise CohortRejected(
            f"{_failures(summary)} ({summary['failed_fraction']:.0%}), "
            f"more than max_failed_fraction {max_failed_fraction:.0%}"
        ) from untracked
    if untracked:
        raise not_recorded(untracked) from untracked
    return summary


def _failures(summary: dict[str, float | int | str]) -> str:
    maps = int(summary["qc_failed"])
    text = f"{int(summary['failed']) + maps} of {counted(int(summary['subjects']), 'subject')} failed"
    return f"{text}, {maps} of them in quality control" if maps else text


def _written(
    results: Results, folder: Path, ids: list[str], recording: Recording, max_failed_fraction: float, family: Workflow
) -> dict[str, float | int | str]:
    """Write the table and the page; in a place without locks again, where other runs' results have come meanwhile."""
    from cardioscar.report.cohort import write_cohort_report
    from cardioscar.report.cohort_summary import cohort_summary
    from cardioscar.report.cohort_table import CohortSummary, CohortTable

    for _ in range(_LOOKS):
        found = set(results.subjects())
        rows, newest = [], ""
        for result in results.results(ids):
            rows.append(_row(result, recording.run_id, family))
            newest = max(newest, result.row.started if result.row else "")
        summary = cohort_summary(rows, max_failed_fraction, recording.experiment, family.columns)
        for result in results.results(sorted(found - set(ids))):
            if result.row and not (is_stand_in(result.subject) and result.row.outcome != "ok"):
                rows.append(replace(_row(result, "", family), earlier=True))
                newest = max(newest, result.row.started)
        summary["earlier"] = len(rows) - len(ids)
        if summary["earlier"]:
            rows.sort(key=lambda row: row.subject)
        said = CohortSummary(
            accepted=summary["verdict"] == "accepted",
            max_failed_fraction=max_failed_fraction,
            name=recording.experiment,
            version=__version__,
            # the time of the newest result, not of this page: the same results give the same page
            created=newest,
        )
        table = CohortTable(said, tuple(rows), family.columns)
        results.put(write_data(folder, table))
        results.put(write_csv(folder, table))
        with platform_faults(folder):
            write_cohort_report(folder / PAGE, table)
        results.put(folder / PAGE)
        if set(results.subjects()) == found:
            break
    return summary


def _copy(source: Path, other: Path) -> None:
    from cardioscar.files.atomic import atomic_file

    with platform_faults(other.parent):
        other.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(other) as partial:
            shutil.copyfile(source, partial)


def _record(summary: Mapping[str, float | int | str], folder: Path, recording: Recording, family: Workflow) -> None:
    from cardioscar.report.cohort_table import read_cohort_json
    from cardioscar.services.tracking.descriptions import CohortWords
    from cardioscar.services.tracking.recording import record_cohort

    rows = read_cohort_json((folder / DATA).read_bytes()).rows
    words = CohortWords(
        family.name,
        verdict=(
            f"Cohort {summary['verdict']}: {counted(int(summary['subjects']), 'subject')}, {summary['ok']} ok "
            f"({summary['review']} for review, {summary['qc_failed']} failed quality control), "
            f"{summary['failed']} failed"
        ),
        columns=[one.key for one in family.columns.terminal],
        to_look_at={
            row.subject: f"{row.qc}: {'; '.join(row.reasons)}"
            for row in rows
            if row.outcome == "ok" and row.qc != "pass"
        },
        failed={row.subject: f"{row.stage}: {row.error_message or ''}" for row in rows if row.outcome != "ok"},
    )
    numbers = {k: float(v) for k, v in summary.items() if isinstance(v, int | float)}
    record_cohort(
        recording.target,
        table_csv=folder / TABLE,
        report_html=folder / PAGE,
        cohort_json=folder / DATA,
        metrics=numbers,
        words=words,
    )


def _row(result: Result, run_id: str, family: Workflow) -> CohortRow:
    from cardioscar.report.cohort_table import CohortRow

    subject, status = result.subject, result.row
    conclusion: Conclusion | None = None
    kind, lost = "lost", ""
    if status is None:
        lost = "no result: its shard did not finish"
    elif run_id and result.run_id != run_id:
        lost = "its result is of an earlier run; its shard did not finish"
    elif result.damage:
        kind, lost = ("lost" if "missing" in result.damage else "damaged"), result.damage
    elif result.metrics is not None:
        try:
            conclusion = family.conclude(result.metrics)
        except InputError:
            kind, lost = "damaged", "its metrics.json is of another version of cardioscar"
    if status is None or lost:
        return CohortRow(subject, "failed", stage="unknown", error_kind=kind, error_message=lost)
    if status.error or conclusion is None:
        error = status.error
        return CohortRow(
            subject,
            "failed",
            stage=error.stage if error else status.stage,
            error_kind=error.kind if error else "unknown",
            error_message=error.message if error else "",
        )
    return CohortRow(
        subject,
        "ok",
        stage=status.stage,
        qc=conclusion.verdict,
        reasons=conclusion.reasons,
        texts=conclusion.texts,
        metrics=conclusion.numbers,
        report=f"{subject}/report.html" if "report.html" in status.outputs else None,
        signed_off=result.signoff.said if result.signoff else "",
        signoff_note=result.signoff.note if result.signoff else "",
        picture=b64encode(result.picture).decode("ascii"),
    )
