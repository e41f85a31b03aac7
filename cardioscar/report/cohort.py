"""The report of a cohort: one HTML page with a table of all subjects, and the same table as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from markupsafe import Markup

from cardioscar.report.histogram import histogram_svg
from cardioscar.report.page import (
    duration,
    environment,
    interval,
    is_number,
    number,
    relative_link,
    script_policy,
    template_source,
    web_link,
    write_page,
)

# key: title in the table, decimals
METRICS: Mapping[str, tuple[str, int]] = {
    "scar_ml": ("Scar, ml", 1),
    "scar_ml_lower": ("Scar, ml, lower end of its interval", 1),
    "scar_ml_upper": ("Scar, ml, upper end of its interval", 1),
    "scar_percent": ("Scar, % of wall", 1),
    "uncertain_ml": ("Uncertain scar, ml", 1),
    "border_zone_ml": ("Border zone by signal, ml", 1),
    "dice": ("Dice", 3),
    "dice_log_odds": ("Dice, log-odds", 3),
    "dice_signed_distance": ("Dice, signed distance", 3),
    "heldout_dice": ("Hidden Dice", 3),
    "heldout_dice_log_odds": ("Hidden Dice, log-odds", 3),
    "heldout_dice_signed_distance": ("Hidden Dice, signed distance", 3),
    "left_out_dice": ("Dice, each slice from the others", 3),
    "residual_rms": ("Residual, rms", 3),
    "seconds": ("Fit, s", 1),
}

# title: lower end, upper end; one column of text in the page, two of numbers in the CSV
INTERVALS: Mapping[str, tuple[str, str]] = {"Scar interval, ml": ("scar_ml_lower", "scar_ml_upper")}

# key: title, axis limits, decimals
DISTRIBUTIONS: Mapping[str, tuple[str, tuple[float, float] | None, int]] = {
    "dice": ("Dice against the truth", (0.0, 1.0), 2),
    "heldout_dice": ("Dice on hidden slices", (0.0, 1.0), 2),
    "scar_percent": ("Scar, % of wall", None, 1),
    "left_out_dice": ("Dice, each slice from the others", (0.0, 1.0), 2),
    "residual_rms": ("Group residual, rms", None, 3),
    "seconds": ("Time of the fit, s", None, 1),
}
Outcome = Literal["ok", "failed", "skipped"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "failed", "skipped")
QC_VERDICTS = ("pass", "review", "fail")


@dataclass(frozen=True)
class CohortRow:
    """One subject of the cohort.

    Attributes:
        subject: Its id.
        outcome: How it ended.
        stage: Last stage that dealt with it.
        error_kind: Class of the error of a failed subject, as in `status.json`.
        error_message: Its message.
        qc: Quality verdict: pass, review, fail, or None where there is none.
        reasons: What the verdict rests on, in sentences.
        septum: Where the septum, and so the names of AHA segments, comes from: given, mesh, guessed or unknown.
        metrics: Numbers by the keys of `METRICS`; None where undefined.
        report: Link to the subject's report, relative to the cohort report.
        run_link: Address of the subject's run on the tracking server.
        earlier: The row is of an earlier run; the verdict on this one does not count it.
    """

    subject: str
    outcome: Outcome
    stage: str = ""
    error_kind: str | None = None
    error_message: str | None = None
    qc: str | None = None
    reasons: Sequence[str] = ()
    septum: str | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    report: str | None = None
    run_link: str | None = None
    earlier: bool = False


@dataclass(frozen=True)
class CohortSummary:
    """What is said of the cohort as a whole.

    Attributes:
        accepted: The verdict.
        max_failed_fraction: Share of failed subjects up to which a cohort is accepted, 0 to 1; see `failed_fraction`.
        name: Name of the cohort.
        version: Version of cardioscar.
        config_sha256: Hash of the effective configuration.
        created: Time of the summary, as text.
        seconds: Wall time of the run.
    """

    accepted: bool
    max_failed_fraction: float
    name: str = "cohort"
    version: str = ""
    config_sha256: str = ""
    created: str = ""
    seconds: float | None = None


def write_cohort_report(path: Path, rows: Sequence[CohortRow], summary: CohortSummary) -> Path:
    """Write the cohort's page. It needs no other file, and works for ten subjects and for ten thousand.

    Args:
        path: File to write; its folder is made if absent.
        rows: One a subject.
        summary: The verdict and what it rests on.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.
    """
    outcomes = Counter(row.outcome for row in rows)
    own = [row for row in rows if not row.earlier]
    script = template_source("cohort.js")
    columns = _columns(rows)
    html = (
        environment()
        .get_template("cohort.html")
        .render(
            summary=summary,
            total=len(rows),
            counts=[(outcome, outcomes[outcome]) for outcome in OUTCOMES],
            qc_counts=_qc_counts(rows),
            earlier=len(rows) - len(own),
            failed_fraction=failed_fraction(own) if own else None,
            qc_failed=sum(row.qc == "fail" for row in own),
            run_time=None if summary.seconds is None else duration(summary.seconds),
            any_run=any(web_link(row.run_link) for row in rows),
            any_reasons=any(row.reasons for row in rows),
            columns=[
                {"title": METRICS[key][0] if key in METRICS else key, "number": key in METRICS} for key in columns
            ],
            rows=[_table_row(row, columns) for row in rows],
            distributions=[drawn for key in DISTRIBUTIONS if (drawn := _distribution(rows, key))],
            failures=_failures(rows),
            css=Markup(template_source("page.css") + template_source("cohort.css")),  # noqa: S704 (our own)
            script=Markup(script),  # noqa: S704 (our own)
            policy=Markup(script_policy(script)),  # noqa: S704 (a hash)
        )
    )
    return write_page(path, html)


def cohort_csv(rows: Sequence[CohortRow]) -> str:
    """The cohort table as CSV (RFC 4180, header first), numbers at full precision, undefined ones empty.

    >>> print(cohort_csv([CohortRow("P1", "failed", "train", "input", "=1+1")]).splitlines()[1])
    P1,failed,train,input,'=1+1,,,,,,,,,,,,,,,,,,,,,this
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    before = ("subject", "outcome", "stage", "error_kind", "error_message", "qc", "septum", "reasons")
    writer.writerow([*before, *METRICS, "report", "run_link", "of_run"])
    for row in rows:
        reasons = "; ".join(row.reasons)
        texts = (row.subject, row.outcome, row.stage, row.error_kind, row.error_message, row.qc, row.septum, reasons)
        numbers = (row.metrics.get(key) for key in METRICS)
        writer.writerow(
            [
                *map(_plain_text, texts),
                *(repr(float(value)) if value is not None and is_number(value) else "" for value in numbers),
                *map(_plain_text, (row.report, row.run_link, "earlier" if row.earlier else "this")),
            ]
        )
    return stream.getvalue()


