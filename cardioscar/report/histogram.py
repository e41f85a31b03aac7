"""Small histograms as inline SVG, coloured by the page's own style sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 340, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 10, 10, 12, 30


def histogram_svg(
    values: Sequence[float],
    *,
    name: str,
    limits: tuple[float, float] | None = None,
    digits: int = 2,
    marks: Mapping[str, float] | None = None,
    bins: int = 24,
    rows: Sequence[int] | None = None,
) -> Markup:
    """Draw the distribution of one measure over the subjects.

    Args:
        values: Finite numbers, at least one.
        name: What they are, for readers of the page who do not see it.
        limits: Ends of the axis; default the range of the values. Values beyond fall into the outer bars.
        digits: Decimals of the numbers on the axis.
        marks: Further values to mark below the axis, by CSS class (medians of the baselines).
        bins: Number of bars.
        rows: Row of each value in the page's table, for a script that shows the rows of a bar; None for none.

    Returns:
        An `svg` element; each bar tells its range and count when pointed at.

    Raises:
        ValueError: If there is no value.
    """
    data = np.asarray(values, dtype=float)
    if len(data) == 0:
        raise ValueError("a histogram of no values")
    low, high = limits if limits is not None else (float(data.min()), float(data.max()))
    if high <= low:
        low, high = low - 0.5 * 10.0**-digits, high + 0.5 * 10.0**-digits
    counts, edges = np.histogram(np.clip(data, low, high), bins=bins, range=(low, high))
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + across * (min(max(value, low), high) - low) / (high - low)

    median = float(np.median(data))
    low_seen, high_seen, middle = (f"{value:.{digits}f}" for value in (data.min(), data.max(), median))
    spoken = f"{name}: {len(data)} subjects, from {low_seen} to {high_seen}, median {middle}"
    parts = [f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(spoken)}">']
    bar_of = np.clip(np.digitize(np.clip(data, low, high), edges) - 1, 0, bins - 1)  # as `histogram` counts them
    for bar, (count, first, last) in enumerate(zip(counts, edges[:-1], edges[1:], strict=True)):
        if count:
            tall = max(1.5, down * count / counts.max())
            title = f"{first:.{digits}f} to {last:.{digits}f}: {count}"
            of = ""
            if rows is not None:
                listed = " ".join(str(rows[int(k)]) for k in np.flatnonzero(bar_of == bar))
                of = f' data-rows="{listed}" data-name="{escape(name)}, {first:.{digits}f} to {last:.{digits}f}"'
            parts.append(
                f'<rect x="{x(first) + 0.7:.1f}" y="{_TOP + down - tall:.1f}" width="{across / bins - 1.4:.1f}" '
                f'height="{tall:.1f}" rx="1.2"{of}><title>{title}</title></rect>'
            )
    base = _TOP + down
    parts.append(f'<path class="axis" d="M{_LEFT} {base + 0.5}H{_WIDTH - _RIGHT}"/>')
    for kind, value in (marks or {}).items():
        parts.append(f'<path class="mark {escape(kind)}" d="M{x(value):.1f} {base + 2}l5 8h-10z"/>')
    parts.append(f'<path class="mark median" d="M{x(median):.1f} {base}V{_TOP - 6}"/>')
    for place, value, anchor in ((_LEFT, low, "start"), (_WIDTH - _RIGHT, high, "end")):
        parts.append(f'<text x="{place}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{value:.{digits}f}</text>')
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704 (numbers, and the two texts escaped above)
