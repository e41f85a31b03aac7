"""How well the field meets what was observed, how honest its probabilities are, and how the fit went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cardioscar.report.page import Box
from cardioscar.report.style import ACCENT, INK, MUTED, RULE, SECOND, new_figure, note, styled

_BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Predicted probabilities beside what was true at the same places.

    Attributes:
        probability: Predicted scar probability, 0 to 1, shape (n,).
        truth: True scar, mask or fraction 0 to 1, shape (n,).
        weight: What each place stands for, for instance its volume in ml, shape (n,); default equal.
        of: What the places are, for the caption: "mesh nodes", "hidden pixels".
    """

    probability: np.ndarray
    truth: np.ndarray
    weight: np.ndarray | None = None
    of: str = "mesh nodes"

    def curve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean prediction, true fraction and share of the weight in ten equal bins of probability; NaN in empty bins.

        Returns:
            Three arrays of shape (10,).

        >>> predicted, true, share = Reliability(np.array([0.05, 0.05, 0.95]), np.array([0, 1, 1])).curve()
        >>> [round(float(v), 2) for v in (predicted[0], true[0], share[9])]
        [0.05, 0.5, 0.33]
        """
        probability = np.asarray(self.probability, dtype=float)
        weight = np.ones(len(probability)) if self.weight is None else np.asarray(self.weight, dtype=float)
        place = np.clip((probability * _BINS).astype(int), 0, _BINS - 1)
        total, predicted, true = (
            np.bincount(place, weights=weight * values, minlength=_BINS)
            for values in (1.0, probability, np.asarray(self.truth, dtype=float))
        )
        full = np.where(total > 0, total, np.nan)
        return predicted / full, true / full, total / max(total.sum(), np.finfo(float).tiny)


_LEAST = 0.01
"""Least reach of an axis of residuals: what is smaller is none, and would be drawn as if it were."""
_PLACES = {"left": 0.049, "right": 0.996, "bottom": 0.0673, "top": 0.9574, "wspace": 0.2405, "hspace": 0.348}
"""Room for titles, labels and ticks of every kind; to lay the panels out anew took longer than to draw them."""


@styled
def residuals_figure(
    residual: np.ndarray | None = None,
    slice_number: np.ndarray | None = None,
    *,
    reliability: Reliability | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Four panels: residuals, residuals by slice, reliability, loss. A panel without data says so.

    Args:
        residual: Mean prediction over each group minus its pixel, -1 to 1, shape (groups,).
        slice_number: Slice of each group, shape (groups,).
        reliability: Predictions beside the truth.
        history: Columns of the fit's history; `step` and every column with `loss` in its name are used.

    Returns:
        A figure of two by two panels.
    """
    figure = new_figure(10.6, 6.4, constrained=False)
    (first, second), (third, fourth) = figure.subplots(2, 2, gridspec_kw=_PLACES)
    _histogram(first, residual)
    _by_slice(second, residual, slice_number)
    _reliability(third, reliability)
    _history(fourth, history)
    return figure


def panel_boxes(figure: Figure) -> list[Box]:
    """Where the four panels stand, whatever is drawn in them."""
    middle = 0.495  # above the titles of the lower ones
    return [(x, y, x + 0.5, 1.0 if y else middle) for y in (0.0, middle) for x in (0.0, 0.5)]


