"""Curves of strain of the six segments of a slice, each with the onset of its shortening."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.resampling import resample_sectors
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.sectors import SEGMENTS
from cardioscar.report.style import MUTED, RULE, new_figure, styled

SEGMENT_COLOURS = ("#d55e00", "#e69f00", "#009e73", "#0072b2", "#56b4e9", "#8a4fc7")
"""Of the segments in the order of sectors."""


@styled
def curves_figure(slices: list[StrainSlice], onsets: list[SectorOnsets] | None = None) -> Figure:
    """Draw the mean strain of each segment over time, one panel a slice.

    Args:
        slices: From apex to base.
        onsets: Of each; their mean over a segment is marked on its curve. None where none are known.
    """
    across = min(len(slices), 4)
    down = -(-len(slices) // across)
    figure = new_figure(0.6 + 3.1 * across, 3.2 * down, gap=0.05)
    axes = np.atleast_1d(figure.subplots(down, across, squeeze=False, sharey=True)).ravel()
    for number, panel in enumerate(axes):
        if number >= len(slices):
            panel.set_axis_off()  # not `note`: it would take the ticks of all, which share them
            continue
        _panel(panel, slices[number], None if onsets is None else onsets[number])
        if len(slices) > 1:
            panel.set_title(f"Slice {number + 1}")
        if number % across == 0:
            panel.set_ylabel("Circumferential strain")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, labelcolor=MUTED, handlelength=1.3)
    return figure


def _panel(panel: Any, one: StrainSlice, onsets: SectorOnsets | None) -> None:
    means = resample_sectors(one.circumferential, len(SEGMENTS))
    times = None if onsets is None else resample_sectors(onsets.tos_ms, len(SEGMENTS))
    panel.axhline(0, color=RULE, linewidth=0.8)
    for number, (name, colour) in enumerate(zip(SEGMENTS, SEGMENT_COLOURS, strict=True)):
        panel.plot(one.frame_ms, means[number], color=colour, linewidth=1.5, label=name)
        if times is not None:
            at = float(times[number])
            panel.plot(at, np.interp(at, one.frame_ms, means[number]), "o", color=colour, markersize=4.5)
    panel.set_xlabel("Time after the R wave, ms")
    panel.tick_params(length=0)
