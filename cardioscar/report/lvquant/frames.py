"""End-diastole and end-systole of every slice, with contours."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cardioscar.report.lvquant.painting import grey, montage, painted
from cardioscar.report.lvquant.views import CineViews
from cardioscar.report.style import INK, MUTED, new_figure, styled

_TILE, _GAP = 190, 6
_COLUMNS = 6
_CELL_IN = 1.75


@styled
def frames_figure(views: CineViews) -> Figure:
    """Draw each slice that shows a heart at both times, from the base to the apex; all slices have the same scale.

    Raises:
        ValueError: If no ventricle was found.
    """
    if views.ed_frame is None or views.es_frame is None:
        raise ValueError("no end-diastole")
    both = (views.ed_frame, views.es_frame)
    shown = np.flatnonzero((views.labels > 0).any(axis=(0, 1, 3)))[::-1]
    rows, columns = views.window(margin_mm=14.0)
    images = grey(views.images[rows, columns])
    wide = (rows.stop - rows.start) * views.pixel_mm[0]
    high = (columns.stop - columns.start) * views.pixel_mm[1]
    size = (round(_TILE * wide / max(wide, high)), round(_TILE * high / max(wide, high)))
    across = min(_COLUMNS, len(shown))
    bands = -(-len(shown) // across)
    label_in, cell = 0.3, _CELL_IN * size[1] / _TILE
    width = max(_CELL_IN * across, 5.2)
    band_in = 2 * (cell + 0.06) + label_in
    figure = new_figure(width, bands * band_in + 0.1, constrained=False)
    height = figure.get_figheight()
    for band in range(bands):
        part = shown[band * across : (band + 1) * across]
        tiles = []
        for t in both:
            for k in part:
                reference = None if views.reference is None else views.reference[rows, columns, k, t]
                tiles.append(painted(images[:, :, k, t], views.labels[rows, columns, k, t], size, reference))
        picture = montage(tiles, len(part), gap=_GAP)
        left = 0.34
        scale = min((width - left - 0.05) / across, _CELL_IN)
        picture_width = scale * len(part)
        picture_height = picture_width * picture.shape[0] / picture.shape[1]
        top = height - band * band_in - label_in
        axes = figure.add_axes(
            (left / width, (top - picture_height) / height, picture_width / width, picture_height / height)
        )
        axes.imshow(picture, interpolation="lanczos", aspect="auto")
        axes.set_axis_off()
        for n, k in enumerate(part):
            name = f"slice {views.slice_numbers[k] + 1}"
            place = ((left + scale * (n + 0.5)) / width, (top + 0.05) / height)
            figure.text(*place, name, ha="center", va="bottom", size=8, color=MUTED)
        for text, y in (("diastole", top - picture_height / 4), ("systole", top - 3 * picture_height / 4)):
            figure.text(0.17 / width, y / height, text, rotation=90, ha="center", va="center", size=8.5, color=INK)
    return figure
