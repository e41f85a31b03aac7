"""Labels of a cine, wall and cavity through the beat ▸ strain of each slice by its contours."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardioscar.activation.formats.given import Given
from cardioscar.activation.strain.checks import FEWEST_FRAMES
from cardioscar.activation.strain.cine_places import cine_places
from cardioscar.activation.strain.contours import contour_strain
from cardioscar.activation.strain.mask_contours import contours_of_masks
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sectors import heading_in_space
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import CardioscarError, InputError, counted
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels
from cardioscar.imaging.labels import WALL, Label

_BLURS_PX = (0.0, 1.5, 2.5)
"""By what labels are evened out, all frames of a slice alike: none, and more where a contour has notches that a line
from the middle meets twice, as papillary muscles and networks leave them."""

log = logging.getLogger(__name__)


def read_label_strain(
    path: Path, given: Given = Given(), *, cine: Path | None = None, table: str = "cardioscar", sectors: int = SECTORS
) -> tuple[list[StrainSlice], list[SlicePlace]]:
    """Read the labels of a cine, and what its contours say of strain.

    Args:
        path: 4D `.nii` or `.nii.gz`.
        given: Frame times, where neither labels nor cine state them; direction of the septum, LPS.
        cine: The cine that they were drawn on, which states the frame times; None where there is none.
        table: Label table, a key of `LABEL_TABLES`.
        sectors: How many.

    Returns:
        Slices as `cine_strain`, and where they lie in the frame of the scanner.

    Raises:
        InputError: As `read_cine_labels` and `cine_strain` do.
    """
    labels = read_cine_labels(path, None if cine is None else read_cine(cine), table)
    septum = np.array(given.septum, dtype=np.float64) if given.septum else None
    frame_ms = given.times(labels.times_ms, labels.frames, where=path.name)
    slices = cine_strain(labels, frame_ms, septum=septum, sectors=sectors)
    return slices, cine_places(labels, slices, septum=septum)


def cine_strain(
    labels: Cine,
    frame_ms: Float[np.ndarray, " frames"],
    *,
    septum: Float[np.ndarray, " xyz"] | None = None,
    sectors: int = SECTORS,
) -> list[StrainSlice]:
    """Strain of the slices of labelled cine, each relative to its first frame.

    Args:
        labels: Values of `Label`, slices from apex to base, from end-diastole on.
        frame_ms: Time of each frame after the R wave.
        septum: Direction from the cavity to the middle of the septum, LPS; default right and anterior of the patient.
        sectors: How many.

    Returns:
        Slices whose cavity is drawn in as many frames as a curve needs, and whose contours can be followed, from apex
        to base; `location_mm` along the slices' normal in the frame of the scanner. Others are left out, which is
        warned of.

    Raises:
        InputError: If no slice can be followed.
    """
    heading = heading_in_space(labels.grid.normal(2), RIGHT_ANTERIOR if septum is None else septum)
    cavity, wall = labels.values == Label.BLOOD_POOL, np.isin(labels.values, WALL)
    drawn = cavity.any(axis=(0, 1)).sum(axis=1)
    found: list[StrainSlice] = []
    problems: list[CardioscarError] = []
    for number in np.flatnonzero(drawn >= FEWEST_FRAMES):
        where = f"{labels.source}: slice {number + 1}"
        affine = labels.grid @ _step(int(number))
        one: StrainSlice | None = None
        for blur_px in _BLURS_PX:
            try:
                contours = contours_of_masks(
                    cavity[:, :, number], wall[:, :, number], affine, frame_ms, blur_px=blur_px, where=where
                )
                one = contour_strain(contours, heading, sectors=sectors)
                break
            except CardioscarError as error:
                problem = error
        if one is None:
            problems.append(problem)
            continue
        found.append(replace(one, location_mm=float(affine.matrix[:3, 3] @ labels.grid.normal(2))))
    if not found and problems:
        raise problems[0]
    if not found:
        rule = f"contours of the cavity in {FEWEST_FRAMES} frames and more of a slice"
        raise InputError(labels.source, rule, f"{int(drawn.max())} at most")
    if problems:
        log.warning("%s of the cine left out: %s", counted(len(problems), "slice"), problems[0])
    return found


def _step(slices: int) -> np.ndarray:
    moved = np.eye(4)
    moved[2, 3] = slices
    return moved
