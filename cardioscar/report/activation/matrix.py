"""The strain matrix of a slice with its line of onsets: by it a person sees whether the line is right."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.sectors import SEGMENTS
from cardioscar.report.style import INK, MUTED, PAPER, RULE, colour_bar, new_figure, note, styled

CLASS_COLOURS = {SectorClass.NORMAL: "#c9d1d9", SectorClass.LATE: "#0072b2", SectorClass.SCARRED: "#921a4c"}
"""Colours of the classes, told apart with every common colour vision deficiency."""
CLASS_NAMES = {
    SectorClass.NORMAL: "normal",
    SectorClass.LATE: "late, free of scar",
    SectorClass.SCARRED: "scarred",
}
STRAIN_CMAP = LinearSegmentedColormap.from_list(
    "cardioscar_strain", [(0.0, "#2f4077"), (0.4, "#6fb0bd"), (0.75, "#fbfaf7"), (1.0, "#ee8f5a")]
)
"""Shortening is blue, stretch orange, 0 nearly white."""
_MOST_STRETCH = 3.0
"""Shortening reaches this many times as far along the colours as stretch."""


@styled
def matrix_figure(slices: list[StrainSlice], onsets: list[SectorOnsets] | None = None) -> Figure:
    """Draw strain over sectors and time, one panel a slice, with the line of onsets and its interval.

    Args:
        slices: From apex to base.
        onsets: Of each, in any number of sectors; None where none are known.

    Returns:
        A figure of one panel beside the other, at most four in a row.
    """
    across = min(len(slices), 4)
    down = -(-len(slices) // across)
    figure = new_figure(0.9 + 3.0 * across, 3.9 * down, gap=0.04)
    axes = np.atleast_1d(figure.subplots(down, across, squeeze=False)).ravel()
    deepest = max(0.1, *(float(-np.quantile(one.circumferential, 0.005)) for one in slices))
    norm = Normalize(-deepest, deepest / _MOST_STRETCH)
    drawn = None
    for number, panel in enumerate(axes):
        if number >= len(slices):
            note(panel, "")
            continue
        drawn = _panel(panel, slices[number], norm)
        if onsets is not None:
            _line(panel, onsets[number].with_sectors(slices[number].sectors), slices[number])
        panel.set_title(_title(slices[number], number, len(slices)))
        if number % across == 0:
            panel.set_yticks(middles(slices[number].sectors), SEGMENTS)
        else:
            panel.set_yticks(middles(slices[number].sectors), [""] * len(SEGMENTS))
    colour_bar(figure, drawn, "Circumferential strain", ax=list(axes), fraction=0.025, pad=0.015)
    if onsets is not None:
        _legend(figure)
    return figure


def _panel(panel: Any, one: StrainSlice, norm: Normalize) -> Any:
    edges = edges_ms(one.frame_ms)
    sectors = np.arange(one.sectors + 1)
    drawn = panel.pcolormesh(edges, sectors, one.circumferential, cmap=STRAIN_CMAP, norm=norm, rasterized=True)
    for border in np.arange(1, len(SEGMENTS)) * one.sectors / len(SEGMENTS):
        panel.axhline(border, color=RULE, linewidth=0.7)
    panel.set(xlim=(edges[0], edges[-1]), ylim=(one.sectors, 0), xlabel="Time after the R wave, ms")
    panel.tick_params(length=0)
    return drawn


def _line(panel: Any, onsets: SectorOnsets, one: StrainSlice) -> None:
    at = np.arange(onsets.sectors) + 0.5
    panel.fill_betweenx(at, onsets.low_ms, onsets.high_ms, color=INK, alpha=0.16, linewidth=0)
    panel.plot(onsets.tos_ms, at, color=PAPER, linewidth=3.0)
    panel.plot(onsets.tos_ms, at, color=INK, linewidth=1.4)
    # the class stands at the right edge, a column of its own
    left, right = panel.get_xlim()
    width = 0.035 * (right - left)
    for kind, colour in CLASS_COLOURS.items():
        panel.barh(at[onsets.classes == kind], width, height=1.0, left=right, color=colour, linewidth=0, clip_on=False)
    panel.set_xlim(left, right + width)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=INK, linewidth=1.4, label="onset of shortening"),
        Patch(color=INK, alpha=0.16, label="its 90 % interval"),
    ]
    handles += [Patch(color=colour, label=CLASS_NAMES[kind]) for kind, colour in CLASS_COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, labelcolor=MUTED, handlelength=1.3)


def _title(one: StrainSlice, number: int, count: int) -> str:
    place = "" if one.location_mm is None else f", {one.location_mm:.0f} mm".replace("-", "−")
    return f"Slice {number + 1} of {count}{place}" if count > 1 else f"Strain{place}"


def edges_ms(frame_ms: np.ndarray) -> np.ndarray:
    """Times half way between frames, and as far beyond the first and the last."""
    middles = (frame_ms[1:] + frame_ms[:-1]) / 2
    first, last = frame_ms[0] - (middles[0] - frame_ms[0]), 2 * frame_ms[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])


def middles(sectors: int) -> np.ndarray:
    """Where the names of the segments stand."""
    return (np.arange(len(SEGMENTS)) + 0.5) * sectors / len(SEGMENTS)
