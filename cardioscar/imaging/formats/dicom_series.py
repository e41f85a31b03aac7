"""One DICOM series as a volume: slices put in order by their position in the patient."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.dicom_pixels import read_stack
from cardioscar.imaging.formats.dicom_slice import DicomSlice, read_slice
from cardioscar.imaging.formats.header_trust import HeaderTrust, contradiction, same_sizes, say_odd_thickness
from cardioscar.imaging.formats.voxel_bytes import count_voxels
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)

# Positions and distances are decimal strings, rounded by some writers to 0.01 mm.
_POSITION_TOLERANCE_MM = 0.05
_GAP_TOLERANCE = 0.02


def read_dicom_series(paths: Sequence[Path], *, where: str, trust: HeaderTrust = "agree") -> Volume:
    """Read single-frame DICOM files as one volume, rescale slope and intercept applied.

    Slices are ordered along their normal. Messages never carry header text.

    Args:
        paths: The files of one series, or of one stack whose slices are a series each.
        where: Name of the folder, for errors and as the source of the volume.
        trust: Which counts where the stated distance of slices contradicts their positions: `sform` takes the
            positions, `pixdim` the distance.

    Returns:
        Float32 values; k is the slice index, the thickness is that of tag (0018,0050).

    Raises:
        InputError: If a file is no single-frame DICOM image or carries identifiers, there are several series or image
            sizes, or several images at one position (a cine, or a duplicated slice); if pixels are missing.
        GeometryError: If positions are missing, slices are not parallel, gaps differ or contradict the stated distance,
            or the thickness is not positive.
    """
    if not paths:
        raise InputError(where, "a folder of DICOM files", "no files")
    headers = [read_slice(path, where, trust) for path in paths]
    first = headers[0]
    _check_series(headers, where)
    check_same_frame(headers, where)
    thickness = stated_slice_thickness(headers, where)
    headers.sort(key=lambda h: float(h.position_mm @ first.normal))
    affine = np.eye(4)
    affine[:3, :2] = first.axes * first.pixel_mm
    affine[:3, 2] = slice_step(headers, thickness, where, trust)
    affine[:3, 3] = headers[0].position_mm
    if thickness is not None:
        say_odd_thickness(where, thickness, float(np.linalg.norm(affine[:3, 2])))
    # each slice is rescaled on its own: its slope may differ from that of the first
    return Volume(read_stack(headers, where), affine, where, thickness)


def check_same_frame(headers: Sequence[DicomSlice], where: str) -> None:
    """Refuse images of several sizes, orientations or pixel sizes, and more of them than an image may hold.

    Raises:
        InputError: If sizes differ, or there are too many pixels.
        GeometryError: If orientations or pixel sizes differ.
    """
    first = headers[0]
    shapes = sorted({h.shape for h in headers})
    if len(shapes) > 1:
        raise InputError(where, "slices of one size", " and ".join(f"{i}×{j}" for i, j in shapes))
    count_voxels(where, (*first.shape, len(headers)))
    if any(np.abs(h.axes - first.axes).max() > 1e-3 for h in headers):
        raise GeometryError(where, "parallel slices", "more than one slice orientation")
    if any(np.abs(h.pixel_mm - first.pixel_mm).max() > 1e-3 for h in headers):
        raise GeometryError(where, "one pixel size", "more than one")


def _check_series(headers: Sequence[DicomSlice], where: str) -> None:
    """One series, or a series for each slice in one frame of reference, as some exports make them."""
    n_series, frames = len({h.series for h in headers}), {h.frame for h in headers}
    if n_series > 1:
        if n_series < len(headers) or len(frames) > 1 or "" in frames:
            raise InputError(where, "one DICOM series", f"{n_series}")
        log.warning(
            "%s holds %d series of one image each; they were taken for the slices of one stack", where, n_series
        )


def stated_slice_thickness(headers: Sequence[DicomSlice], where: str) -> float | None:
    """Thickness of the slices (0018,0050) in mm, positive and one for all; None where none is stated."""
    stated = sorted({round(h.thickness_mm, 3) for h in headers if h.thickness_mm is not None})
    if not stated:
        return None
    if stated[0] <= 0:
        raise GeometryError(where, "a positive slice thickness (0018,0050)", f"{stated[0]:g} mm")
    if len(stated) > 1:
        raise GeometryError(where, "one slice thickness (0018,0050)", f"{stated[0]:g} to {stated[-1]:g} mm")
    return stated[0]


def slice_step(headers: Sequence[DicomSlice], thickness: float | None, where: str, trust: HeaderTrust) -> np.ndarray:
    """Step from slice to slice in mm LPS, shape (3,), of images in the order of their positions, one at each.

    Args:
        headers: The images, from one end of the stack to the other.
        thickness: Thickness of the slices in mm, which places a single one.
        where: Name of the series, for errors.
        trust: Which counts where the stated distance of slices contradicts their positions.

    Raises:
        InputError: If several images lie at one position.
        GeometryError: If distances differ, contradict what is stated, or a single slice has no thickness.
    """
    normal = headers[0].normal
    if len(headers) == 1:
        step = abs(headers[0].spacing_mm or 0) or thickness
        if step is None or step <= 0:
            raise GeometryError(where, "a slice thickness (0018,0050) for a single slice", "none")
        return normal * step
    positions = np.array([h.position_mm for h in headers])
    gaps = np.diff(positions @ normal)
    _check_positions(headers, gaps, where)
    step = (positions[-1] - positions[0]) / (len(headers) - 1)
    tolerance = max(_POSITION_TOLERANCE_MM, _GAP_TOLERANCE * float(np.linalg.norm(step)))
    if np.ptp(gaps) > tolerance:
        raise GeometryError(where, "equal distances between slices", f"{gaps.min():.2f} to {gaps.max():.2f} mm")
    stray = positions - positions[0] - np.arange(len(headers))[:, None] * step
    aside = float(np.linalg.norm(stray, axis=1).max())
    if aside > tolerance:
        raise GeometryError(where, "slices along one line", f"one {aside:.2f} mm aside")
    return step * _stretch(headers, float(np.linalg.norm(step)), thickness, where, trust)


def _check_positions(headers: Sequence[DicomSlice], gaps_mm: np.ndarray, where: str) -> None:
    """One image at each position."""
    apart = gaps_mm > _POSITION_TOLERANCE_MM
    place = np.concatenate([[0], np.cumsum(apart)])
    if apart.all():
        if len({h.image_type for h in headers}) > 1:
            log.warning("%s holds slices of different image types (0008,0008)", where)
        return
    n_positions, counts = int(place[-1]) + 1, np.bincount(place)
    seen = Counter((h.image_type, at) for h, at in zip(headers, place.tolist(), strict=True))
    n_types = len({h.image_type for h in headers})
    if n_types > 1 and max(seen.values()) == 1:
        hint = f"{n_types} image types, such as magnitude and phase: keep those of one ImageType (0008,0008)"
    else:
        hint = "temporal phases of a cine?" if counts.min() > 1 else "a duplicated slice?"
    finding = f"{len(headers)} images at {n_positions} position{'s' if n_positions > 1 else ''} ({hint})"
    raise InputError(where, "one image at each slice position", finding)


def _stretch(
    headers: Sequence[DicomSlice], distance_mm: float, thickness: float | None, where: str, trust: HeaderTrust
) -> float:
    """Factor of the step: 1 unless the stated distance of slices (0018,0088) is believed and is another.

    Some writers state the gap between slices, and some series hold every second or third slice of a scan.
    """
    stated = sorted({round(abs(h.spacing_mm), 3) for h in headers if h.spacing_mm})
    if not stated or (len(stated) == 1 and same_sizes(np.array(stated), np.array([distance_mm]))):
        return 1.0
    if len(stated) == 1:
        if thickness is not None and abs(distance_mm - thickness - stated[0]) <= _POSITION_TOLERANCE_MM:
            return 1.0
        every = round(distance_mm / stated[0])
        if every > 1 and same_sizes(np.array([every * stated[0]]), np.array([distance_mm])) and trust != "pixdim":
            log.warning(
                "%s holds slices %.3g mm apart of a scan of %.3g mm: one of %d", where, distance_mm, stated[0], every
            )
            return 1.0
        if trust == "pixdim":
            return stated[0] / distance_mm
    if trust == "sform":
        return 1.0
    found = " and ".join(f"{mm:g}" for mm in stated[:3])
    finding = f"slices {distance_mm:.4g} mm apart against {found} mm"
    raise contradiction(where, "positions and spacing between slices (0018,0088)", finding)