def failed_fraction(rows: Sequence[CohortRow]) -> float:
    """Share of the subjects without a map that may be used: those that did not finish, and maps that failed quality
    control."""
    return sum(row.outcome != "ok" or row.qc == "fail" for row in rows) / len(rows)


def _plain_text(text: str | None) -> str:
    """Text that a spreadsheet does not take for a formula (OWASP, CSV injection)."""
    text = text or ""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _qc_counts(rows: Sequence[CohortRow]) -> list[tuple[str, int]]:
    counts = Counter(row.qc for row in rows if row.qc is not None)
    return [(verdict, counts[verdict]) for verdict in QC_VERDICTS]


def _table_row(row: CohortRow, columns: Sequence[str]) -> dict[str, Any]:
    # A subject that did not finish shows why in the place of its numbers; the CSV holds both.
    reason = ": ".join(filter(None, (row.error_kind, row.error_message))) if row.outcome != "ok" else ""
    return {
        "subject": row.subject,
        "outcome": row.outcome,
        "stage": row.stage,
        "reason": reason,
        "qc": row.qc or "",
        "septum": row.septum or "",
        "why": "; ".join(row.reasons),
        "earlier": row.earlier,
        "report": relative_link(row.report),
        "run": web_link(row.run_link),
        "cells": [_cell(row, key) for key in columns],
    }


def _columns(rows: Sequence[CohortRow]) -> list[str]:
    """Keys of the numbers that any subject has, and, beside its lower end, the title of each interval."""
    known = [key for key in METRICS if any(is_number(row.metrics.get(key)) for row in rows)]
    for title, (lower, upper) in INTERVALS.items():
        if lower in known and upper in known:
            known[known.index(lower)] = title
            known.remove(upper)
    return known


def _cell(row: CohortRow, key: str) -> Markup:
    if key in METRICS:
        return number(row.metrics.get(key), METRICS[key][1])
    lower, upper = INTERVALS[key]
    return interval(row.metrics.get(lower), row.metrics.get(upper), METRICS[lower][1])


def _numbers(rows: Sequence[CohortRow], key: str) -> np.ndarray:
    return np.array([value for row in rows if is_number(value := row.metrics.get(key))], dtype=float)


def _distribution(rows: Sequence[CohortRow], key: str) -> dict[str, Any] | None:
    title, limits, digits = DISTRIBUTIONS[key]
    values = _numbers(rows, key)
    if len(values) == 0:
        return None
    marks = {
        kind: float(np.median(own))
        for kind in ("log_odds", "signed_distance")
        if len(own := _numbers(rows, f"{key}_{kind}"))
    }
    if limits is not None and values.min() >= 0.5 and all(value >= 0.5 for value in marks.values()):
        limits = (0.5, 1.0)
    low, high = np.percentile(values, [5, 95])
    return {
        "title": title,
        "svg": histogram_svg(values.tolist(), name=title, limits=limits, digits=digits, marks=marks),
        "count": len(values),
        "median": number(float(np.median(values)), METRICS[key][1]),
        "low": number(float(low), METRICS[key][1]),
        "high": number(float(high), METRICS[key][1]),
        "marks": [(kind, number(value, METRICS[key][1])) for kind, value in marks.items()],
    }


def _failures(rows: Sequence[CohortRow]) -> list[dict[str, Any]]:
    """Failed subjects by kind of error, then by stage and message: a thousand equal failures are one line."""
    kinds: dict[str, dict[tuple[str, str], list[dict[str, Any]]]] = {}
    for row in rows:
        if row.outcome == "failed":
            reasons = kinds.setdefault(row.error_kind or "unknown", {})
            subject = {"id": row.subject, "report": relative_link(row.report)}
            reasons.setdefault((row.stage, row.error_message or "no message"), []).append(subject)
    return sorted(
        (
            {
                "kind": kind,
                "count": sum(map(len, reasons.values())),
                "reasons": [
                    {"stage": stage, "message": message, "subjects": subjects}
                    for (stage, message), subjects in sorted(reasons.items(), key=lambda item: -len(item[1]))
                ],
            }
            for kind, reasons in kinds.items()
        ),
        key=lambda group: -group["count"],
    )
