"""The map along the long axis in two planes, with the slices that it was made from drawn to scale beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import map_coordinates

from cardioscar.report.style import HIDDEN, INK, MUTED, PAPER, SCAR_CMAP, SECOND, colour_bar, new_figure, styled
from cardioscar.report.wall_volume import WallVolume

_STEP_MM = 0.5
_TOUCH_MM = 0.25
"""Slices that are no farther apart leave no gap worth drawing."""
PLANES = (("Septum", "Lateral", 0), ("Inferior", "Anterior", 1))
"""Names at the left and the right end, and axis of the heart's frame that runs across the picture."""


@dataclass(frozen=True)
class SlicePlane:
    """A slice of the stack: its number, corners in order in mm, LPS, and whether it was hidden from the fit."""

    number: int
    corners_mm: Float[np.ndarray, "4 3"]
    hidden: bool = False


@dataclass(frozen=True)
class Band:
    """What a slice takes of the long axis: number, ends in mm above the apical end, and whether it was hidden."""

    number: int
    low_mm: float
    high_mm: float
    hidden: bool


def bands_of(volume: WallVolume, slices: Sequence[SlicePlane], thickness_mm: float, apical_mm: float) -> list[Band]:
    """Where slices lie along the axis, the most apical first.

    Args:
        volume: Of the wall; gives the heart's frame.
        slices: In any order; a tilted one lies where it crosses the axis.
        thickness_mm: Of each of them.
        apical_mm: Height of the wall's apical end in the heart's frame.
    """
    bands = []
    for one in slices:
        corners = volume.to_heart(one.corners_mm)
        normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
        along = normal / max(float(np.linalg.norm(normal)), 1e-9)
        steep = max(abs(float(along[2])), 0.2)  # a slice along the axis crosses it nowhere
        offset = corners.mean(axis=0)
        middle = float(offset[2] + np.sign(along[2]) * (along[:2] @ offset[:2]) / steep) - apical_mm
        half = thickness_mm / 2 / steep
        bands.append(Band(one.number, middle - half, middle + half, one.hidden))
    return sorted(bands, key=lambda band: band.low_mm)


def gaps_of(bands: Sequence[Band]) -> list[tuple[float, float]]:
    """Ends of the tissue between neighbouring slices that none of them shows, in mm.

    >>> gaps_of([Band(1, 0, 5, False), Band(2, 5, 10, False), Band(3, 14, 19, False)])
    [(10, 14)]
    """
    pairs = pairwise(bands)
    return [(one.high_mm, other.low_mm) for one, other in pairs if other.low_mm - one.high_mm > _TOUCH_MM]


def stack_note(bands: Sequence[Band], wall_mm: float) -> str:
    """What is seen of the long axis, in a sentence.

    >>> stack_note([Band(1, 0, 5, False), Band(2, 9, 14, True)], 20.0)
    'Slices show 10 of 20 mm of the long axis; 1 gap between slices, 4.0 mm at most.'
    """
    if not bands:
        return ""
    gaps = gaps_of(bands)
    shown, top = 0.0, 0.0
    for band in bands:
        low, high = max(band.low_mm, top, 0.0), min(band.high_mm, wall_mm)
        shown, top = shown + max(high - low, 0.0), max(top, high)
    widest = max((high - low for low, high in gaps), default=0.0)
    many = f"{len(gaps)} gap{'' if len(gaps) == 1 else 's'} between slices, {widest:.1f} mm at most"
    return f"Slices show {shown:.0f} of {wall_mm:.0f} mm of the long axis; {many if gaps else 'no gap between slices'}."


