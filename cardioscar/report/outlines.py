"""Pictures of what a network finds beside what is true: outlines on slices, and onsets on strain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.lines import Line2D

from cardioscar.report.style import ACCENT, INK, MUTED, SECOND, new_figure, png_bytes, styled

COLOURS = {"wall": "#56b4e9", "cavity": "#f0e442", "scar": ACCENT}
"""Colour of each region (Okabe & Ito)."""
_COLUMNS, _SHOWN = 4, 12


@dataclass(frozen=True)
class Outlined:
    """A slice with what is true and what was found.

    Attributes:
        image: Grey values of any scale, shape (i, j).
        truth: Mask of each region by its name, a key of `COLOURS`.
        found: Likewise.
    """

    image: Float[np.ndarray, "i j"]
    truth: Mapping[str, Bool[np.ndarray, "i j"]]
    found: Mapping[str, Bool[np.ndarray, "i j"]]


@dataclass(frozen=True)
class Onsets:
    """Strain of a slice with its onsets, sectors × frames.

    Attributes:
        strain: Fractions.
        frame_ms: Time of each frame.
        true_ms: True onset of each sector.
        found_ms: What was found.
        low_ms: Lower end of its interval.
        high_ms: Upper end.
    """

    strain: Float[np.ndarray, "sectors frames"]
    frame_ms: Float[np.ndarray, " frames"]
    true_ms: Float[np.ndarray, " sectors"]
    found_ms: Float[np.ndarray, " sectors"]
    low_ms: Float[np.ndarray, " sectors"]
    high_ms: Float[np.ndarray, " sectors"]


def spread(sizes: Int[np.ndarray, " slices"], *, shown: int = _SHOWN) -> Int[np.ndarray, " chosen"]:
    """Numbers of some slices that show something, spread over all of them.

    Args:
        sizes: Pixels that each slice shows.
        shown: How many at most.

    >>> spread(np.array([0, 5, 9, 0, 3]), shown=2)
    array([1, 4])
    >>> spread(np.zeros(3, dtype=int), shown=2)
    array([0, 2])
    """
    some = np.flatnonzero(sizes > 0)
    some = some if len(some) else np.arange(len(sizes))
    return some[np.unique(np.linspace(0, len(some) - 1, min(shown, len(some))).round().astype(int))]


@styled
def outlines_png(slices: Sequence[Outlined]) -> bytes:
    """Slices side by side, true outlines as lines, found ones as dashes.

    Args:
        slices: One and more.

    Returns:
        PNG.
    """
    columns = min(_COLUMNS, len(slices))
    rows = -(-len(slices) // columns)
    figure = new_figure(1.9 * columns, 1.9 * rows + 0.35)
    for axes, one in zip(_panels(figure, rows, columns), slices, strict=False):
        low, high = np.quantile(one.image, [0.01, 0.99])
        axes.imshow(one.image.T, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        for masks, style in ((one.truth, "-"), (one.found, "--")):
            for name, mask in masks.items():
                if mask.any() and not mask.all():
                    axes.contour(mask.T, levels=[0.5], colors=COLOURS[name], linewidths=0.9, linestyles=style)
    names = dict.fromkeys(name for one in slices for name in one.truth)
    _legend(figure, [Line2D([], [], color=COLOURS[name], label=name) for name in names])
    return png_bytes(figure)


@styled
def onsets_png(slices: Sequence[Onsets]) -> bytes:
    """Strain over time (across) and sectors (down), true onsets as lines, found ones as dashes with their intervals.

    Args:
        slices: One and more.

    Returns:
        PNG.
    """
    columns = min(_COLUMNS, len(slices))
    rows = -(-len(slices) // columns)
    figure = new_figure(2.2 * columns, 2.0 * rows + 0.35)
    for axes, one in zip(_panels(figure, rows, columns), slices, strict=False):
        sectors = np.arange(len(one.true_ms)) + 0.5
        axes.pcolormesh(
            one.frame_ms, sectors, one.strain, cmap="RdBu_r", vmin=-0.2, vmax=0.2, shading="nearest", rasterized=True
        )
        axes.fill_betweenx(sectors, one.low_ms, one.high_ms, color=MUTED, alpha=0.35, linewidth=0)
        axes.plot(one.true_ms, sectors, color=INK, linewidth=1.0)
        axes.plot(one.found_ms, sectors, color=SECOND, linewidth=1.0, linestyle="--")
        axes.invert_yaxis()
    _legend(
        figure,
        [
            Line2D([], [], color=INK, label="true onset"),
            Line2D([], [], color=SECOND, linestyle="--", label="found"),
            Line2D([], [], color=MUTED, linewidth=4, alpha=0.5, label="interval"),
        ],
    )
    return png_bytes(figure)


def _panels(figure: object, rows: int, columns: int) -> list:
    panels = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())  # type: ignore[attr-defined]
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
    return panels


def _legend(figure: object, handles: list[Line2D]) -> None:
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))  # type: ignore[attr-defined]
