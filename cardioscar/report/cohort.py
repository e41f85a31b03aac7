"""The page of a cohort: a table of all subjects, failures by their reason, and distributions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex

from cardioscar.report.bullseye_svg import bullseye_svg, wedge_path
from cardioscar.report.cohort_columns import Chart, CohortColumns
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
from cardioscar.report.style import SCAR_CMAP, UNCERTAINTY_CMAP

_BASE64 = re.compile(r"[A-Za-z0-9+/]{0,8000}={0,2}")
"""Pictures of a file that others may have written: so many bytes and no more travel with the page."""
QC_VERDICTS = ("pass", "review", "fail")


def write_cohort_report(path: Path, table: CohortTable) -> Path:
    """Write the cohort's page. It needs no other file, and works for ten subjects and for ten thousand.

    Args:
        path: File to write; its folder is made if absent.
        table: Rows, summary, and what its columns are.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written.
    """
    rows, summary, declared = table.rows, table.summary, table.columns
    outcomes = Counter(row.outcome for row in rows)
    own = [row for row in rows if not row.earlier]
    script = template_source("cohort.js")
    eyes = [_eye(row, declared) for row in rows]
    columns, by_key = _columns(rows, declared), declared.by_key
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
            texts=[one.heading for one in declared.texts],
            columns=[
                {"title": by_key[key].heading if key in by_key else key, "number": key in by_key} for key in columns
            ],
            note=declared.note,
            rows=[{**_table_row(row, columns, declared), "eye": eye} for row, eye in zip(rows, eyes, strict=True)],
            stops=" ".join(to_hex(SCAR_CMAP(x)) for x in np.linspace(0, 1, 9)) if any(eyes) else "",
            wedges=" ".join(wedge_path(n).replace(" ", ",") for n in range(1, 18)) if any(eyes) else "",
            whole=_whole_cohort(rows, declared),
            any_signed=any(row.signed_off for row in rows),
            distributions=[drawn for one in declared.charts if (drawn := _distribution(rows, one, declared))],
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


def _table_row(row: CohortRow, columns: Sequence[str], declared: CohortColumns) -> dict[str, Any]:
    # A subject that did not finish shows why in the place of its numbers; the CSV holds both.
    reason = ": ".join(filter(None, (row.error_kind, row.error_message))) if row.outcome != "ok" else ""
    return {
        "subject": row.subject,
        "outcome": row.outcome,
        "stage": row.stage,
        "reason": reason,
        "qc": row.qc or "",
        "texts": [row.texts.get(one.key) or "" for one in declared.texts],
        "why": "; ".join(row.reasons),
        "earlier": row.earlier,
        "signed_off": row.signed_off,
        "signoff_note": row.signoff_note,
        "picture": row.picture if _BASE64.fullmatch(row.picture) else "",
        "report": relative_link(row.report),
        "cells": _cells(row, columns, declared),
    }


def _columns(rows: Sequence[CohortRow], declared: CohortColumns) -> list[str]:
    """Keys of the numbers that any subject has, and, in place of its lower end, the heading of each interval."""
    known = [column.key for column in declared.numbers if any(is_number(row.metrics.get(column.key)) for row in rows)]
    for pair in declared.intervals:
        if pair.lower in known and pair.upper in known:
            known[known.index(pair.lower)] = pair.heading
            known.remove(pair.upper)
    return known


def _cells(row: CohortRow, columns: Sequence[str], declared: CohortColumns) -> list[Markup]:
    by_key, pairs = declared.by_key, {pair.heading: pair for pair in declared.intervals}
    ends = {key: (row.metrics.get(pair.lower), row.metrics.get(pair.upper)) for key, pair in pairs.items()}
    return [
        number(row.metrics.get(key), by_key[key].decimals)
        if key in by_key
        else interval(*ends[key], by_key[pairs[key].lower].decimals)
        for key in columns
    ]


def _numbers(rows: Sequence[CohortRow], key: str) -> np.ndarray:
    return np.array([value for row in rows if is_number(value := row.metrics.get(key))], dtype=float)


def _fractions(row: CohortRow, declared: CohortColumns) -> list[float | None]:
    """The numbers of a row's bullseye, by segment."""
    found = (row.metrics.get(declared.bullseye.format(n)) for n in range(1, 18)) if declared.bullseye else ()
    return [float(value) if value is not None and is_number(value) else None for value in found]


def _eye(row: CohortRow, declared: CohortColumns) -> str:
    """Whole per cents of the segments for the script that draws the bullseye; empty where there are none."""
    found = _fractions(row, declared)
    if all(value is None for value in found):
        return ""
    return " ".join("-" if value is None else f"{100 * value:.0f}" for value in found)


def _whole_cohort(rows: Sequence[CohortRow], declared: CohortColumns) -> dict[str, Any] | None:
    """Mean and standard deviation over the subjects of each segment, as bullseyes; None for fewer than two subjects."""
    known = [_fractions(row, declared) for row in rows]
    table = [found for found in known if any(value is not None for value in found)]
    if len(table) < 2:
        return None
    columns = [[value for value in column if value is not None] for column in zip(*table, strict=True)]
    means = {n: float(np.mean(own)) if own else None for n, own in enumerate(columns, start=1)}
    spreads = {n: float(np.std(own, ddof=1)) if len(own) > 1 else None for n, own in enumerate(columns, start=1)}
    top = max(0.1, *(value or 0.0 for value in spreads.values()))
    title = declared.bullseye_title
    return {
        "title": title,
        "count": len(table),
        "mean": bullseye_svg(means, SCAR_CMAP, top=1.0, name=f"{title}: mean of {len(table)} subjects by segment"),
        "spread": bullseye_svg(spreads, UNCERTAINTY_CMAP, top=top, name=f"{title}: standard deviation by segment"),
    }


def _distribution(rows: Sequence[CohortRow], chart: Chart, declared: CohortColumns) -> dict[str, Any] | None:
    values, decimals = _numbers(rows, chart.key), declared.by_key[chart.key].decimals
    places = [place for place, row in enumerate(rows) if is_number(row.metrics.get(chart.key))]
    if len(values) == 0:
        return None
    # by the class that the style sheet gives the first and the second
    marks = {
        f"beside-{place}": (one.heading, float(np.median(own)))
        for place, one in enumerate(chart.marks)
        if len(own := _numbers(rows, one.key))
    }
    medians = {kind: value for kind, (_, value) in marks.items()}
    limits, shown = chart.limits, (*values, *medians.values())
    if chart.closer and chart.closer[0] <= min(shown) and max(shown) <= chart.closer[1]:
        limits = chart.closer
    low, high = np.percentile(values, [5, 95])
    return {
        "title": chart.title,
        "svg": histogram_svg(
            values.tolist(), name=chart.title, limits=limits, digits=chart.decimals, marks=medians, rows=places
        ),
        "count": len(values),
        "median": number(float(np.median(values)), decimals),
        "low": number(float(low), decimals),
        "high": number(float(high), decimals),
        "marks": [(kind, name, number(value, decimals)) for kind, (name, value) in marks.items()],
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
