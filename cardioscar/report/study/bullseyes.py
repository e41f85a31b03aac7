"""Scar, onset and score by segment of the AHA, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from cardioscar.report.bullseye import WALL_PLACES, segment_wedge
from cardioscar.report.study.colours import ONSET_CMAP, SCORE_CMAP, SITE
from cardioscar.report.style import GUESS, INK, MUTED, PAPER, SCAR_CMAP, colour_bar, ink_on, new_figure, styled

_EMPTY = "#eef1f4"
_DISC_IN = 3.6


@dataclass(frozen=True, eq=False)
class Disc:
    """One quantity by segment.

    Attributes:
        title: What it is.
        unit: Beside its colour bar.
        values: By segment, 1 to 17; missing ones have no tissue.
        limits: Ends of the colours.
        form: How a number is written.
        cmap: Colours.
    """

    title: str
    unit: str
    values: Mapping[int, float]
    limits: tuple[float, float]
    form: str
    cmap: Any


def discs_of(segments: Sequence[Mapping[str, Any]], *, scar_known: bool) -> list[Disc]:
    """Discs of the rows that `segment_rows` gives."""
    by_segment = {int(row["segment"]): row for row in segments}

    def of(name: str) -> dict[int, float]:
        return {number: float(row[name]) for number, row in by_segment.items()}

    if not by_segment:
        return []
    tos, score = of("tos_ms"), of("score_ms")
    low, high = min(tos.values()), max(tos.values())
    found = []
    if scar_known:
        found.append(Disc("Scar", "scar probability", of("scar_probability"), (0, 1), "{:.0%}", SCAR_CMAP))
    top = max(10.0, 10 * float(np.ceil(max(score.values()) / 10)))
    found += [
        Disc("Onset", "ms after the R wave", tos, (low, max(high, low + 10)), "{:.0f}", ONSET_CMAP),
        Disc("Score", "late and free of scar, ms", score, (0, top), "{:.0f}", SCORE_CMAP),
    ]
    return found


@styled
def bullseyes_figure(discs: Sequence[Disc], sites: Sequence[tuple[int, int]] = (), *, warning: str = "") -> Figure:
    """Draw the discs.

    Args:
        discs: From left to right.
        sites: Rank and segment of each site.
        warning: Why the names of the segments are not to be relied on.
    """
    figure = new_figure((_DISC_IN + 0.75) * len(discs), _DISC_IN + 0.3, constrained=False)
    width = 1 / len(discs)
    for place, disc in enumerate(discs):
        axes = figure.add_axes((place * width, 0.02, 0.83 * width, 0.9))
        _draw(axes, disc, sites, doubtful=bool(warning))
        bar = figure.add_axes((place * width + 0.84 * width, 0.18, 0.025 * width, 0.6))
        colour_bar(figure, ScalarMappable(Normalize(*disc.limits), disc.cmap), disc.unit, cax=bar)
    if warning:
        figure.text(
            0.01, 0.965, warning, size=8, weight="bold", color=INK,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": GUESS, "edgecolor": "none"},
        )  # fmt: skip
    return figure


def _draw(axes: Any, disc: Disc, sites: Sequence[tuple[int, int]], *, doubtful: bool) -> None:
    norm = Normalize(*disc.limits)
    for segment in range(1, 18):
        inner, outer, first, last = segment_wedge(segment)
        known = segment in disc.values
        colour = disc.cmap(norm(disc.values[segment])) if known else _EMPTY
        wedge = Wedge((0, 0), outer, first, last, width=outer - inner, facecolor=colour, edgecolor=PAPER, linewidth=1.5)
        axes.add_patch(wedge)
        x, y = _middle(segment)
        ink = ink_on(colour) if known else MUTED
        text = disc.form.format(disc.values[segment]) if known else "–"
        up = 0.045 if any(at == segment for _, at in sites) else 0.0
        axes.text(x, y + up, text, ha="center", va="center", color=ink, size=8.5, weight="bold")
    for segment in {segment for _, segment in sites if segment}:
        x, y = _middle(segment)
        ranks = ", ".join(str(rank) for rank, at in sites if at == segment)
        # a pill as wide as its numbers, below that of the segment
        axes.text(
            x, y - 0.105, ranks, ha="center", va="center", color=INK, size=6.5, weight="bold",
            bbox={"boxstyle": "round,pad=0.22,rounding_size=0.7", "facecolor": SITE, "edgecolor": "none"},
        )  # fmt: skip
    for name, (x, y) in WALL_PLACES.items():
        turn = 90 if x < 0 else -90 if x > 0 else 0
        said = name + ("?" if doubtful else "")
        axes.text(1.1 * x, 1.1 * y, said, ha="center", va="center", rotation=turn, color=INK, size=8)
    axes.text(-1.2, 1.14, disc.title, ha="left", va="center", size=10.5, weight="bold", color=INK)
    axes.set(xlim=(-1.22, 1.22), ylim=(-1.22, 1.22), aspect="equal")
    axes.set_axis_off()


def _middle(segment: int) -> tuple[float, float]:
    inner, outer, first, last = segment_wedge(segment)
    if segment == 17:
        return 0.0, 0.0
    radius, angle = (inner + outer) / 2, np.radians((first + last) / 2)
    return float(radius * np.cos(angle)), float(radius * np.sin(angle))
