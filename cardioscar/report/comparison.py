"""The page of two runs of one cohort: changed verdicts, agreement of each number, and the subjects that differ most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from cardioscar.report.cohort_table import CohortTable
from cardioscar.report.page import environment, is_number, number, relative_link, template_source, write_page

_WIDE, _HIGH, _LEFT, _LOW = 300, 190, 46, 26
MOST_CHARTS = 6


def write_comparison_page(
    path: Path, a: CohortTable, b: CohortTable, found: Mapping[str, Any], places: tuple[str, str] = ("", "")
) -> Path:
    """Write the page; it needs no other file.

    Args:
        path: File to write.
        a: The first run.
        b: The second.
        found: What differs: `both`, `only_a`, `only_b`, `changed`, and `differences` as mappings.
        places: Folders of both results as seen from the page, for links to the subjects; empty for none.

    Raises:
        OSError: If the file cannot be written.
    """
    rows = [{row.subject: row for row in table.rows} for table in (a, b)]
    by_key = a.columns.by_key

    def link(side: int, name: str) -> str:
        row, place = rows[side].get(name), places[side]
        return f"{place}/{row.report}" if row and place and relative_link(row.report) else ""

    def subject(name: str) -> dict[str, str]:
        return {"id": name, "a": link(0, name), "b": link(1, name)}

    differences = [
        {**one, "decimals": by_key[one["key"]].decimals + 1, "who": subject(one["largest"])}
        for one in found["differences"]
    ]
    html = (
        environment()
        .get_template("comparison.html")
        .render(
            names=(a.summary.name, b.summary.name),
            versions=(a.summary.version, b.summary.version),
            created=(a.summary.created, b.summary.created),
            both=len(found["both"]),
            only=[("A", found["only_a"]), ("B", found["only_b"])],
            changed=[{**subject(name), "before": before, "after": after} for name, before, after in found["changed"]],
            reasons={name: "; ".join(row.reasons) for name, row in rows[1].items()},
            differences=differences,
            charts=_charts(a, rows, found),
            css=Markup(template_source("page.css") + template_source("cohort.css")),  # noqa: S704 (our own)
        )
    )
    return write_page(path, html)


def _charts(a: CohortTable, rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Bland–Altman charts of the numbers that the family draws [@bland1986]."""
    charts: list[dict[str, Any]] = []
    by_key = {one["key"]: one for one in found["differences"]}
    for chart in a.columns.charts:
        if chart.key not in by_key or len(charts) == MOST_CHARTS:
            continue
        names, pairs = [], []
        for name in found["both"]:
            x, y = (side[name].metrics.get(chart.key) for side in rows)
            if is_number(x) and is_number(y):
                names.append(name)
                pairs.append((x, y))
        said = by_key[chart.key]
        svg = bland_altman_svg(
            names, np.array(pairs, dtype=float), said["mean"], said["lower"], said["upper"], chart.title
        )
        charts.append({"title": chart.title, "svg": svg, "count": len(pairs)})
    return charts


def bland_altman_svg(
    names: Sequence[str], pairs: np.ndarray, mean: float, lower: float, upper: float, title: str
) -> Markup:
    """Difference against mean of two runs, a dot a subject, with the limits of agreement.

    Args:
        names: Of the subjects.
        pairs: Number in A and in B, shape (subjects, 2).
        mean: Mean difference, B − A.
        lower: Lower limit of agreement; NaN for none.
        upper: Upper one.
        title: What the number is.
    """
    middle, apart = pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0]
    lines = [value for value in (mean, lower, upper, 0.0) if math.isfinite(value)]
    x0, x1 = _ends(middle.min(), middle.max())
    y0, y1 = _ends(min(apart.min(), *lines), max(apart.max(), *lines))

    def x(value: float) -> float:
        return _LEFT + (value - x0) / (x1 - x0) * (_WIDE - _LEFT - 8)

    def y(value: float) -> float:
        return _HIGH - _LOW - (value - y0) / (y1 - y0) * (_HIGH - _LOW - 8)

    said = f"{escape(title)}: difference of B and A against their mean, {len(names)} subjects"
    parts = [f'<svg class="agreement" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{said}">']
    for value, kind in ((0.0, "zero"), (mean, "mean"), (lower, "limit"), (upper, "limit")):
        if math.isfinite(value):
            parts.append(
                f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDE - 8}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            )
    for name, across, value in zip(names, middle, apart, strict=True):
        text = f"{escape(name)}: {value:+.3g} at {across:.3g}"
        parts.append(f'<circle cx="{x(across):.1f}" cy="{y(value):.1f}" r="3"><title>{text}</title></circle>')
    for value, anchor in ((x0, "start"), (x1, "end")):
        parts.append(f'<text x="{x(value):.1f}" y="{_HIGH - 8}" text-anchor="{anchor}">{number(value, 2)}</text>')
    parts += [
        f'<text x="{_LEFT - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{number(value, 2)}</text>'
        for value in (y0, y1)
    ]
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 (numbers, and names that are escaped)


def _ends(low: float, high: float) -> tuple[float, float]:
    """Ends of an axis, a little apart from the outermost values.

    >>> _ends(1.0, 1.0)
    (0.5, 1.5)
    """
    room = 0.06 * (high - low) if high > low else max(0.5 * abs(low), 1e-9)
    return float(low - room), float(high + room)
