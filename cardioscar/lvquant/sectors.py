"""Where the six sectors of a short-axis slice lie: angles from the middle of the septum, towards anterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.coordinates.aha import SIXTHS
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR

SECTORS = ("IS", "I", "IL", "AL", "A", "AS")
"""Inferoseptal, inferior, inferolateral, anterolateral, anterior, anteroseptal: the order of wall thicknesses."""
SECTOR_MIDDLES = np.radians([-30.0, -90.0, -150.0, 150.0, 90.0, 30.0])
"""Angle of the middle of each, from the middle of the septum towards anterior."""
DIMENSIONS = ("IS-AL", "I-A", "IL-AS")
"""Cavity dimensions, each through the middles of two opposite sectors."""

# Segments of the AHA's mid level by our order of sectors, and back: one rule says where a sector begins.
_BY_SEGMENT = {3: 0, 4: 1, 5: 2, 6: 3, 1: 4, 2: 5}


@dataclass(frozen=True)
class SeptumFrame:
    """Directions in the plane of a slice, as the heart has them.

    Attributes:
        septum_rad: Angle of the middle of the septum, from the axis of i towards that of j, in mm.
        turn: 1 where anterior lies from there towards growing angles, −1 where towards falling ones.
    """

    septum_rad: float
    turn: int

    def image_angles(self, rotational: Float[np.ndarray, " rays"]) -> Float[np.ndarray, " rays"]:
        """Angles in the image of directions given as the heart has them."""
        return self.septum_rad + self.turn * rotational

    def rotational(self, image_rad: Float[np.ndarray, " rays"]) -> Float[np.ndarray, " rays"]:
        """Angles from the middle of the septum towards anterior, −π to π, of directions in the image."""
        return (self.turn * (image_rad - self.septum_rad) + np.pi) % (2 * np.pi) - np.pi


def sector_of(rotational: Float[np.ndarray, " rays"]) -> Int[np.ndarray, " rays"]:
    """Index of the sector in `SECTORS` of each direction, by the 60° segments of the AHA [@cerqueira2002].

    >>> sector_of(SECTOR_MIDDLES)
    array([0, 1, 2, 3, 4, 5])
    """
    segment = SIXTHS[np.floor((np.degrees(rotational) + 180) / 60).astype(int) % 6]
    lookup = np.zeros(7, dtype=int)
    for number, sector in _BY_SEGMENT.items():
        lookup[number] = sector
    return np.asarray(lookup[segment])


def septum_frame(
    frame: Affine,
    *,
    septum_direction: Float[np.ndarray, " xyz"] | None = None,
    apex_to_base: Float[np.ndarray, " xyz"] | None = None,
    where: str = "septum",
) -> SeptumFrame:
    """Directions of the heart in slices of a grid.

    Anterior is `apex_to_base × septum_direction`, as in `imaging.coordinates`.

    Args:
        frame: Grid of the slices, whose third axis runs through them.
        septum_direction: Direction from the long axis to the middle of the septum, LPS; default right and anterior of
            the patient, where it lies in most.
        apex_to_base: Long axis, LPS; default the third axis, which in the one order of storage points to the base.
        where: Name of what gives the direction, for errors.

    Raises:
        GeometryError: If the septum lies along the slices' normal.

    >>> frame = septum_frame(Affine(np.diag([1.5, 1.5, 8, 1])), septum_direction=np.array([-1.0, 0, 0]))
    >>> round(np.degrees(frame.septum_rad)), frame.turn  # septum at the left of the picture, anterior above
    (180, 1)
    """
    septum = RIGHT_ANTERIOR if septum_direction is None else np.asarray(septum_direction, dtype=float)
    axis = frame.normal(2) if apex_to_base is None else np.asarray(apex_to_base, dtype=float)
    i, j = frame.directions[:, 0], frame.directions[:, 1]
    along = np.array([septum @ i, septum @ j])
    length = float(np.linalg.norm(septum))
    if not np.isfinite(along).all() or np.linalg.norm(along) < 0.1 * max(length, 1e-9):
        raise GeometryError(where, "a septum direction across the slices' normal", "one along it, or none")
    anterior = np.cross(axis, septum)
    turned = along[0] * (anterior @ j) - along[1] * (anterior @ i)
    return SeptumFrame(float(np.arctan2(along[1], along[0])), 1 if turned >= 0 else -1)


def septum_from_insertions(
    frame: Affine,
    center_mm: Float[np.ndarray, " axes"],
    anterior_mm: Float[np.ndarray, " axes"],
    inferior_mm: Float[np.ndarray, " axes"] | None = None,
    *,
    apex_to_base: Float[np.ndarray, " xyz"] | None = None,
) -> SeptumFrame:
    """Directions of the heart from where the right ventricle's wall joins the left.

    With both insertions the middle of the septum lies midway between them; with the anterior one alone, 60° from it.

    Args:
        frame: Grid of the slices.
        center_mm: Centre of the cavity in the plane, index times pixel size, shape (2,).
        anterior_mm: Anterior insertion, likewise.
        inferior_mm: Inferior insertion, likewise.
        apex_to_base: As for `septum_frame`.

    >>> grid = Affine(np.diag([1.0, 1, 8, 1]))
    >>> found = septum_from_insertions(grid, np.zeros(2), np.array([-10.0, -10]), np.array([-10.0, 10]))
    >>> round(np.degrees(found.septum_rad)) % 360, found.turn
    (180, 1)
    """
    axis = frame.normal(2) if apex_to_base is None else np.asarray(apex_to_base, dtype=float)
    turn = 1 if np.cross(frame.directions[:, 0], frame.directions[:, 1]) @ axis >= 0 else -1
    toward = np.asarray(anterior_mm) - center_mm
    anterior_rad = float(np.arctan2(toward[1], toward[0]))
    if inferior_mm is None:
        return SeptumFrame(anterior_rad - turn * np.pi / 3, turn)
    toward = np.asarray(inferior_mm) - center_mm
    # from the inferior insertion towards anterior, through the septum
    span = (turn * (anterior_rad - float(np.arctan2(toward[1], toward[0])))) % (2 * np.pi)
    return SeptumFrame(anterior_rad - turn * span / 2, turn)
