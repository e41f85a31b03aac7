"""The slices as acquired, and the reconstruction on the same pixels below each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from scipy import ndimage

from cardioscar.errors import InputError
from cardioscar.report.sectors import draw_sectors
from cardioscar.report.slice_view import SliceView, as_displayed, side_letters
from cardioscar.report.style import (
    GUESS,
    HIDDEN,
    INK,
    MUTED,
    OBSERVED,
    PAPER,
    SCAR_CMAP,
    SEPTUM,
    colour_bar,
    new_figure,
    styled,
)

_COLUMNS = 6
_MARGIN_MM = 9.0
_EDGE_IN = 0.06
_TITLE_IN = 0.3
_FOOT_IN = 0.72

Box = tuple[float, float, float, float]
"""Left, bottom, width and height as shares of a figure."""


@dataclass(frozen=True)
class _Plan:
    """Where everything stands on the figure, in inches and shares."""

    columns: int
    cell_in: float
    width_in: float
    height_in: float

    @classmethod
    def of(cls, count: int) -> _Plan:
        columns = min(_COLUMNS, count)
        # few slices still need the width of the legend
        width = max(1.92 * columns, 7.7)
        cell = min((width - _EDGE_IN) / columns, 2.6)
        return cls(columns, cell, width, -(-count // columns) * (2 * cell + 0.36) + _FOOT_IN)

    def corner(self, place: int) -> tuple[float, float, tuple[float, float]]:
        """Left and top of a slice's two pictures with their title, and the size of a picture."""
        band, column = divmod(place, self.columns)
        offset_in = (self.width_in - self.columns * self.cell_in + _EDGE_IN) / 2
        size = (0.95 * self.cell_in / self.width_in, 0.95 * self.cell_in / self.height_in)
        return (
            (offset_in + column * self.cell_in) / self.width_in,
            1 - band * (2 * self.cell_in + 0.36) / self.height_in,
            size,
        )

    def boxes(self, place: int) -> tuple[Box, Box]:
        """Where the image of a slice stands, and the reconstruction below it."""
        left, top, size = self.corner(place)
        upper, lower = (top - (_TITLE_IN + cells * self.cell_in) / self.height_in for cells in (0.95, 1.93))
        return (left, upper, *size), (left, lower, *size)


def panel_places(slices: Sequence[SliceView]) -> list[dict[str, Any]]:
    """Where each slice with wall stands in `slices_figure`: `title`, and `upper` and `lower` from the top left corner.

    Args:
        slices: As for the figure.
    """
    shown = [view for view in slices if view.wall.any()]
    plan = _Plan.of(max(len(shown), 1))
    places = []
    for place, view in enumerate(shown):
        boxes = [[round(x, 5) for x in (x0, 1 - y0 - h, w, h)] for x0, y0, w, h in plan.boxes(place)]
        title = f"Slice {view.number}" + (
            "" if view.height_mm is None else f", {view.height_mm:.0f} mm above the apical end"
        )
        title += ", hidden from the fit" if view.hidden else ""
        places.append({"title": title, "upper": boxes[0], "lower": boxes[1]})
    return places


