"""Figures of several methods beside each other: over pictures, over levels of noise, over sizes of a training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cardioscar.report.style import METHOD_COLOURS, MUTED, new_figure, styled

_COLOURS = (*METHOD_COLOURS.values(), "#cc79a7", "#e69f00", "#000000")  # the rest of the same palette
_MARKS = "osD^vPX"

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""Of each subject, by method and by picture or level; NaN where undefined."""


@styled
def methods_figure(scores: Scores, *, measure: str = "Dice of scar") -> Figure:
    """Each method on each kind of picture: median, quartiles and every subject.

    Args:
        scores: By method, then by picture; methods may lack pictures.
        measure: Name of what is measured.
    """
    pictures = list(dict.fromkeys(name for one in scores.values() for name in one))
    figure = new_figure(8.2, 0.8 + 0.34 * max(len(scores), 4) * max(len(pictures) / 2, 1))
    axes = figure.add_subplot()
    rng, step = np.random.default_rng(0), 1 / (len(scores) + 1.5)
    for nth, (method, by_picture) in enumerate(scores.items()):
        colour = _COLOURS[nth % len(_COLOURS)]
        for at, picture in enumerate(pictures):
            known = _known(by_picture.get(picture, ()))
            if not len(known):
                continue
            y = at + (nth - (len(scores) - 1) / 2) * step
            jitter = rng.uniform(-0.25, 0.25, len(known)) * step
            axes.plot(known, y + jitter, "o", ms=2.2, color=colour, alpha=0.35, mew=0)
            lower, median, upper = np.percentile(known, [25, 50, 75])
            axes.plot([lower, upper], [y, y], color=colour, lw=1.6)
            axes.plot(median, y, _MARKS[nth % len(_MARKS)], ms=5.5, color=colour, label=method if at == 0 else None)
    axes.set_yticks(range(len(pictures)), pictures)
    axes.set(ylim=(len(pictures) - 0.5, -0.5), xlabel=measure)
    axes.set_title("Median, quartiles and each subject")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@styled
def levels_figure(
    scores: Mapping[str, Mapping[float, Sequence[float]]],
    *,
    level: str,
    measure: str = "Dice of scar",
    log: bool = False,
) -> Figure:
    """Medians with quartiles over the levels of something: noise, slices that were learned from.

    Args:
        scores: Of each subject, by method, then by level; NaN where undefined.
        level: Name of the level, with its unit.
        measure: Name of what is measured.
        log: Draw levels on a logarithmic axis; all are positive then.
    """
    figure = new_figure(7.4, 3.3)
    axes = figure.add_subplot()
    for nth, (method, by_level) in enumerate(scores.items()):
        _line(axes, by_level, method, nth)
    if log:
        axes.set_xscale("log", base=2)
    ticks = sorted({one for by_level in scores.values() for one in by_level})
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    axes.set(xlabel=level, ylabel=measure)
    axes.set_ylim(bottom=0)
    axes.set_title("Median and quartiles")
    axes.grid(axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.tick_params(color=MUTED)
    return figure


def _line(axes: Axes, by_level: Mapping[float, Sequence[float]], method: str, nth: int) -> None:
    shown = {at: known for at, values in sorted(by_level.items()) if len(known := _known(values))}
    if not shown:
        return
    lower, median, upper = np.array([np.percentile(known, [25, 50, 75]) for known in shown.values()]).T
    colour, at = _COLOURS[nth % len(_COLOURS)], list(shown)
    axes.fill_between(at, lower, upper, color=colour, alpha=0.12, lw=0)
    axes.plot(at, median, f"{_MARKS[nth % len(_MARKS)]}-", ms=4.5, color=colour, label=method)


def _known(values: Sequence[float]) -> np.ndarray:
    return np.array([one for one in values if np.isfinite(one)])
