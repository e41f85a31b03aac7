"""Onset over the whole ventricle as seen from the apex, with the 17 segments and the slices it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from cardioscar.activation.mapping.activation_map import ActivationMap
from cardioscar.report.bullseye import WALL_PLACES, segment_wedge
from cardioscar.report.style import INK, MUTED, PAPER, UNCERTAINTY_CMAP, colour_bar, ink_on, new_figure, styled

TOS_CMAP = LinearSegmentedColormap.from_list(
    "cardioscar_tos", ["#fbf3dd", "#f3d58c", "#b9c98a", "#6fb0a0", "#3f84a3", "#2f5594", "#27245f"]
)
"""Onset of shortening: light is early, dark is late; lightness falls in even steps."""
_ANGLES, _HEIGHTS = 181, 60


@styled
def map_figure(found: ActivationMap, segments: Mapping[int, tuple[float, float]]) -> Figure:
    """Draw onset and its standard deviation, apex in the middle, septum at the left, anterior above.

    Args:
        found: The map.
        segments: Mean onset and standard deviation of each AHA segment, ms.
    """
    figure = new_figure(10.8, 4.9, gap=0.05)
    axes = figure.subplots(1, 2)
    height = np.linspace(0, 1, _HEIGHTS)
    rotational = np.linspace(-np.pi, np.pi, _ANGLES)
    at = np.meshgrid(height, rotational, indexing="ij")
    mean, sd = (one(at[0].ravel(), at[1].ravel()).reshape(at[0].shape) for one in (found.tos_ms, found.sd_ms))
    early, late = float(np.floor(mean.min() / 10) * 10), float(np.ceil(max(mean.max(), mean.min() + 40) / 10) * 10)
    top = float(np.ceil(max(sd.max(), 10) / 5) * 5)
    for panel, values, norm, cmap, place, title in (
        (axes[0], mean, Normalize(early, late), TOS_CMAP, 0, "Onset of shortening, ms"),
        (axes[1], sd, Normalize(0, top), UNCERTAINTY_CMAP, 1, "Its standard deviation, ms"),
    ):
        _disc(panel, height, rotational, values, norm, cmap)
        _segments(panel, {one: numbers[place] for one, numbers in segments.items()}, norm, cmap)
        _slices(panel, found.heights)
        panel.set_title(title)
        colour_bar(figure, ScalarMappable(norm, cmap), "ms", ax=panel, fraction=0.045, pad=0.02)
    return figure


def _disc(
    panel: Any, height: np.ndarray, rotational: np.ndarray, values: Float[np.ndarray, "h a"], norm: Any, cmap: Any
) -> None:
    # septum at the left, anterior above: the angle of the disc runs the other way round than the heart's
    angle = np.pi - rotational
    x, y = np.outer(height, np.cos(angle)), np.outer(height, np.sin(angle))
    panel.pcolormesh(x, y, values, cmap=cmap, norm=norm, shading="gouraud", rasterized=True)
    for name, (across, up) in WALL_PLACES.items():
        turn = 90 if across < 0 else -90 if across > 0 else 0
        panel.text(1.09 * across, 1.09 * up, name, ha="center", va="center", rotation=turn, color=INK, size=9)
    panel.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), aspect="equal")
    panel.set_axis_off()


def _segments(panel: Any, numbers: Mapping[int, float], norm: Any, cmap: Any) -> None:
    for segment in range(1, 18):
        inner, outer, first, last = segment_wedge(segment)
        edge = np.radians(np.linspace(first, last, 40))
        panel.plot(outer * np.cos(edge), outer * np.sin(edge), color=PAPER, linewidth=1.0, alpha=0.8)
        if segment < 17:
            corner = np.radians(first)
            panel.plot(
                [inner * np.cos(corner), outer * np.cos(corner)],
                [inner * np.sin(corner), outer * np.sin(corner)],
                color=PAPER,
                linewidth=1.0,
                alpha=0.8,
            )
        if segment in numbers:
            middle = np.radians((first + last) / 2)
            radius = 0.0 if segment == 17 else (inner + outer) / 2
            panel.text(
                radius * np.cos(middle),
                radius * np.sin(middle),
                f"{numbers[segment]:.0f}",
                ha="center",
                va="center",
                size=9,
                weight="bold",
                color=ink_on(cmap(norm(numbers[segment]))),
            )


def _slices(panel: Any, heights: np.ndarray) -> None:
    edge = np.linspace(0, 2 * np.pi, 200)
    for height in heights:
        panel.plot(height * np.cos(edge), height * np.sin(edge), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    panel.text(-1.18, -1.18, "dashed: slices", color=MUTED, size=7.5, va="bottom")
