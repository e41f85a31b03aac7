"""How well each slice is predicted from the others: bars of scar area, and the numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from cardioscar.scar3d.quality.result_scores import LeaveOneOutScores, LeftOutSlice

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 24, 34


def left_out_content(scores: LeaveOneOutScores | None) -> dict[str, Any] | None:
    """What the page says of left-out slices.

    Args:
        scores: Of all slices that were left out.

    Returns:
        The pooled scores, the rows and the chart for the template; None where nothing was left out.
    """
    if scores is None or not scores.per_slice:
        return None
    return {**vars(scores), "chart": areas_svg(scores.per_slice)}


def areas_svg(rows: Sequence[LeftOutSlice]) -> Markup:
    """Draw the scar area of each slice, as seen and as predicted from the other slices.

    Args:
        rows: The slices in order; at least one.

    Returns:
        An `svg` element, coloured by the page's style sheet; each bar tells its slice and area when pointed at.

    Raises:
        ValueError: If there is no slice.
    """
    if not rows:
        raise ValueError("a chart of no slices")
    areas = [(row.scar_mm2, row.predicted_mm2) for row in rows]
    top = max(max(map(max, areas)), 1.0)
    across, down = (_WIDTH - _LEFT - _RIGHT) / len(rows), _HEIGHT - _TOP - _BOTTOM
    digits = 1 if top >= 1000 else 2  # half of 1.5 cm² is not 0.7
    bar = min(0.36 * across, 22.0)
    spoken = "Scar area of each slice, seen and predicted from the other slices"
    parts = [f'<svg class="areas" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{spoken}">']
    for share in (0.0, 0.5, 1.0):
        y = _TOP + down * (1 - share)
        parts.append(f'<path class="{"line" if share else "axis"}" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * top / 100:.{digits}f}</text>')
    for place, (row, (seen, predicted)) in enumerate(zip(rows, areas, strict=True)):
        middle = _LEFT + across * (place + 0.5)
        for kind, area, x in (("seen", seen, middle - bar - 0.5), ("predicted", predicted, middle + 0.5)):
            tall = down * area / top
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{_TOP + down - tall:.1f}" width="{bar:.1f}" height="{tall:.1f}">'
                f"<title>slice {int(row.slice)}, {kind}: {area / 100:.2f} cm²</title></rect>"
            )
        parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 18}" text-anchor="middle">{int(row.slice)}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 3}">slice</text>')
    parts.append(f'<text x="2" y="{_TOP - 12}">cm²</text></svg>')
    return Markup("".join(parts))  # noqa: S704 (numbers only)
