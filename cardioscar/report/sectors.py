"""AHA sectors of a slice: where their borders and the septum lie in its plane, for the eye to check the names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke
from scipy.spatial import cKDTree

from cardioscar.imaging.coordinates.aha import QUARTERS, SIXTHS
from cardioscar.report.style import GUESS, INK, PAPER, SEPTUM
from cardioscar.types import Points

_NEAR_MM = 5.0
_LEAST_PIXELS = 12


@dataclass(frozen=True)
class Sectors:
    """Sectors in the plane of a slice. Positions and directions are (i, j) in mm, pixel (0, 0) centred at the origin.

    Attributes:
        center_mm: Where the LV's axis crosses the slice, shape (2,).
        septum: Unit vector to the middle of the septum, shape (2,).
        borders: Unit vectors along the borders between sectors, shape (sectors, 2).
        middles: Unit vectors to the middles of the sectors, shape (sectors, 2).
        segments: AHA segment of each sector.
        known: Whether the septum is known, rather than guessed.
    """

    center_mm: Float[np.ndarray, 2]
    septum: Float[np.ndarray, 2]
    borders: Float[np.ndarray, "sectors 2"]
    middles: Float[np.ndarray, "sectors 2"]
    segments: tuple[int, ...]
    known: bool = True

    def turned(
        self, order: tuple[int, int], flips: tuple[int, int], shape: tuple[int, int], pixel_mm: np.ndarray
    ) -> Sectors:
        """The same in a picture whose axes are taken in another order and then turned round.

        Args:
            order: Which axis comes first and second.
            flips: 1 or -1 for each axis, in the new order.
            shape: Pixels of the slice as it is.
            pixel_mm: Pixel size of the slice as it is, shape (2,).
        """
        far_mm = ((np.array(shape) - 1) * pixel_mm)[list(order)]
        signs = np.array(flips)
        center = self.center_mm[list(order)]
        return replace(
            self,
            center_mm=np.where(signs > 0, center, far_mm - center),
            septum=self.septum[list(order)] * signs,
            borders=self.borders[:, list(order)] * signs,
            middles=self.middles[:, list(order)] * signs,
        )  # fmt: skip


def find_sectors(
    pixels_mm: Points,
    positions_mm: Float[np.ndarray, "pixels 2"],
    directions: Float[np.ndarray, "2 3"],
    *,
    nodes: cKDTree,
    rotational: np.ndarray,
    segment: Int[np.ndarray, " nodes"],
    long_axis: np.ndarray,
    septum: np.ndarray,
    known: bool = True,
) -> Sectors | None:
    """Find the sectors of one slice from the coordinates of the mesh.

    The centre is the point from which the wall's pixels lie in the directions that their rotational coordinates name.

    Args:
        pixels_mm: Centres of the wall's pixels, LPS.
        positions_mm: The same in the plane, along i and j.
        directions: Direction of i and of j in the patient (LPS), unit vectors in rows.
        nodes: Nodes of the mesh.
        rotational: Angle of each node about the long axis, 0 at the septum, positive towards anterior.
        segment: AHA segment of each node.
        long_axis: Unit vector from apex to base, LPS.
        septum: Unit vector to the middle of the septum, LPS, perpendicular to the axis.
        known: Whether the septum is known, rather than guessed.

    Returns:
        The sectors; None for a slice through the apical cap or beside the mesh, or one along the axis.
    """
    if len(pixels_mm) == 0:
        return None
    apart, nearest = nodes.query(pixels_mm)
    near = apart <= _NEAR_MM
    if near.sum() < _LEAST_PIXELS:
        return None
    own = segment[nearest[near]]
    basal, mid, apical = ((own >= a) & (own <= b) for a, b in ((1, 6), (7, 12), (13, 16)))
    ring = int(np.argmax([basal.sum(), mid.sum(), apical.sum()]))
    if not (basal | mid | apical).sum() > 0.5 * len(own):
        return None

    def in_plane(angles: np.ndarray) -> np.ndarray:
        anterior = np.cross(long_axis, septum)
        flat = (np.outer(np.cos(angles), septum) + np.outer(np.sin(angles), anterior)) @ np.asarray(directions).T
        return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9))

    if abs(np.cross(*np.asarray(directions, dtype=float)) @ long_axis) < 0.5:
        return None
    toward = in_plane(rotational[nearest[near]])
    # across each direction the centre and the pixel lie at the same distance
    across = np.column_stack([-toward[:, 1], toward[:, 0]])
    center = np.linalg.lstsq(across, (across * positions_mm[near]).sum(axis=1), rcond=None)[0]
    width = 90 if ring == 2 else 60
    first = -135 if ring == 2 else -180
    numbers = QUARTERS if ring == 2 else SIXTHS + 6 * ring
    starts = first + width * np.arange(len(numbers))
    return Sectors(
        center_mm=center,
        septum=in_plane(np.zeros(1))[0],
        borders=in_plane(np.radians(starts)),
        middles=in_plane(np.radians(starts + width / 2)),
        segments=tuple(int(n) for n in numbers),
        known=known,
    )


def draw_sectors(axes: Any, wall: np.ndarray, pixel_mm: tuple[float, float], sectors: Sectors) -> None:
    """Draw the borders of the sectors across the wall, the segments' numbers in the cavity, and a mark at the septum.

    Args:
        axes: Axes in mm, the second of which runs down.
        wall: Pixels of the LV wall, shape (i, j).
        pixel_mm: Pixel size along i and along j.
        sectors: The sectors.
    """
    offset = np.argwhere(wall) * np.asarray(pixel_mm) - sectors.center_mm
    radius = np.hypot(*offset.T)

    def reach(direction: np.ndarray) -> tuple[float, float]:
        """Least and greatest distance of the wall from the centre in a direction, mm."""
        own = radius[offset @ direction > 0.94 * np.maximum(radius, 1e-9)]  # within 20°
        own = own if len(own) else radius
        return float(own.min()), float(own.max())

    lines = []
    for border in sectors.borders:
        inner, outer = reach(border)
        lines.append([sectors.center_mm + r * border for r in (max(inner - 1.0, 0.0), outer + 1.5)])
    edge = [withStroke(linewidth=1.8, foreground=INK)]
    axes.add_collection(LineCollection(lines, colors=[PAPER], linewidths=0.8, path_effects=edge), autolim=False)
    for segment, middle in zip(sectors.segments, sectors.middles, strict=True):
        place = sectors.center_mm + 0.76 * reach(middle)[0] * middle
        axes.text(
            *place, str(segment), color=PAPER, size=6.2, ha="center", va="center", path_effects=edge, clip_on=True
        )  # fmt: skip
    place = sectors.center_mm + (reach(sectors.septum)[1] + 3.0) * sectors.septum
    turn = np.degrees(np.arctan2(-sectors.septum[1], sectors.septum[0]))  # the picture's second axis runs down
    colour = SEPTUM if sectors.known else GUESS
    axes.plot(*place, marker=(3, 0, turn + 90), ms=7.5, mfc=colour, mec=INK, mew=0.6, clip_on=True)