def _histogram(axes: Any, residual: np.ndarray | None) -> None:
    axes.set_title("Group residual: predicted mean − pixel")
    values = np.asarray([] if residual is None else residual, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        note(axes, "no groups to compare")
        return
    reach = max(_LEAST, float(np.abs(values).max()) * 1.04)
    axes.hist(values, bins=np.linspace(-reach, reach, 52), color=SECOND, alpha=0.85, edgecolor="white", linewidth=0.4)
    # The scar border is a small part of all pixels: on a linear scale it would vanish.
    axes.set_yscale("log")
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.grid(axis="y")
    axes.set(xlabel="Residual (scar fraction)", ylabel="Groups")
    axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    rms, p95 = np.sqrt(np.mean(values**2)), np.percentile(np.abs(values), 95)
    text = f"rms {rms:.3f}\n95 % within ±{p95:.3f}\n{len(values):,} groups"
    axes.text(0.985, 0.96, text, transform=axes.transAxes, ha="right", va="top", size=8, color=INK, linespacing=1.5)


def _by_slice(axes: Any, residual: np.ndarray | None, slice_number: np.ndarray | None) -> None:
    axes.set_title("Residual by slice")
    if residual is None or slice_number is None or not np.isfinite(residual).any():
        note(axes, "no groups to compare")
        return
    values, slices = np.asarray(residual, dtype=float), np.asarray(slice_number)
    numbers = np.unique(slices[np.isfinite(values)])
    for place, number in enumerate(numbers):
        own = values[(slices == number) & np.isfinite(values)]
        low, q1, q3, high = np.percentile(own, [5, 25, 75, 95])
        axes.plot([place, place], [low, high], color=SECOND, alpha=0.45, linewidth=2.2, solid_capstyle="round")
        axes.plot([place, place], [q1, q3], color=SECOND, linewidth=6.5, solid_capstyle="butt")
        axes.plot(place, own.mean(), "o", color=ACCENT, markersize=4.5, markeredgecolor="white", markeredgewidth=0.7)
    step = -(-len(numbers) // 16)
    axes.set_xticks(range(0, len(numbers), step), [f"{n}" for n in numbers[::step]])
    axes.axhline(0, color=INK, linewidth=0.9, zorder=0.5)
    axes.grid(axis="y")
    axes.set(xlabel="Slice", ylabel="Residual", xlim=(-0.7, len(numbers) - 0.3))
    axes.text(
        0.985,
        0.96,
        "dot: mean · bar: middle half · line: 5th to 95th percentile",
        transform=axes.transAxes,
        ha="right",
        va="top",
        size=7,
        color=MUTED,
    )
    low, high = axes.get_ylim()
    low, high = min(low, -_LEAST), max(high, _LEAST)
    axes.set_ylim(low, high + 0.14 * (high - low))


def _reliability(axes: Any, reliability: Reliability | None) -> None:
    axes.set_title("Reliability")
    if reliability is None or len(reliability.probability) == 0:
        note(axes, "no truth to compare with")
        return
    predicted, true, share = reliability.curve()
    known = share > 0
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.bar(
        (np.arange(_BINS) + 0.5) / _BINS, share, width=0.092, color=RULE, zorder=0.8, label=f"share of {reliability.of}"
    )
    axes.plot(
        predicted[known],
        true[known],
        "-o",
        color=ACCENT,
        linewidth=1.8,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        label="observed",
    )
    axes.set(xlabel="Predicted scar probability", ylabel="True scar fraction", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid()
    axes.text(0.93, 0.865, "perfect", rotation=30, size=7.5, color=MUTED, ha="right", va="bottom")
    axes.legend(loc="upper left", bbox_to_anchor=(0.1, 1.0))  # beside the bar of what is surely no scar


def _history(axes: Any, history: Mapping[str, Sequence[float]] | None) -> None:
    axes.set_title("Loss of the fit")
    losses = {name: np.asarray(v, dtype=float) for name, v in (history or {}).items() if "loss" in name}
    losses = {name: values for name, values in losses.items() if np.isfinite(values).any()}
    if not losses:
        note(axes, "this method keeps no loss history")
        return
    for (name, values), colour in zip(losses.items(), (SECOND, ACCENT, "#009e73", MUTED), strict=False):
        step = np.asarray((history or {}).get("step", np.arange(len(values))), dtype=float)
        axes.plot(step, values, color=colour, linewidth=1.4, label=name.replace("_", " "))
    if all(np.nanmin(values) > 0 for values in losses.values()):
        axes.set_yscale("log")
    axes.grid()
    axes.set(xlabel="Step", ylabel="Loss")
    if len(losses) > 1:
        axes.legend()
