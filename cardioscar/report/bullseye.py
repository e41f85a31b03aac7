"""The 17-segment bullseye of the American Heart Association [@cerqueira2002]."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from cardioscar.report.page import Box
from cardioscar.report.style import (
    GUESS,
    INK,
    MUTED,
    PAPER,
    SCAR_CMAP,
    UNCERTAINTY_CMAP,
    colour_bar,
    ink_on,
    new_figure,
    styled,
)

WALL_PLACES = {"Anterior": (0, 1), "Septal": (-1, 0), "Inferior": (0, -1), "Lateral": (1, 0)}
_TWO_DISCS_IN = 10.6
_RING_RADIUS = (1.0, 0.74, 0.48, 0.22)


def segment_wedge(segment: int) -> tuple[float, float, float, float]:
    """Where a segment lies on the unit disc, seen from the apex: anterior on top, septum on the left.

    Args:
        segment: AHA segment, 1 to 17.

    Returns:
        Inner radius, outer radius, first and last angle in degrees, anticlockwise from the right.

    >>> segment_wedge(1)
    (0.74, 1.0, 60.0, 120.0)
    >>> segment_wedge(14)
    (0.22, 0.48, 135.0, 225.0)
    """
    if not 1 <= segment <= 17:
        raise ValueError(f"AHA segments are 1 to 17, not {segment}")
    if segment == 17:
        return 0.0, _RING_RADIUS[3], 0.0, 360.0
    ring, place = (2, segment - 13) if segment > 12 else divmod(segment - 1, 6)
    width = 90.0 if ring == 2 else 60.0
    middle = 90.0 + place * width
    return _RING_RADIUS[ring + 1], _RING_RADIUS[ring], middle - width / 2, middle + width / 2


@styled
def bullseye_figure(
    scar_fraction: Mapping[int, float | None],
    uncertainty: Mapping[int, float | None] | None = None,
    *,
    warning: str = "",
    empty_note: str = "hatched: no tissue on the mesh",
) -> Figure:
    """Draw the scar fraction of each AHA segment and, where given, its uncertainty beside it.

    Args:
        scar_fraction: Scar fraction of the wall by segment, 0 to 1. Missing, None or NaN: a segment without tissue.
        uncertainty: Mean standard deviation of the scar probability by segment, 0 to 1.
        warning: Why the names of the segments are not to be relied on, a short line; it stands on the figure, which is
            passed on without its page.
        empty_note: What hatched segments lack.

    Returns:
        A figure of one or two discs; numbers in percent.
    """
    figure = new_figure(_TWO_DISCS_IN if uncertainty is not None else 5.4, 5.0, constrained=False)
    places = [_place(figure, left, bool(warning)) for left in ((0.0,) if uncertainty is None else (0.0, 0.506))]
    axes = [figure.add_axes(disc) for disc, _ in places]
    bars = [figure.add_axes(bar) for _, bar in places]
    _disc(
        figure,
        axes[0],
        bars[0],
        scar_fraction,
        Normalize(0, 1),
        SCAR_CMAP,
        "Scar fraction of the segment",
        "{:.0%}",
        doubtful=bool(warning),
        empty_note=empty_note,
    )
    axes[0].set_title("Scar by AHA segment")
    if uncertainty is not None:
        top = np.nanmax([0.1, *(np.nan if v is None else v for v in uncertainty.values())])
        norm = Normalize(0, float(np.ceil(top * 20) / 20))
        label = "Mean standard deviation of the scar probability"
        _disc(
            figure, axes[1], bars[1], uncertainty, norm, UNCERTAINTY_CMAP, label, "{:.2f}", doubtful=bool(warning),
            empty_note=empty_note,
        )  # fmt: skip
        axes[1].set_title("Uncertainty by AHA segment")
    for disc in axes if warning else ():
        _warn(disc, warning)
    return figure


def panel_boxes(figure: Figure) -> list[Box]:
    """Where the one or two discs of `bullseye_figure` stand."""
    edges = (0.0, 1.0) if figure.get_figwidth() < _TWO_DISCS_IN else (0.0, 0.5, 1.0)
    return [(left, 0.0, right, 1.0) for left, right in pairwise(edges)]


@styled
def value_bullseye(
    values: Mapping[int, float | None],
    *,
    title: str,
    label: str,
    norm: Any,
    cmap: Any,
    form: str,
    empty_note: str,
    warning: str = "",
) -> Figure:
    """Draw any number of each AHA segment.

    Args:
        values: Number by segment; missing, None or NaN: the segment is hatched.
        title: Heading of the disc.
        label: What the colours mean, with the unit.
        norm: Range of the colours, of matplotlib.
        cmap: Colour map.
        form: How a number is written on its segment, such as `{:.0f}`.
        empty_note: What hatched segments lack.
        warning: Why the names of the segments are not to be relied on, a short line on the figure.
    """
    figure = new_figure(5.4, 5.0, constrained=False)
    disc, bar = _place(figure, 0.0, bool(warning))
    axes, bar_axes = figure.add_axes(disc), figure.add_axes(bar)
    _segments(axes, values, norm, cmap, form, doubtful=bool(warning), empty_note=empty_note)
    axes.set_title(title)
    colour_bar(figure, ScalarMappable(norm, cmap), label, cax=bar_axes)
    if warning:
        _warn(axes, warning)
    return figure


def _warn(axes: Any, warning: str) -> None:
    axes.text(
        0,
        -1.27,
        warning,
        ha="center",
        va="center",
        size=8.5,
        weight="bold",
        color=INK,
        bbox={"boxstyle": "round,pad=0.4", "facecolor": GUESS, "edgecolor": "none"},
    )


_Box = tuple[float, float, float, float]


def _place(figure: Figure, left: float, warned: bool) -> tuple[_Box, _Box]:
    """Boxes of a disc and of its colour bar; all texts are known, so that nothing has to be laid out."""
    width = figure.get_figwidth()
    left_in, disc_in, high = width * left + 0.041, 4.43, 0.937 if warned else 0.9685
    bar_in = left_in + disc_in + 0.088
    return (left_in / width, 0.008, disc_in / width, high), (bar_in / width, 0.14, 0.172 / width, 0.72 * high)


def _disc(
    figure: Figure,
    axes: Any,
    bar_axes: Any,
    values: Mapping[int, float | None],
    norm: Any,
    cmap: Any,
    label: str,
    form: str,
    *,
    doubtful: bool,
    empty_note: str,
) -> None:
    _segments(axes, values, norm, cmap, form, doubtful=doubtful, empty_note=empty_note)
    bar = colour_bar(figure, ScalarMappable(norm, cmap), label, cax=bar_axes)
    if form.endswith("%}"):
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
    else:
        ticks = np.linspace(0, norm.vmax, 6)
        bar.set_ticks(ticks, labels=[f"{tick:.2f}" for tick in ticks])


def _segments(
    axes: Any, values: Mapping[int, float | None], norm: Any, cmap: Any, form: str, *, doubtful: bool, empty_note: str
) -> None:
    empty = False
    for segment in range(1, 18):
        inner, outer, first, last = segment_wedge(segment)
        value = values.get(segment)
        known = value is not None and np.isfinite(value)
        empty |= not known
        colour = cmap(norm(value)) if known else "#eef1f4"
        axes.add_patch(
            Wedge(
                (0, 0),
                outer,
                first,
                last,
                width=outer - inner,
                facecolor=colour,
                edgecolor=PAPER,
                linewidth=1.8,
                hatch=None if known else "////",
            )
        )
        if not known:  # a hatch takes the edge colour's place, so the white gap between segments is drawn again
            axes.add_patch(
                Wedge((0, 0), outer, first, last, width=outer - inner, fill=False, edgecolor=PAPER, linewidth=1.8)
            )
        radius, angle = (0.0, 0.0) if segment == 17 else ((inner + outer) / 2, np.radians((first + last) / 2))
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        ink = ink_on(colour) if known else MUTED
        text = form.format(value).replace("-", "−") if known else "–"
        axes.text(x, y - 0.025, text, ha="center", va="center", color=ink, size=10, weight="bold")
        axes.text(x, y + 0.062, str(segment), ha="center", va="center", color=ink, size=6.5, alpha=0.85)
    for name, (x, y) in WALL_PLACES.items():
        turn = 90 if x < 0 else -90 if x > 0 else 0
        axes.text(
            1.09 * x,
            1.09 * y,
            name + ("?" if doubtful else ""),
            ha="center",
            va="center",
            rotation=turn,
            color=INK,
            size=9,
        )
    if empty:
        axes.text(-1.18, -1.18, empty_note, color=MUTED, size=7.5, va="bottom")
    axes.set(xlim=(-1.2, 1.2), ylim=(-1.35 if doubtful else -1.2, 1.2), aspect="equal")
    axes.set_axis_off()
