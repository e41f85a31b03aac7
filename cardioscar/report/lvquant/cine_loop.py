"""The beating heart as a picture that moves: slices with their contours, frame after frame, around the beat."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from cardioscar.report.lvquant.painting import Rgb, grey, montage, painted
from cardioscar.report.lvquant.views import CineViews

MOST_SLICES = 6
"""Slices that move; of more, some evenly spread."""
_TILE = 210
_USUAL_BEAT_MS = 900.0
_FRAME_MS = (20, 400)
"""Shortest and longest time of a frame on the screen."""


def loop_webp(views: CineViews) -> tuple[bytes, bytes]:
    """The moving picture, and the same at end-diastole as one that stands still; both WebP.

    Frames last as long as they did in the heart, or as in a beat of 900 ms where that is not known.
    """
    rows, columns = views.window()
    images = grey(views.images[rows, columns])
    frames = [Image.fromarray(_frame(views, images, t)) for t in range(views.frames)]
    moving, still = BytesIO(), BytesIO()
    frames[0].save(
        moving, "WEBP", save_all=True, append_images=frames[1:], duration=_durations(views), loop=0, quality=70,
        method=2,
    )  # fmt: skip
    frames[views.ed_frame or 0].save(still, "WEBP", quality=80, method=4)
    return moving.getvalue(), still.getvalue()


def loop_slices(views: CineViews) -> np.ndarray:
    """Indices of the slices that move: those with a cavity, or all where none is found."""
    at = views.shown if len(views.shown) else np.arange(views.images.shape[2])
    return at[np.unique(np.linspace(0, len(at) - 1, min(MOST_SLICES, len(at))).round().astype(int))]


def _frame(views: CineViews, images: np.ndarray, t: int) -> Rgb:
    rows, columns = views.window()
    tiles = []
    wide = (rows.stop - rows.start) * views.pixel_mm[0]
    high = (columns.stop - columns.start) * views.pixel_mm[1]
    size = (round(_TILE * wide / max(wide, high)), round(_TILE * high / max(wide, high)))
    for k in loop_slices(views)[::-1]:  # from the base to the apex, as stacks are read
        reference = None if views.reference is None else views.reference[rows, columns, k, t]
        tiles.append(painted(images[:, :, k, t], views.labels[rows, columns, k, t], size, reference))
    return montage(tiles, min(3, len(tiles)))


def _durations(views: CineViews) -> list[int]:
    if views.times_ms is None:
        steps = np.full(views.frames, _USUAL_BEAT_MS / views.frames)
    else:
        gaps = np.diff(views.times_ms)
        steps = np.append(gaps, gaps.mean())
    return [int(one) for one in np.clip(steps, *_FRAME_MS).round()]
