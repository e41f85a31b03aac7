"""The page of a cohort: a table of all subjects, failures by their reason, and distributions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from cardioscar.report.cohort_columns import CHARTS, INTERVALS, METRICS
from cardioscar.report.cohort_table import OUTCOMES, CohortRow, CohortTable, failed_fraction
from cardioscar.report.histogram import histogram_svg
from cardioscar.report.page import (
    environment,
    interval,
    is_number,
    number,
    relative_link,
    script_policy,
    template_source,
    write_page,
)

QC_VERDICTS = ("pass", "review", "fail")


def write_cohort_report(path: Path, table: CohortTable) -> Path:
    """Write the cohort's page. It needs no other file, and works for ten subjects and for ten thousand.

    Args:
        path: File to write; its folder is made if absent.
        table: Rows and summary.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.
    """
    rows, summary = table.rows, table.summary
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
            any_reasons=any(row.reasons for row in rows),
            columns=[
                {"title": METRICS[key].heading if key in METRICS else key, "number": key in METRICS} for key in columns
            ],
            rows=[_table_row(row, columns) for row in rows],
            distributions=[drawn for key in CHARTS if (drawn := _distribution(rows, key))],
            failures=_failures(rows),
            css=Markup(template_source("page.css") + template_source("cohort.css")),  # noqa: S704 (our own)
            script=Markup(script),  # noqa: S704 (our own)
            policy=Markup(script_policy(script)),  # noqa: S704 (a hash)
        )
    )
    return write_page(path, html)


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
        return number(row.metrics.get(key), METRICS[key].decimals)
    lower, upper = INTERVALS[key]
    return interval(row.metrics.get(lower), row.metrics.get(upper), METRICS[lower].decimals)


def _numbers(rows: Sequence[CohortRow], key: str) -> np.ndarray:
    return np.array([value for row in rows if is_number(value := row.metrics.get(key))], dtype=float)


def _distribution(rows: Sequence[CohortRow], key: str) -> dict[str, Any] | None:
    chart, values = METRICS[key].chart, _numbers(rows, key)
    if chart is None or len(values) == 0:
        return None
    marks = {kind: float(np.median(own)) for kind in ("baseline",) if len(own := _numbers(rows, f"{key}_{kind}"))}
    limits = chart.limits
    if limits is not None and values.min() >= 0.5 and all(value >= 0.5 for value in marks.values()):
        limits = (0.5, 1.0)
    low, high = np.percentile(values, [5, 95])
    return {
        "title": chart.title,
        "svg": histogram_svg(values.tolist(), name=chart.title, limits=limits, digits=chart.decimals, marks=marks),
        "count": len(values),
        "median": number(float(np.median(values)), METRICS[key].decimals),
        "low": number(float(low), METRICS[key].decimals),
        "high": number(float(high), METRICS[key].decimals),
        "marks": [(kind, number(value, METRICS[key].decimals)) for kind, value in marks.items()],
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
