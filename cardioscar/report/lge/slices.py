"""The slices of a segmentation: the image with what was found, the scar probability, and where the network doubts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import ndimage

from cardioscar.imaging.labels import WALL, Label
from cardioscar.report.page import Box
from cardioscar.report.slices import outline
from cardioscar.report.style import (
    GUESS,
    INK,
    MUTED,
    OBSERVED,
    PAPER,
    SCAR_CMAP,
    UNCERTAINTY_CMAP,
    colour_bar,
    new_figure,
    styled,
)

FOUND_SCAR = "#ffd23f"
"""Outline of the scar that was found."""
CAVITY = "#7fd1ff"
_COLUMNS, _CELL_IN, _TITLE_IN, _FOOT_IN = 6, 1.72, 0.32, 0.8
_FRAME_IN = 0.02
_BESIDE = 2
"""Slices that stand beside each other on a phone."""
_MARGIN_MM = 14.0


@dataclass(frozen=True)
class SegmentedSlice:
    """One slice, i across the picture and j down. Arrays have shape (i, j).

    Attributes:
        number: Index of the slice in the file.
        image: Grey values.
        wall: Muscle and scar that were found.
        cavity: Cavity.
        scar: Scar.
        probability: Scar probability, 0 to 1.
        doubt: 1 minus the probability of the likeliest label, 0 to 0.75.
        pixel_mm: Pixel size along i and j.
        fwhm: Scar by FWHM in the same wall; None where the rule cannot be applied.
        reference: Labels that came with the subject; None without.
        reasons: Why somebody should look at it.
    """

    number: int
    image: Float[np.ndarray, "i j"]
    wall: Bool[np.ndarray, "i j"]
    cavity: Bool[np.ndarray, "i j"]
    scar: Bool[np.ndarray, "i j"]
    probability: Float[np.ndarray, "i j"]
    doubt: Float[np.ndarray, "i j"]
    pixel_mm: tuple[float, float]
    fwhm: Bool[np.ndarray, "i j"] | None = None
    reference: UInt8[np.ndarray, "i j"] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def heart(self) -> Bool[np.ndarray, "i j"]:
        """All that is of the ventricle, found or of the reference."""
        found = self.wall | self.cavity
        return found if self.reference is None else found | (self.reference > 0)


@styled
def segmentation_figure(slices: Sequence[SegmentedSlice]) -> Figure:
    """Draw each slice three times: image and outlines, scar probability, doubt.

    Args:
        slices: In the order of the stack; at least one, one of them with a heart.

    Returns:
        Bands of up to six slices. All have the same scale and lie about the heart.
    """
    columns = min(_COLUMNS, len(slices))
    width, height, band = _size(len(slices))
    figure = new_figure(width, height, constrained=False)
    middle, half = _frame(slices)
    for place, one in enumerate(slices):
        row, column = divmod(place, columns)
        left, top = column * _CELL_IN / width, 1 - row * band / height
        title = f"Slice {one.number}" + (" · look" if one.reasons else "")
        colour = INK if one.reasons else MUTED
        figure.text(left + 0.02 / width, top - 0.18 / height, title, weight="bold", size=8.5, va="center", color=colour)
        for part in range(3):
            bottom = top - (_TITLE_IN + (part + 1) * _CELL_IN) / height
            axes = figure.add_axes((left, bottom, 0.97 * _CELL_IN / width, 0.97 * _CELL_IN / height))
            _draw(axes, one, part, middle, half)
    _legend(figure, any(one.reference is not None for one in slices))
    return figure


def panel_boxes(slices: Sequence[SegmentedSlice]) -> list[Box]:
    """Where two slices beside each other stand in their figure, band after band, and its legend at the end."""
    columns = min(_COLUMNS, len(slices))
    width, height, band = _size(len(slices))
    boxes = []
    for start in range(0, len(slices), columns):
        row, shown = start // columns, min(columns, len(slices) - start)
        # a frame reaches a hair beyond its picture, to the left and below
        top, bottom = (row * band + _FRAME_IN * (row > 0)) / height, ((row + 1) * band + _FRAME_IN) / height
        for first in range(0, shown, _BESIDE):
            last = min(first + _BESIDE, shown)
            left, right = (max(one * _CELL_IN - _FRAME_IN, 0.0) / width for one in (first, last))
            boxes.append((left, top, right, bottom))
    return [*boxes, (0.0, 1 - (_FOOT_IN - _FRAME_IN) / height, min(7.2 / width, 1.0), 1.0)]


def _size(slices: int) -> tuple[float, float, float]:
    """Width and height of the figure, and height of a band, in inches."""
    columns = min(_COLUMNS, slices)
    band = 3 * _CELL_IN + _TITLE_IN
    return max(columns * _CELL_IN, 7.4), -(-slices // columns) * band + _FOOT_IN, band


def _frame(slices: Sequence[SegmentedSlice]) -> tuple[np.ndarray, float]:
    """Middle and half side of the pictures in mm."""
    ends = [np.argwhere(one.heart) * one.pixel_mm for one in slices if one.heart.any()]
    if not ends:
        size = np.array(slices[0].image.shape) * slices[0].pixel_mm
        return size / 2, float(size.max()) / 2
    points = np.concatenate(ends)
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, float((high - low).max()) / 2 + _MARGIN_MM


def _draw(axes: Any, one: SegmentedSlice, part: int, middle: np.ndarray, half: float) -> None:
    (rows, columns), (di, dj) = one.image.shape, one.pixel_mm
    extent = (-di / 2, (rows - 0.5) * di, (columns - 0.5) * dj, -dj / 2)
    low, high = grey_window(one.image, one.heart)
    axes.set_facecolor("#0c0f12")
    axes.imshow(
        one.image.T, cmap="gray", vmin=low, vmax=high, extent=extent, origin="upper", interpolation="nearest",
        alpha=1.0 if part == 0 else 0.55,
    )  # fmt: skip
    if part:
        values, cmap, top = (one.probability, SCAR_CMAP, 1.0) if part == 1 else (one.doubt, UNCERTAINTY_CMAP, 0.5)
        shown = np.ma.masked_less(np.asarray(values, dtype=float), 0.05)
        axes.imshow(
            shown.T, cmap=cmap, vmin=0, vmax=top, extent=extent, origin="upper", interpolation="nearest", alpha=0.85
        )
    if one.reference is not None and part == 0:
        outline(axes, one.pixel_mm, np.isin(one.reference, WALL), 0.5, color=OBSERVED, linewidth=0.7, alpha=0.8)
        outline(axes, one.pixel_mm, one.reference == Label.SCAR, 0.5, color=OBSERVED, linewidth=1.6)
    outline(axes, one.pixel_mm, one.wall, 0.5, color=PAPER, linewidth=0.8, alpha=0.9)
    if part == 0:
        outline(axes, one.pixel_mm, one.cavity, 0.5, color=CAVITY, linewidth=0.8, alpha=0.9)
    outline(axes, one.pixel_mm, one.scar, 0.5, color=FOUND_SCAR, linewidth=1.3)
    axes.set(
        xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] + half, middle[1] - half), xticks=[], yticks=[],
        aspect="equal",
    )  # fmt: skip
    for spine in axes.spines.values():
        spine.set_visible(bool(one.reasons))
        spine.set(edgecolor=GUESS, linewidth=2.0)


def grey_window(image: np.ndarray, heart: np.ndarray) -> tuple[float, float]:
    """Grey levels for black and white: 1st and 99.5th percentile about the heart, where scar is the brightest."""
    near = ndimage.binary_dilation(heart, iterations=6) if heart.any() else np.ones(image.shape, dtype=bool)
    low, high = (float(one) for one in np.percentile(image[near], [1, 99.5]))
    return (low, high) if high > low else (low, low + 1)


def _legend(figure: Figure, reference: bool) -> None:
    width, height = figure.get_size_inches()
    for at, (label, cmap, top) in enumerate(
        (("Scar probability", SCAR_CMAP, 1.0), ("Doubt: 1 − likeliest label", UNCERTAINTY_CMAP, 0.5))
    ):
        bar = figure.add_axes(((0.2 + 1.75 * at) / width, 0.44 / height, 1.5 / width, 0.1 / height))
        mappable = ScalarMappable(Normalize(0, top), cmap)
        colour_bar(figure, mappable, label, cax=bar, orientation="horizontal")
    entries = [
        (Line2D([], [], color="#b4bcc4", linewidth=1.4), "Wall"),
        (Line2D([], [], color=CAVITY, linewidth=1.4), "Cavity"),
        (Line2D([], [], color=FOUND_SCAR, linewidth=2), "Scar found"),
    ]
    if reference:
        entries.append((Line2D([], [], color=OBSERVED, linewidth=2), "Labels that came with it"))
    figure.legend(
        *zip(*entries, strict=True), loc="center left", bbox_to_anchor=(3.6 / width, 0.5 * _FOOT_IN / height),
        ncols=2, handlelength=1.6, columnspacing=1.2,
    )  # fmt: skip