@styled
def long_axis_figure(
    volume: WallVolume,
    extent_mm: tuple[float, float],
    slices: Sequence[SlicePlane] = (),
    *,
    thickness_mm: float = 0.0,
    threshold: float = 0.5,
    doubtful: bool = False,
) -> Figure:
    """Cut the map along the axis, through septum and lateral wall and through inferior and anterior wall.

    Args:
        volume: Of the wall, with the channel `probability`; x of its frame looks at the septum, z to the base.
        extent_mm: Heights of the apical end and of the base in the heart's frame.
        slices: Those of the stack.
        thickness_mm: Of each of them.
        threshold: Probability from which tissue counts as scar; drawn as a line.
        doubtful: Whether the names of the walls are a guess.

    Returns:
        A figure of two planes, base up, with the stack of slices between them.
    """
    low, high = extent_mm
    reach = max(abs(volume.low_mm[k]) for k in (0, 1))
    bands = bands_of(volume, slices, thickness_mm, low) if len(slices) else []
    figure = new_figure(9.6, 4.5, constrained=False)
    doubt = "?" if doubtful else ""
    for (left_name, right_name, across), left in zip(PLANES, (0.055, 0.56), strict=True):
        axes = figure.add_axes((left, 0.16, 0.385, 0.74))
        _plane(axes, volume, across, reach, (low, high), threshold)
        for band in bands:
            for end in (band.low_mm, band.high_mm):
                axes.axhline(end, color=HIDDEN if band.hidden else SECOND, linewidth=0.5, alpha=0.45)
        axes.set(xlim=(-reach, reach), ylim=(-4, high - low + 6), aspect="equal", xticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.set_title(f"{left_name} to {right_name.lower()} wall{doubt}", pad=6)
        for name, place, side in ((left_name, 0.0, "left"), (right_name, 1.0, "right")):
            axes.text(place, -0.02, name + doubt, transform=axes.transAxes, ha=side, va="top", color=MUTED, size=8)
        axes.text(0.5, -0.02, "apex", transform=axes.transAxes, ha="center", va="top", color=INK, size=8)
        axes.text(0.5, 0.995, "base", transform=axes.transAxes, ha="center", va="top", color=INK, size=8)
        axes.set_ylabel("mm above the apical end", color=MUTED, size=8)
    if bands:
        _stack(figure.add_axes((0.462, 0.16, 0.05, 0.74)), bands, (-4, high - low + 6))
    bar = figure.add_axes((0.62, 0.055, 0.26, 0.024))
    colour_bar(figure, ScalarMappable(Normalize(0, 1), SCAR_CMAP), "", cax=bar, orientation="horizontal")
    bar.axvline(threshold, color=INK, linewidth=1.4)
    figure.text(0.61, 0.067, f"Scar probability (line: {threshold:g})", color=MUTED, size=8, ha="right", va="center")
    return figure


def _plane(
    axes: Any, volume: WallVolume, across: int, reach: float, extent_mm: tuple[float, float], threshold: float
) -> None:
    """The wall where a plane through the axis cuts it; the first name of the plane is on the left."""
    low, high = extent_mm
    side = np.arange(-reach, reach + _STEP_MM, _STEP_MM)
    height = np.arange(low - 4, high + 6, _STEP_MM)
    points = np.zeros((len(height), len(side), 3))
    # the septum lies at +x and the inferior wall at −y
    points[..., across] = side[None, :] * (-1 if across == 0 else 1)
    points[..., 2] = height[:, None]
    index = np.moveaxis((points - volume.low_mm) / volume.voxel_mm, -1, 0)
    distance = map_coordinates(volume.channels["distance"].astype(np.float32), index, order=1, cval=255)
    found = map_coordinates(volume.channels["probability"].astype(np.float32), index, order=1, cval=0) / 255
    inside = distance < 127.5
    extent = (side[0], side[-1], height[0] - low, height[-1] - low)
    picture = np.ma.masked_where(~inside, found)
    axes.imshow(picture, cmap=SCAR_CMAP, vmin=0, vmax=1, origin="lower", extent=extent, interpolation="nearest")
    axes.contour(side, height - low, distance, levels=[127.5], colors=[MUTED], linewidths=0.9)
    if (inside & (found >= threshold)).any():
        axes.contour(side, height - low, np.where(inside, found, 0), levels=[threshold], colors=[INK], linewidths=0.9)


def _stack(axes: Any, bands: Sequence[Band], limits: tuple[float, float]) -> None:
    """The slices as seen from their edge, and the gaps between them."""
    for low, high in gaps_of(bands):
        axes.add_patch(Rectangle((0, low), 1, high - low, facecolor="#eceff1", edgecolor="none", hatch="//////"))
    for band in bands:
        colour = HIDDEN if band.hidden else SECOND
        tall = band.high_mm - band.low_mm
        axes.add_patch(
            Rectangle((0, band.low_mm), 1, tall, facecolor=colour, edgecolor=PAPER, linewidth=0.8, alpha=0.8)
        )
        axes.text(0.5, (band.low_mm + band.high_mm) / 2, str(band.number), color=PAPER, size=6.5, ha="center",
                  va="center_baseline", weight="bold")  # fmt: skip
    axes.set(xlim=(0, 1), ylim=limits)
    axes.set_title("Slices", pad=6, size=8.5)
    axes.set_axis_off()