@styled
def slices_figure(slices: Sequence[SliceView], *, threshold: float = 0.5) -> Figure:
    """Draw each slice twice: the image with what was observed, and the reconstruction over it.

    All slices have the same scale and are centred on their wall; slices without wall are left out.

    Args:
        slices: In the order of the stack.
        threshold: Probability from which a pixel counts as scar; drawn as a line.

    Returns:
        Bands of up to six slices, two pictures each.

    Raises:
        InputError: If no slice has a wall.
    """
    shown = [as_displayed(view) for view in slices if view.wall.any()]
    if not shown:
        raise InputError("slices", "at least one slice with wall", f"none in {len(slices)} slices")
    half_mm = max(float(np.ptp(view.wall_box_mm, axis=0).max()) for view in shown) / 2 + _MARGIN_MM
    plan = _Plan.of(len(shown))
    width, height = plan.width_in, plan.height_in
    figure = new_figure(width, height, constrained=False)
    for place, view in enumerate(shown):
        left, top, size = plan.corner(place)
        upper, lower = (figure.add_axes(box) for box in plan.boxes(place))
        title = f"Slice {view.number}"
        if view.height_mm is not None:
            figure.text(
                left + 0.62 / width, top - 0.17 / height, f"{view.height_mm:.0f} mm", color=MUTED, size=8, va="center"
            )
        figure.text(left, top - 0.17 / height, title, weight="bold", size=9, va="center")
        if view.hidden:
            figure.text(
                left + size[0] - 0.02 / width,
                top - 0.17 / height,
                "hidden from the fit",
                color=PAPER,
                size=6.6,
                weight="bold",
                va="center",
                ha="right",
                bbox={"boxstyle": "round,pad=0.32", "facecolor": HIDDEN, "edgecolor": "none"},
            )
        for axes, reconstruction in ((upper, False), (lower, True)):
            _picture(axes, view, half_mm, threshold, reconstruction=reconstruction)
        _name_sides(upper, view)
        if view.sectors is not None:
            draw_sectors(upper, view.wall, view.pixel_mm, view.sectors)
        if place == 0:
            _scale_bar(upper, half_mm)
    _legend(figure, _FOOT_IN, threshold, shown)
    return figure


def _picture(axes: Any, view: SliceView, half_mm: float, threshold: float, *, reconstruction: bool) -> None:
    middle = view.wall_box_mm.mean(axis=0)
    low, high = _window(view)
    axes.set_facecolor("#0c0f12")
    axes.imshow(
        np.asarray(view.background, dtype=float).T,
        cmap="gray",
        vmin=low,
        vmax=high,
        extent=view.extent_mm,
        origin="upper",
        interpolation="nearest",
        # under the reconstruction the image only gives context
        alpha=0.55 if reconstruction else 1.0,
    )
    if reconstruction:
        predicted = np.ma.masked_invalid(np.asarray(view.predicted, dtype=float).T)
        axes.imshow(
            predicted, cmap=SCAR_CMAP, vmin=0, vmax=1, extent=view.extent_mm, origin="upper", interpolation="nearest"
        )
    outline(axes, view.pixel_mm, view.wall, 0.5, color=PAPER, linewidth=0.9, alpha=0.9)
    scar = np.where(view.wall, np.asarray(view.observed_scar, dtype=float), 0.0)
    outline(axes, view.pixel_mm, scar, 0.5, color=OBSERVED, linewidth=1.9)
    if reconstruction:
        inside = np.nan_to_num(np.asarray(view.predicted, dtype=float), nan=0.0)
        outline(axes, view.pixel_mm, inside, threshold, color=INK, linewidth=0.9)
    axes.set(
        xlim=(middle[0] - half_mm, middle[0] + half_mm),
        ylim=(middle[1] + half_mm, middle[1] - half_mm),
        xticks=[],
        yticks=[],
        aspect="equal",
    )
    for spine in axes.spines.values():
        spine.set_visible(view.hidden)
        spine.set(edgecolor=HIDDEN, linewidth=2.6)


def _name_sides(axes: Any, view: SliceView) -> None:
    if view.directions is None:
        return
    for direction, place in ((-view.directions[0], (0.02, 0.5)), (-view.directions[1], (0.5, 0.985))):
        axes.text(
            *place,
            side_letters(direction),
            transform=axes.transAxes,
            ha="left" if place[1] == 0.5 else "center",
            va="center" if place[1] == 0.5 else "top",
            color=PAPER,
            size=6.5,
            weight="bold",
            path_effects=[withStroke(linewidth=1.6, foreground=INK)],
        )


