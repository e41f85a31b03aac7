"""Scar of each slice with its interval, from apex to base."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from cardioscar.lge.result import SliceResult
from cardioscar.report.style import ACCENT, GUESS, MUTED, new_figure, styled


@styled
def slices_bar_figure(slices: Sequence[SliceResult], reference_ml: dict[int, float] | None = None) -> Figure:
    """Bars of scar by slice with intervals; slices to look at are marked.

    Args:
        slices: Apex first; at least one.
        reference_ml: Scar of the reference by number of the slice.
    """
    figure = new_figure(7.4, 2.7)
    axes = figure.add_subplot()
    at = range(len(slices))
    values = [one.scar_ml for one in slices]
    below = [one.scar_ml - one.scar_ml_low for one in slices]
    above = [one.scar_ml_high - one.scar_ml for one in slices]
    axes.bar(at, values, width=0.62, color=ACCENT, label="found, with interval")
    axes.errorbar(at, values, [below, above], fmt="none", ecolor=MUTED, elinewidth=1.1, capsize=2.5)
    if reference_ml:
        axes.plot(
            at,
            [reference_ml.get(one.number, 0.0) for one in slices],
            "o",
            ms=4.5,
            color="#1e90ff",
            label="labels that came with it",
        )
    looked = [k for k, one in enumerate(slices) if one.reasons]
    top = max([one.scar_ml_high for one in slices] + [0.1])
    axes.plot(looked, [-0.06 * top] * len(looked), marker=(3, 0, 0), ms=6, lw=0, color=GUESS, label="to look at")
    axes.set_xticks(list(at), [str(one.number) for one in slices])
    axes.set(xlabel="Slice, apex to base", ylabel="Scar, ml", ylim=(-0.12 * top, 1.12 * top))
    axes.legend(loc="upper right", ncols=3)
    return figure
