"""Stage `summarize_cohort`: the cohort's table and report, and the one verdict on the run."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar import __version__
from cardioscar.errors import CardioscarError, ConfigError
from cardioscar.stages.evaluate import flat_metrics
from cardioscar.stages.list_subjects import select
from cardioscar.stages.logs import about
from cardioscar.stages.places import local_folder
from cardioscar.stages.status import Status, read_status
from cardioscar.stages.subject_folder import platform_faults

if TYPE_CHECKING:
    from cardioscar.report.cohort import CohortRow

log = logging.getLogger(__name__)


class CohortRejected(CardioscarError):  # noqa: N818 - a verdict, not a malfunction
    """More subjects failed than the run allows."""

    kind = "cohort"


def check_fraction(max_failed_fraction: float) -> None:
    """Refuse what is no share.

    Raises:
        ConfigError: If it is not from 0 to 1.
    """
    if not 0 <= max_failed_fraction <= 1:
        raise ConfigError("max_failed_fraction", "a share from 0 to 1", f"{max_failed_fraction:g}")


def run(
    cohort_uri: str | Path,
    results_uri: str | Path,
    report_html: str | Path = "",
    max_failed_fraction: float = 0.1,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    subjects: str = "",
    *,
    track: bool = True,
) -> dict[str, float | int | str]:
    """Write `cohort.csv` and `cohort.html` beside the results, record them, and take the verdict.

    Args:
        cohort_uri: The cohort, for the list of subjects: one whose shard died is missed here, not forgotten.
        results_uri: Folder of published results, see `evaluate`.
        report_html: Where else the report is written (the artifact of a pipeline).
        max_failed_fraction: Largest share of failed subjects with which the run counts as done, 0 to 1.
        tracking_uri: MLflow server or local store; empty takes `MLFLOW_TRACKING_URI`, and without that tracks nothing.
        experiment: Name of the cohort's experiment.
        subjects: Comma-separated ids; empty for all.
        track: Record in MLflow.

    Returns:
        Counts, the failed fraction, the verdict (`accepted` or `rejected`), and mean metrics.

    Raises:
        CohortRejected: If more failed; the report is written before.
        UnreachableError: If the tracking server does not answer; the report is written before.
        PlatformError: If the report cannot be written.
    """
    from cardioscar.imaging.atomic import atomic_file
    from cardioscar.report.cohort import CohortSummary, cohort_csv, write_cohort_report

    check_fraction(max_failed_fraction)
    results = local_folder(results_uri, where="results_uri")
    with platform_faults(results):
        results.mkdir(parents=True, exist_ok=True)
    ids = [entry.subject for entry in select(str(cohort_uri), subjects)]
    statuses = [read_status(results / subject) for subject in ids]
    rows = [_row(results, subject, status) for subject, status in zip(ids, statuses, strict=True)]
    summary = _summary(rows, max_failed_fraction, experiment)
    table = results / "cohort.csv"
    with atomic_file(table) as partial:
        partial.write_text(cohort_csv(rows), encoding="utf-8")
    page = CohortSummary(
        accepted=summary["verdict"] == "accepted",
        max_failed_fraction=max_failed_fraction,
        name=experiment,
        version=__version__,
        # the time of the newest result, not of this page: the same results give the same page
        created=max((status.started for status in statuses if status), default=""),
    )
    for place in (results / "cohort.html", Path(report_html) if report_html else None):
        if place:
            with platform_faults(place.parent):
                write_cohort_report(place, rows, page)
    with about("summary", "cohort"):
        log.info("{ok} ok, {failed} failed of {subjects}: {verdict}".format(**summary))
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    untracked = None
    if track and uri:
        try:
            _record(results, summary, uri, experiment)
        except CardioscarError as error:
            untracked = error
            with about("track", "cohort"):
                log.error("not recorded: %s", error)
    if summary["verdict"] == "rejected":
        raise CohortRejected(
            f"{summary['failed']} of {summary['subjects']} subjects failed ({summary['failed_fraction']:.0%}), "
            f"more than max_failed_fraction {max_failed_fraction:.0%}"
        ) from untracked
    if untracked:
        raise untracked
    return summary


def _record(results: Path, summary: dict[str, float | int | str], uri: str, experiment: str) -> None:
    from cardioscar.services.mlflow_client import TrackingTarget
    from cardioscar.services.tracking import record_cohort

    numbers = {k: float(v) for k, v in summary.items() if isinstance(v, int | float)}
    report = results / "cohort.html"
    record_cohort(
        TrackingTarget(uri, experiment), table_csv=results / "cohort.csv", report_html=report, metrics=numbers
    )


def _row(results: Path, subject: str, status: Status | None) -> CohortRow:
    from cardioscar.report.cohort import CohortRow

    folder = results / subject
    if status is None or (status.outcome == "ok" and not (folder / "metrics.json").is_file()):
        reason = "no result: its shard did not finish" if status is None else "its metrics.json is missing"
        return CohortRow(subject, "failed", stage="unknown", error_kind="lost", error_message=reason)
    if status.outcome != "ok":
        error = status.error
        return CohortRow(
            subject,
            "failed",
            stage=error.stage if error else status.stage,
            error_kind=error.kind if error else "unknown",
            error_message=error.message if error else "",
        )
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    numbers: dict[str, Any] = flat_metrics(metrics) | {"seconds": metrics["fit"]["seconds"]}
    return CohortRow(
        subject,
        "ok",
        stage=status.stage,
        qc=metrics["qc"]["verdict"],
        metrics=numbers,
        report=f"{subject}/report.html" if (folder / "report.html").is_file() else None,
    )


def _summary(rows: list[CohortRow], max_failed_fraction: float, experiment: str) -> dict[str, float | int | str]:
    failed = sum(row.outcome != "ok" for row in rows)
    fraction = failed / len(rows)
    summary: dict[str, float | int | str] = {
        "cohort": experiment,
        "subjects": len(rows),
        "ok": len(rows) - failed,
        "failed": failed,
        "review": sum(row.qc == "review" for row in rows),
        "qc_failed": sum(row.qc == "fail" for row in rows),
        "failed_fraction": fraction,
        "max_failed_fraction": max_failed_fraction,
        "verdict": "rejected" if fraction > max_failed_fraction else "accepted",
    }
    for name in ("dice", "heldout_dice", "scar_percent", "residual_rms"):
        found = [row.metrics.get(name) for row in rows]
        values = [value for value in found if value is not None]
        if values:
            summary[f"mean_{name}"] = sum(values) / len(values)
    return summary
