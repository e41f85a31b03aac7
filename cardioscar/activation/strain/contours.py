"""Contours of endocardium and epicardium through the cycle ▸ strain of sectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.closed_curve import ClosedCurve, area_center, closed_curve
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sectors import Heading
from cardioscar.activation.strain.tensor import length_strain
from cardioscar.errors import InputError

Contour = Float[np.ndarray, "points axes"]


@dataclass(frozen=True, eq=False)
class WallContours:
    """Contours of one slice, frame by frame, all in one unit and frame, in its plane or in space.

    Attributes:
        endo: Endocardium of each frame.
        epi: Epicardium of each frame; None where it was not drawn.
        frame_ms: Time of each frame in ms.
        landmark: Position of one and the same place of the wall in each frame, such as an insertion point, shape
            (frames, axes); None where none is known.
        location_mm: Of the slice along the long axis.
        source: Name of the file, for messages.
    """

    endo: Sequence[Contour]
    epi: Sequence[Contour] | None
    frame_ms: Float[np.ndarray, " frames"]
    landmark: Float[np.ndarray, "frames axes"] | None = None
    location_mm: float | None = None
    source: str = "contours"


def contour_strain(
    contours: WallContours, heading: Heading, *, reference_frame: int = 0, sectors: int = SECTORS
) -> StrainSlice:
    """Strain of the lengths that contours have in each sector, against a reference frame.

    Circumferential strain is that of the line half way between endocardium and epicardium, or of the endocardium where
    it is alone, which shortens more than the middle of the wall. Radial strain is that of the wall's thickness. Sectors
    are told from the middle of each frame's outer contour, so that a heart that moves as a whole has no strain.

    Contours show no material: a ring that turns looks as it did before. Without a landmark the sectors stay where they
    are in space, and twist shows as none; wall that slides along the circumference is not followed.

    Args:
        contours: Of one slice.
        heading: Directions in the contours' frame.
        reference_frame: Frame of end-diastole.
        sectors: How many.

    Raises:
        InputError: If numbers of frames differ, the reference is none of them, or a contour is not seen whole from the
            middle of the cavity.
    """
    _check(contours, reference_frame)
    frames = range(len(contours.frame_ms))
    lengths, walls = np.empty((sectors, len(frames))), np.empty((sectors, len(frames)))
    reference = _turned(contours, heading, reference_frame, reference_frame)
    for frame in frames:
        turned = _turned(contours, heading, frame, reference_frame) if contours.landmark is not None else reference
        line, wall = _line(contours, frame, turned, sectors)
        lengths[:, frame], walls[:, frame] = line.lengths(sectors), wall
    circumferential = length_strain(lengths, lengths[:, [reference_frame]])
    radial = length_strain(walls, walls[:, [reference_frame]]) if contours.epi is not None else None
    return StrainSlice(
        circumferential, contours.frame_ms, radial=radial, location_mm=contours.location_mm, source=contours.source
    )


def _line(contours: WallContours, frame: int, heading: Heading, sectors: int) -> tuple[ClosedCurve, np.ndarray]:
    """The line whose lengths are compared, and the thickness of the wall in each sector."""
    endo = np.asarray(contours.endo[frame], dtype=np.float64)
    epi = endo if contours.epi is None else np.asarray(contours.epi[frame], dtype=np.float64)
    center = area_center(epi)
    curves = [closed_curve(one, center, heading, where=contours.source) for one in (endo, epi)]
    if contours.epi is None:
        return curves[0], np.ones(sectors)
    angles = 2 * np.pi * (np.arange(4 * sectors) + 0.5) / (4 * sectors)
    thickness = curves[1].radius(angles) - curves[0].radius(angles)
    if thickness.min() <= 0:
        raise InputError(
            contours.source, "an endocardium inside the epicardium", f"one that crosses it in frame {frame}"
        )
    return curves[0].between(curves[1]), thickness.reshape(sectors, 4).mean(axis=1)


def _turned(contours: WallContours, heading: Heading, frame: int, reference: int) -> Heading:
    """Directions that go with the landmark."""
    if contours.landmark is None:
        return heading
    outer = contours.endo if contours.epi is None else contours.epi
    offsets = [
        contours.landmark[one] - area_center(np.asarray(outer[one], dtype=np.float64)) for one in (reference, frame)
    ]
    turn = np.diff(heading.angles(np.asarray(offsets)))
    return Heading(heading.direction(turn)[0], heading.tangent(turn)[0])


def _check(contours: WallContours, reference_frame: int) -> None:
    frames = len(contours.frame_ms)
    counts = {"endocardium": len(contours.endo)}
    if contours.epi is not None:
        counts["epicardium"] = len(contours.epi)
    if contours.landmark is not None:
        counts["landmark"] = len(contours.landmark)
    for name, count in counts.items():
        if count != frames:
            raise InputError(contours.source, f"one {name} for each of {frames} frame times", f"{count}")
    if not 0 <= reference_frame < frames:
        raise InputError(contours.source, f"a reference frame of 0 to {frames - 1}", f"{reference_frame}")
