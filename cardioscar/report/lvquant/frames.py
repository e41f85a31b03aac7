"""End-diastole and end-systole of every slice, with contours."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cardioscar.report.lvquant.painting import grey, montage, painted
from cardioscar.report.lvquant.views import CineViews
from cardioscar.report.page import Box
from cardioscar.report.style import INK, MUTED, new_figure, styled

_TILE, _GAP = 190, 6
_COLUMNS = 6
_CELL_IN, _LABEL_IN, _LEFT_IN = 1.75, 0.3, 0.34
_MARGIN_MM = 14.0
_BESIDE = 3
"""Slices that stand beside each other on a phone."""


@styled
def frames_figure(views: CineViews) -> Figure:
    """Draw each slice that shows a heart at either time, from the base to the apex; all slices have the same scale.

    Raises:
        ValueError: If no ventricle was found.
    """
    if views.ed_frame is None or views.es_frame is None:
        raise ValueError("no end-diastole")
    both = (views.ed_frame, views.es_frame)
    shown = _shown(views)
    rows, columns = views.window(margin_mm=_MARGIN_MM)
    images = grey(views.images[rows, columns])
    size, across, bands, (width, height), band_in = _layout(views)
    figure = new_figure(width, height, constrained=False)
    for band in range(bands):
        part = shown[band * across : (band + 1) * across]
        tiles = []
        for t in both:
            for k in part:
                reference = None if views.reference is None else views.reference[rows, columns, k, t]
                tiles.append(painted(images[:, :, k, t], views.labels[rows, columns, k, t], size, reference))
        picture = montage(tiles, len(part), gap=_GAP)
        left, scale = _LEFT_IN, _scale(width, across)
        picture_width = scale * len(part)
        picture_height = picture_width * picture.shape[0] / picture.shape[1]
        top = height - band * band_in - _LABEL_IN
        axes = figure.add_axes(
            (left / width, (top - picture_height) / height, picture_width / width, picture_height / height)
        )
        axes.imshow(picture, interpolation="lanczos", aspect="auto")
        axes.set_axis_off()
        for n, k in enumerate(part):
            name = f"slice {views.slice_numbers[k]}{_end(views, k)}"
            place = ((left + scale * (n + 0.5)) / width, (top + 0.05) / height)
            figure.text(*place, name, ha="center", va="bottom", size=8, color=MUTED)
        for text, y in (("diastole", top - picture_height / 4), ("systole", top - 3 * picture_height / 4)):
            figure.text(0.17 / width, y / height, text, rotation=90, ha="center", va="center", size=8.5, color=INK)
    return figure


def panel_boxes(views: CineViews) -> list[Box]:
    """Where a few slices beside each other stand in their figure, band after band."""
    _, across, bands, (width, height), band_in = _layout(views)
    count, scale, boxes = len(_shown(views)), _scale(width, across), []
    for band in range(bands):
        shown = min(across, count - band * across)
        for first in range(0, shown, _BESIDE):
            last = min(first + _BESIDE, shown)
            left = 0.0 if first == 0 else _LEFT_IN + scale * first
            right = (_LEFT_IN + scale * last) / width
            boxes.append((left / width, band * band_in / height, min(right, 1.0), (band + 1) * band_in / height))
    return boxes


def _shown(views: CineViews) -> np.ndarray:
    """Slices with a heart at either time, from the base to the apex."""
    both = [t for t in (views.ed_frame, views.es_frame) if t is not None]
    return np.flatnonzero((views.labels[..., both] > 0).any(axis=(0, 1, 3)))[::-1]


def _scale(width: float, across: int) -> float:
    return min((width - _LEFT_IN - 0.05) / across, _CELL_IN)


def _layout(views: CineViews) -> tuple[tuple[int, int], int, int, tuple[float, float], float]:
    """Pixels of a tile, slices in a band, bands, size of the figure and height of a band in inches."""
    rows, columns = views.window(margin_mm=_MARGIN_MM)
    wide = (rows.stop - rows.start) * views.pixel_mm[0]
    high = (columns.stop - columns.start) * views.pixel_mm[1]
    size = (round(_TILE * wide / max(wide, high)), round(_TILE * high / max(wide, high)))
    count = len(_shown(views))
    across = min(_COLUMNS, count)
    bands = -(-count // across)
    band_in = 2 * (_CELL_IN * size[1] / _TILE + 0.06) + _LABEL_IN
    return size, across, bands, (max(_CELL_IN * across, 5.2), bands * band_in + 0.1), band_in


def _end(views: CineViews, k: int) -> str:
    """Marks the ends of the stack: slices are stored from the apex to the base."""
    if views.images.shape[2] == 1:
        return ""
    return {0: " · apical end", views.images.shape[2] - 1: " · basal end"}.get(k, "")
