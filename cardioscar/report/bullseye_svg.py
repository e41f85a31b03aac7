"""A small bullseye as inline SVG: the mean of a cohort, and how far its subjects lie apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape
from matplotlib.colors import to_hex

from cardioscar.report.bullseye import segment_wedge
from cardioscar.report.style import ink_on


def bullseye_svg(
    values: Mapping[int, float | None], colours: Any, *, top: float, name: str, text: str = "{:.0%}"
) -> Markup:
    """Draw one number for each AHA segment.

    Args:
        values: By segment, 1 to 17, from 0; None or missing: no tissue.
        colours: Colour map.
        top: Value of its last colour.
        name: What is drawn, for readers who do not see it.
        text: Format of the number in a segment.

    Returns:
        An `svg` element, anterior on top, septum on the left.
    """
    parts = [f'<svg class="bullseye" viewBox="-104 -104 208 208" role="img" aria-label="{escape(name)}">']
    for segment in range(1, 18):
        value = values.get(segment)
        fill = "#eceff1" if value is None else to_hex(colours(min(value / top, 1.0)))
        title = f"segment {segment}: " + ("no tissue" if value is None else text.format(value))
        parts.append(f'<path d="{wedge_path(segment)}" fill="{fill}"><title>{title}</title></path>')
        if value is not None:
            inner, outer, first, last = segment_wedge(segment)
            radius, angle = (0.0, 0.0) if segment == 17 else (50 * (inner + outer), math.radians((first + last) / 2))
            x, y = radius * math.cos(angle), -radius * math.sin(angle) + 3.5
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{ink_on(fill)}">{text.format(value)}</text>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 (numbers, and a name that is escaped)


def wedge_path(segment: int) -> str:
    """Outline of a segment on a disc of radius 100, as SVG has it.

    >>> wedge_path(17)
    'M22.0 0A22.0 22.0 0 1 0 -22.0 0A22.0 22.0 0 1 0 22.0 0Z'
    """
    inner, outer, first, last = segment_wedge(segment)
    if segment == 17:
        r = 100 * outer
        return f"M{r} 0A{r} {r} 0 1 0 -{r} 0A{r} {r} 0 1 0 {r} 0Z"

    def at(radius: float, degrees: float) -> str:
        angle = math.radians(degrees)
        return f"{100 * radius * math.cos(angle):.1f} {-100 * radius * math.sin(angle):.1f}"

    return (
        f"M{at(outer, first)}A{100 * outer:g} {100 * outer:g} 0 0 0 {at(outer, last)}"
        f"L{at(inner, last)}A{100 * inner:g} {100 * inner:g} 0 0 1 {at(inner, first)}Z"
    )
