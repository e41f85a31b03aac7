"""Displacement of the wall's pixels ▸ strain of sectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.activation.strain.local_fit import gradient_operators
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.ring import find_ring
from cardioscar.activation.strain.sectors import Heading, heading_in_picture, sector_centers
from cardioscar.activation.strain.tensor import green_lagrange, strain_along
from cardioscar.errors import InputError

WINDOW_PX = 3.0
"""Distance within which pixels have a say in the strain at a place. 2 px follow noise, 4 px see the whole wall."""


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """Where the wall's pixels go, told at where they were (Lagrangian).

    Attributes:
        mask: The wall at the reference, shape (rows, columns).
        displacement: In pixels, shape (2, rows, columns, frames): along columns (to the right), then along rows (down).
        known: Where and when the displacement is known, shape (rows, columns, frames); all of the mask, as a rule.
        pixel_mm: Size of a pixel along rows' and columns' index: height and width.
        frame_ms: Time of each frame in ms, shape (frames,).
        location_mm: Of the slice along the long axis; None where it is not known.
        source: Name of the file, for messages.
    """

    mask: Bool[np.ndarray, "rows columns"]
    displacement: Float[np.ndarray, "2 rows columns frames"]
    known: Bool[np.ndarray, "rows columns frames"]
    pixel_mm: tuple[float, float]
    frame_ms: Float[np.ndarray, " frames"]
    location_mm: float | None = None
    source: str = "displacement"


def displacement_strain(
    field: DisplacementField, *, heading: Heading | None = None, sectors: int = SECTORS, window_px: float = WINDOW_PX
) -> StrainSlice:
    """Strain in the middle of the wall, along the circumference and across the wall.

    At the middle of each sector, half way between endocardium and epicardium, the displacement's gradient is fitted to
    the pixels around. The circumference is that of circles about the middle of the cavity. Pure contraction, twist and
    rigid motion come out to 1e-3; noise of the displacement is averaged over the window.

    Args:
        field: Displacement on a mask.
        heading: Directions in the picture as (columns, rows); default septum at the left, seen from the apex.
        sectors: How many.
        window_px: Distance within which pixels have a say, in pixels.

    Returns:
        Circumferential and radial Green–Lagrange strain, relative to the reference of the displacement.

    Raises:
        InputError: If the mask is no ring, or too little of the wall is known in a frame.
    """
    heading = heading or heading_in_picture()
    ring = find_ring(field.mask, where=field.source)
    angles = sector_centers(sectors)
    inner, outer = ring.borders(angles, heading)
    directions, tangents = heading.direction(angles), heading.tangent(angles)
    places = ring.center + ((inner + outer) / 2)[:, None] * directions
    scale = np.array([field.pixel_mm[1], field.pixel_mm[0]])
    radial_mm, along_mm = _unit(directions * scale), _perpendicular(directions * scale, tangents * scale)
    strain = np.empty((2, sectors, len(field.frame_ms)))
    for known, frames in _moments(field, ring.mask):
        rows, columns = np.nonzero(known)
        if len(rows) < max(24, 0.5 * ring.mask.sum()):
            rule = "displacement of the wall in every frame"
            raise InputError(field.source, rule, f"{len(rows)} of {ring.mask.sum()} pixels in one of them")
        pixels = np.column_stack([columns, rows]) * scale
        operators = gradient_operators(places * scale, pixels, window_px * float(scale.mean()))
        moved = field.displacement[:, rows, columns][..., frames].astype(np.float64) * scale[:, None, None]
        gradient = np.stack([np.stack([one @ part for one in operators], axis=-1) for part in moved], axis=-2)
        tensor = green_lagrange(gradient)
        strain[0][:, frames] = strain_along(tensor, along_mm[:, None])
        strain[1][:, frames] = strain_along(tensor, radial_mm[:, None])
    return StrainSlice(strain[0], field.frame_ms, radial=strain[1], location_mm=field.location_mm, source=field.source)


def _moments(field: DisplacementField, mask: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pixels that are known together, and the frames in which they are: one set for all frames, as a rule."""
    packed = np.packbits(field.known[mask].T, axis=1)
    sets, which = np.unique(packed, axis=0, return_inverse=True)
    return [
        (mask & field.known[..., frames[0]], frames)
        for frames in (np.flatnonzero(which.ravel() == number) for number in range(len(sets)))
    ]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _perpendicular(directions: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    """At right angles to the directions in mm, on the side of the tangents: pixels need not be square."""
    turned = np.column_stack([-directions[:, 1], directions[:, 0]])
    return _unit(turned * np.sign((turned * tangents).sum(axis=1, keepdims=True)))