def _window(view: SliceView) -> tuple[float, float]:
    """Grey levels for black and white: 1st and 99th percentile of the heart, the wall and what it encloses.

    Not of the whole picture: phase-sensitive images are full of noise outside the body that would leave the heart grey.
    """
    heart = ndimage.binary_dilation(ndimage.binary_fill_holes(view.wall), iterations=3)
    levels = np.asarray(view.background, dtype=float)[heart]
    levels = levels[np.isfinite(levels)]
    if levels.size == 0 or np.ptp(levels) == 0:
        return 0.0, 1.0
    low, high = np.percentile(levels, [1, 99])
    return (float(low), float(high)) if high > low else (float(levels.min()), float(levels.max()))


def outline(axes: Any, pixel_mm: tuple[float, float], values: np.ndarray, level: float, **line: Any) -> None:
    """Level line along pixel edges: what was drawn are pixels, and smoothing would claim more.

    Args:
        axes: Where, in mm, pixel (0, 0) centred at the origin.
        pixel_mm: Pixel size along i and j.
        values: Mask or values, shape (i, j).
        level: Inside is what is at least this.
        line: `color`, `linewidth`, … of the line.
    """
    mask = np.pad(np.asarray(values) >= level, 1)
    across, along = np.argwhere(mask[1:] != mask[:-1]), np.argwhere(mask[:, 1:] != mask[:, :-1])
    starts = np.concatenate([across - (0.5, 1.5), along - (1.5, 0.5)])
    ends = np.concatenate([across, along]) - 0.5
    points = (np.stack([starts, ends], axis=1) * pixel_mm).reshape(-1, 2)
    if len(points):
        color = line.pop("color")
        # one path, not one for each edge of a pixel
        path = Path(points, np.tile([Path.MOVETO, Path.LINETO], len(points) // 2))
        axes.add_artist(PathPatch(path, fill=False, edgecolor=color, capstyle="round", snap=True, **line))


def _scale_bar(axes: Any, half_mm: float) -> None:
    length_mm = 20.0
    left, bottom = axes.get_xlim()[0] + 0.07 * 2 * half_mm, axes.get_ylim()[0] - 0.07 * 2 * half_mm
    axes.add_patch(Rectangle((left, bottom), length_mm, 0.022 * half_mm, facecolor=PAPER, edgecolor="none"))
    axes.text(left, bottom - 0.03 * half_mm, f"{length_mm / 10:g} cm", color=PAPER, size=6.5, va="bottom")


def _legend(figure: Figure, foot_in: float, threshold: float, shown: Sequence[SliceView]) -> None:
    any_hidden = any(view.hidden for view in shown)
    sectors = next((view.sectors for view in shown if view.sectors is not None), None)
    height = figure.get_figheight()
    bar = figure.add_axes((0.2 / figure.get_figwidth(), 0.46 / height, 0.2, 0.11 / height))
    colour_bar(figure, ScalarMappable(Normalize(0, 1), SCAR_CMAP), "", cax=bar, orientation="horizontal")
    bar.axvline(threshold, color=INK, linewidth=1.4)
    bar.set_xlabel("Reconstructed scar probability", color=MUTED, size=7.5)
    observed = "Observed scar" + (" (for hidden slices: the answer)" if any_hidden else "")
    entries = [
        (Line2D([], [], color=OBSERVED, linewidth=2), observed),
        (Line2D([], [], color=INK, linewidth=1.2), f"Probability {threshold:g}"),
        (
            Line2D([], [], color="#b4bcc4", linewidth=1.4),
            "Wall" if sectors is None else "Wall, borders of AHA segments",
        ),
    ]
    if sectors is not None:
        colour = SEPTUM if sectors.known else GUESS
        mark = Line2D([], [], marker=(3, 0, 0), ms=6.5, mfc=colour, mec=INK, mew=0.6, lw=0)
        entries.append((mark, "Middle of the septum" if sectors.known else "Septum: a guess"))
    figure.legend(
        *zip(*entries, strict=True),
        loc="center left",
        bbox_to_anchor=(0.25, 0.5 * foot_in / height),
        ncols=3 if sectors is None else 2,
        handlelength=1.6,
        columnspacing=1.4,
    )
