"""Where in the strain matrix the networks look: Grad-CAM of each task, networks of both tasks above those of one."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cardioscar.activation.network.heart_explanation import MULTI, SINGLE, Explanation
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sectors import SEGMENTS
from cardioscar.report.activation.matrix import edges_ms, middles
from cardioscar.report.style import ACCENT, INK, RULE, SCAR_CMAP, colour_bar, new_figure, note, styled

TASK_NAMES = {"onset": "onset", "normal": "class normal", "late": "class late", "scarred": "class scarred"}


@styled
def explanation_figure(one: StrainSlice, found: Explanation) -> Figure:
    """Draw the maps, tasks from left to right; a bar marks the sectors that were asked about.

    Args:
        one: The slice.
        found: What the networks look at in it.
    """
    tasks = list(dict.fromkeys(task for _, task in found.maps))
    rows = [row for row in (MULTI, SINGLE) if any(who == row for who, _ in found.maps)]
    figure = new_figure(1.3 + 2.9 * len(tasks), 0.5 + 2.9 * len(rows), gap=0.04)
    axes = figure.subplots(len(rows), len(tasks), squeeze=False)
    drawn: Any = None
    for down, row in enumerate(rows):
        for across, task in enumerate(tasks):
            panel = axes[down, across]
            if (row, task) not in found.maps:
                note(panel, "no such network")
                continue
            drawn = _panel(panel, one, found.maps[row, task], found.sectors)
            if down == 0:
                panel.set_title(TASK_NAMES.get(task, task).capitalize())
            if across == 0:
                panel.set_yticks(middles(one.sectors), SEGMENTS)
                panel.set_ylabel(f"Networks of {row}", weight="bold")
            else:
                panel.set_yticks([])
            if down == len(rows) - 1:
                panel.set_xlabel("Time after the R wave, ms")
            else:
                panel.set_xticks([])
    colour_bar(figure, drawn, "Grad-CAM, share of its greatest", ax=list(axes.ravel()), fraction=0.03, pad=0.02)
    return figure


def _panel(panel: Any, one: StrainSlice, shown: np.ndarray, sectors: tuple[int, ...]) -> Any:
    edges = edges_ms(one.frame_ms)
    drawn = panel.pcolormesh(edges, np.arange(one.sectors + 1), shown, cmap=SCAR_CMAP, vmin=0, vmax=1, rasterized=True)
    shortened = one.circumferential.min(axis=1, keepdims=True) / 2
    if (shortened < 0).any():
        times, at = np.meshgrid(one.frame_ms, np.arange(one.sectors) + 0.5)
        panel.contour(times, at, one.circumferential / np.minimum(shortened, -1e-6), [1.0], colors=INK, linewidths=0.6)
    for border in np.arange(1, len(SEGMENTS)) * one.sectors / len(SEGMENTS):
        panel.axhline(border, color=RULE, linewidth=0.7)
    width = 0.025 * (edges[-1] - edges[0])
    panel.barh(
        np.array(sectors) + 0.5, width, height=1.0, left=edges[0] - width, color=ACCENT, linewidth=0, clip_on=False
    )
    panel.set(xlim=(edges[0] - width, edges[-1]), ylim=(one.sectors, 0))
    panel.tick_params(length=0)
    return drawn
