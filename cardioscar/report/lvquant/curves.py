"""Volume, areas and wall thicknesses over the beat, by both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cardioscar.report.lvquant.views import SECTORS, CineViews
from cardioscar.report.style import INK, MUTED, RULE, new_figure, styled

_CAVITY, _WALL = "#d55e00", "#0072b2"
_SECTOR_COLOURS = ("#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#56b4e9")


@styled
def curves_figure(views: CineViews, systole: tuple[bool, ...] | None) -> Figure:
    """Draw what changes over the beat: lines are measured from the segmentation, dots are regressed by the network.

    Args:
        views: The cine; at least one slice shows a cavity.
        systole: Whether each frame is of systole; those are shaded.

    Returns:
        Three panels: volume of the stack (or nothing of a single slice), areas of the middle slice, wall thickness.
    """
    single = views.images.shape[2] == 1
    figure = new_figure(10.6, 3.5, gap=0.04)
    panels = figure.subplots(1, 2 if single else 3)
    middle = int(views.shown[len(views.shown) // 2])
    if not single:
        _volume(panels[0], views)
    _areas(panels[-2], views, middle)
    _thickness(panels[-1], views)
    for axes in panels:
        _time_axis(axes, views, systole)
    return figure


def _volume(axes: Any, views: CineViews) -> None:
    ml = views.distance_mm / 1000
    measured, regressed = views.measured.areas_mm2[..., 0], views.regressed.areas_mm2[..., 0]
    shown = np.isfinite(regressed)
    volume = np.nansum(measured, axis=0) * ml
    other = np.where(shown, np.nan_to_num(regressed), np.nan_to_num(measured)).sum(axis=0) * ml
    found = volume > 0
    x = _times(views)
    axes.plot(x[found], volume[found], color=_CAVITY, lw=1.8)
    axes.plot(x[found], other[found], ".", color=_CAVITY, ms=4, alpha=0.75)
    for name, frame in (("ED", views.ed_frame), ("ES", views.es_frame)):
        if frame is not None:
            axes.plot(x[frame], volume[frame], "o", color=INK, ms=5, mfc="none", mew=1.3)
            late = frame > 0.8 * views.frames  # beside the right edge a name would run out of the panel
            axes.annotate(
                name, (x[frame], volume[frame]), xytext=(-4 if late else 4, -12), textcoords="offset points", size=8,
                ha="right" if late else "left",
            )  # fmt: skip
    axes.set_ylim(0, 1.12 * float(np.nanmax([volume.max(), other.max()])))
    axes.set(title="Cavity volume", ylabel="ml")


def _areas(axes: Any, views: CineViews, k: int) -> None:
    x = _times(views)
    for n, (name, colour) in enumerate((("cavity", _CAVITY), ("myocardium", _WALL))):
        axes.plot(x, views.measured.areas_mm2[k, :, n] / 100, color=colour, lw=1.8, label=name)
        axes.plot(x, views.regressed.areas_mm2[k, :, n] / 100, ".", color=colour, ms=4, alpha=0.75)
    axes.set_ylim(0, None)
    axes.set(title=f"Areas, slice {views.slice_numbers[k]}", ylabel="cm²")
    axes.legend(loc="lower left")


def _thickness(axes: Any, views: CineViews) -> None:
    x = _times(views)
    ways = []
    for one in (views.measured, views.regressed):
        known = np.isfinite(one.thickness_mm)
        sums = np.where(known, one.thickness_mm, 0).sum(axis=0)
        ways.append(np.where(known.any(axis=0), sums / np.maximum(known.sum(axis=0), 1), np.nan))
    for n, (name, colour) in enumerate(zip(SECTORS, _SECTOR_COLOURS, strict=True)):
        axes.plot(x, ways[0][:, n], color=colour, lw=1.5, label=name)
        axes.plot(x, ways[1][:, n], ".", color=colour, ms=3, alpha=0.7)
    axes.set_ylim(0, None)
    axes.set(title="Wall thickness, mean of the slices", ylabel="mm")
    axes.legend(loc="lower left", ncols=3, columnspacing=1.0, handlelength=1.2)


def _time_axis(axes: Any, views: CineViews, systole: tuple[bool, ...] | None) -> None:
    x = _times(views)
    step = float(np.diff(x).mean())
    for t in np.flatnonzero(systole or ()):
        axes.axvspan(x[t] - step / 2, x[t] + step / 2, color="#eef1f4", lw=0, zorder=0)
    axes.set_xlim(x[0] - step / 2, x[-1] + step / 2)
    axes.set_xlabel("frame" if views.times_ms is None else "ms after the trigger", color=MUTED)
    axes.grid(axis="y", color=RULE, lw=0.5)


def _times(views: CineViews) -> np.ndarray:
    return np.arange(float(views.frames)) if views.times_ms is None else np.asarray(views.times_ms)
