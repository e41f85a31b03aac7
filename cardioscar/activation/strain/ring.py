"""The wall in a short-axis mask: a closed ring about the cavity, its middle, and where its borders lie."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardioscar.activation.strain.sectors import Heading
from cardioscar.errors import InputError

log = logging.getLogger(__name__)

_WHOLE = 0.9
"""Share of the pixels of a mask that are one piece; fewer are no specks any more."""
_STEP_PX = 0.1
_HARMONICS = 8
"""Of the borders as a function of the angle: finer ones are stairs of pixels."""
_SMALLEST_PX = 24


@dataclass(frozen=True, eq=False)
class Ring:
    """The wall in one slice at the reference.

    Attributes:
        mask: Its pixels, shape (rows, columns).
        center: Middle of wall and cavity, (columns, rows) in pixels.
    """

    mask: Bool[np.ndarray, "rows columns"]
    center: Float[np.ndarray, " xy"]

    def borders(
        self, angles: Float[np.ndarray, " angles"], heading: Heading
    ) -> tuple[Float[np.ndarray, " angles"], Float[np.ndarray, " angles"]]:
        """Distance from the middle to endocardium and epicardium in pixels, each smooth around the circumference.

        Args:
            angles: Radians.
            heading: Directions in the picture.
        """
        fine = 2 * np.pi * np.arange(360) / 360
        distances = np.arange(0, np.hypot(*self.mask.shape), _STEP_PX)
        places = self.center + distances[:, None, None] * heading.direction(fine)
        inside = ndimage.map_coordinates(self.mask.astype(float), [places[..., 1], places[..., 0]], order=1) >= 0.5
        inner = distances[np.argmax(inside, axis=0)]
        outer = distances[len(distances) - 1 - np.argmax(inside[::-1], axis=0)]
        return tuple(_smooth(border, angles) for border in (inner, outer))  # type: ignore[return-value]


def find_ring(mask: Bool[np.ndarray, "rows columns"], *, where: str = "mask") -> Ring:
    """Find the wall in a mask.

    Args:
        mask: Pixels of the wall; specks apart from it are left out.
        where: Name for errors.

    Raises:
        InputError: If the mask is empty, in several pieces, or does not close about a cavity.
    """
    rule = "one closed ring of wall about the cavity"
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if not count:
        raise InputError(where, rule, "an empty mask")
    sizes = np.bincount(pieces.ravel())[1:]
    if sizes.max() < _WHOLE * sizes.sum():
        raise InputError(where, rule, f"{count} pieces")
    if sizes.max() < _SMALLEST_PX:
        raise InputError(where, rule, f"{sizes.max()} pixels")
    if count > 1:
        log.warning("%s: %d pixels apart from the wall are left out", where, sizes.sum() - sizes.max())
    wall = pieces == 1 + int(sizes.argmax())
    # a wall one pixel thick may touch itself over corners: the cavity must not leak out there
    filled = ndimage.binary_fill_holes(wall)
    cavity = filled & ~wall
    if cavity.sum() < 4:
        raise InputError(where, rule, "a wall without a cavity in it (open or full)")
    row, column = ndimage.center_of_mass(filled)
    ring = Ring(wall, np.array([column, row]))
    if wall[round(row), round(column)]:
        raise InputError(where, rule, "one whose middle lies in the wall")
    return ring


def _smooth(border: Float[np.ndarray, " fine"], angles: Float[np.ndarray, " angles"]) -> Float[np.ndarray, " angles"]:
    waves = np.fft.rfft(border)[: _HARMONICS + 1] / len(border)
    waves[1:] *= 2
    return np.real(np.exp(1j * np.outer(angles, np.arange(_HARMONICS + 1))) @ waves)
