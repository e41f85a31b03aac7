"""Figures of a cohort beside its truth: overlap of each region, scar volumes against each other, their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from cardioscar.report.style import ACCENT, INK, MUTED, RULE, SECOND, new_figure, note, styled


@styled
def overlap_figure(dice: Mapping[str, Sequence[float]]) -> Figure:
    """Dice of each region: a point for each subject, median and quartiles.

    Args:
        dice: Of each subject, by the name of the region; NaN where undefined.
    """
    figure = new_figure(7.4, 2.9)
    axes = figure.add_subplot()
    rng = np.random.default_rng(0)
    for at, values in enumerate(dice.values()):
        known = np.array([one for one in values if np.isfinite(one)])
        if not len(known):
            continue
        axes.plot(at + rng.uniform(-0.13, 0.13, len(known)), known, "o", ms=3.5, color=ACCENT, alpha=0.7, mew=0)
        lower, median, upper = np.percentile(known, [25, 50, 75])
        axes.plot([at - 0.26, at + 0.26], [median] * 2, color=INK, lw=2)
        axes.plot([at, at], [lower, upper], color=INK, lw=1)
        axes.text(at + 0.3, median, f"{median:.2f}", va="center", size=8)
    axes.set_xticks(range(len(dice)), list(dice))
    axes.set(ylim=(-0.02, 1.02), xlim=(-0.5, len(dice) - 0.2), ylabel="Dice")
    axes.set_title("Overlap with the truth")
    return figure


@styled
def volumes_figure(
    truth: Float[np.ndarray, " subjects"],
    found: Float[np.ndarray, " subjects"],
    intervals: Sequence[tuple[float, float] | None],
    limits: tuple[float, float, float] | None,
) -> Figure:
    """Scar volumes, found against true with intervals, and the plot of Bland and Altman.

    Args:
        truth: True scar in ml.
        found: Found scar.
        intervals: Interval of each found volume, where there is one.
        limits: Bias and lower and upper limit of agreement in ml; None for fewer than three subjects.
    """
    figure = new_figure(7.4, 3.3, gap=0.05)
    left, right = figure.subplots(1, 2)
    top = 1.06 * max(float(np.max([truth, found])), *(one[1] for one in intervals if one), 0.1)
    left.plot([0, top], [0, top], color=RULE, lw=1.2)
    for x, y, interval in zip(truth, found, intervals, strict=True):
        if interval:
            left.plot([x, x], interval, color=MUTED, lw=1)
        left.plot(x, y, "o", ms=4.5, color=ACCENT)
    left.set(xlim=(0, top), ylim=(0, top), xlabel="True scar, ml", ylabel="Found scar, ml", aspect="equal")
    left.set_title("Scar volume")
    right.set_title("Bland–Altman")
    if limits is None:
        note(right, "fewer than three subjects")
        return figure
    right.plot((truth + found) / 2, found - truth, "o", ms=4.5, color=ACCENT)
    for value, style, name in zip(limits, ("-", "--", "--"), ("bias", "−1.96 SD", "+1.96 SD"), strict=True):
        right.axhline(value, color=SECOND, lw=1.1, ls=style)
        right.text(
            1.0, value, f"{name} {value:.1f}", transform=right.get_yaxis_transform(), size=7.5, va="bottom", ha="right"
        )
    right.axhline(0, color=RULE, lw=0.8, zorder=0)
    right.set(xlabel="Mean of both, ml", ylabel="Found − true, ml")
    return figure
