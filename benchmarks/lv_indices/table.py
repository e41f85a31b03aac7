"""The figures in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cardioscar.lvquant.agreement import GROUPS, NAMES, CohortAgreement
from cardioscar.report.lvquant.published import PUBLISHED


@dataclass(frozen=True)
class Row:
    """One way, scored.

    Attributes:
        name: What it is called.
        found: Against the truth, over all slices.
        phase_shown: Phase error in percent over the slices that show a cavity in every frame; None where not told.
        seconds: Time of its training; None where none was trained here.
    """

    name: str
    found: CohortAgreement
    phase_shown: float | None
    seconds: float | None


def summary(rows: Sequence[Row]) -> str:
    """Mean absolute error and correlation of each group, and the error of the phase; published figures below."""
    lines = [
        "| way | areas, mm² | dimensions, mm | thicknesses, mm | phase, % | phase where a cavity shows, % "
        "| frames found | trained, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [_group(row.found, group) for group in GROUPS]
        cells += [_number(row.found.phase_error_percent, 1), _number(row.phase_shown, 1)]
        known = row.found.missing_frames + max(one.frames for one in row.found.indices.values())
        # who learns one task says nothing of the others in any frame
        whole = known and not any(math.isnan(row.found.mae[group]) for group in GROUPS)
        share = f"{100 * (1 - row.found.missing_frames / known):.0f} %" if whole else "–"
        cells += [share, _number(row.seconds, 0)]
        lines.append("| " + " | ".join([row.name, *cells]) + " |")
    for one in PUBLISHED:
        if one.areas_mm2 is not None:
            figures = (one.areas_mm2, one.dimensions_mm, one.thickness_mm, one.phase_percent)
            cells = [_number(value, 2 if 0 < n < 3 else 1) for n, value in enumerate(figures)]
            lines.append(f"| *{one.source}: other data* | " + " | ".join([*cells, "–", "–", "–"]) + " |")
    return "\n".join(lines)


def each_index(rows: Sequence[Row]) -> str:
    """Mean absolute error and correlation of each of the eleven indices."""
    lines = ["| index | " + " | ".join(row.name for row in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for name in NAMES:
        cells = [_index(row.found, name) for row in rows]
        lines.append(f"| {name.replace('_', ', ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _group(found: CohortAgreement, group: str) -> str:
    mae = found.mae[group]
    if math.isnan(mae):
        return "–"
    correlation = sum(found.indices[name].pearson for name in GROUPS[group]) / len(GROUPS[group])
    return f"{mae:.{0 if group == 'areas_mm2' else 2}f} (r {correlation:.2f})"


def _index(found: CohortAgreement, name: str) -> str:
    one = found.indices[name]
    return "–" if math.isnan(one.mae) else f"{one.mae:.{0 if 'mm2' in name else 2}f} (r {one.pearson:.2f})"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"
