"""One DICOM series as a volume: slices put in order by their position in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.dicom_identity import check_identity
from cardioscar.imaging.itk_reading import open_image, read_voxels
from cardioscar.imaging.volume import Volume

if TYPE_CHECKING:
    import SimpleITK

# Positions and distances are decimal strings, rounded by some writers to 0.01 mm.
_POSITION_TOLERANCE_MM = 0.05
_GAP_TOLERANCE = 0.02


@dataclass(frozen=True)
class _Header:
    path: Path
    series: str
    shape: tuple[int, int]
    pixel_mm: np.ndarray
    axes: np.ndarray  # (3, 2): unit steps along i and j, LPS
    position_mm: np.ndarray
    thickness_mm: float | None
    spacing_mm: float | None  # between slice centres, as stated

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.axes[:, 0], self.axes[:, 1])


def read_dicom_series(paths: Sequence[Path], *, where: str) -> Volume:
    """Read single-frame DICOM files as one volume, rescale slope and intercept applied.

    Slices are ordered along their normal. Messages never carry header text.

    Args:
        paths: The files of one series.
        where: Name of the folder, for errors and as the source of the volume.

    Returns:
        Float32 values; k is the slice index, the thickness is that of tag (0018,0050).

    Raises:
        InputError: If a file is no single-frame DICOM image or carries identifiers, there are several series or image
            sizes, or several images at one position (a cine, or a duplicated slice).
        GeometryError: If positions are missing, slices are not parallel, gaps differ, or the thickness is not
            positive.
    """
    if not paths:
        raise InputError(where, "a folder of DICOM files", "no files")
    headers = [_read_header(path, where) for path in paths]
    first = headers[0]
    n_series = len({h.series for h in headers})
    if n_series > 1:
        raise InputError(where, "one DICOM series", f"{n_series}")
    shapes = sorted({h.shape for h in headers})
    if len(shapes) > 1:
        raise InputError(where, "slices of one size", " and ".join(f"{i}×{j}" for i, j in shapes))
    if any(np.abs(h.axes - first.axes).max() > 1e-3 for h in headers):
        raise GeometryError(where, "parallel slices", "more than one slice orientation")
    if any(np.abs(h.pixel_mm - first.pixel_mm).max() > 1e-3 for h in headers):
        raise GeometryError(where, "one pixel size", "more than one")
    thickness = _thickness(headers, where)
    headers.sort(key=lambda h: float(h.position_mm @ first.normal))
    affine = np.eye(4)
    affine[:3, :2] = first.axes * first.pixel_mm
    affine[:3, 2] = _slice_step(headers, thickness, where)
    affine[:3, 3] = headers[0].position_mm
    # Each slice is read on its own: its rescale slope may differ from that of the first.
    values = np.stack([read_voxels(open_image(h.path, "GDCMImageIO", where), where)[:, :, 0] for h in headers], axis=2)
    return Volume(values.astype(np.float32, copy=False), affine, where, thickness)


def _read_header(path: Path, where: str) -> _Header:
    try:
        with path.open("rb") as stream:
            is_dicom = stream.read(132)[128:] == b"DICM"
    except OSError as error:
        raise InputError(where, "readable files", error.strerror or "an unreadable one") from None
    if not is_dicom:
        raise InputError(where, "DICOM files only", f"another file ({path.suffix or 'no'} suffix)")
    check_identity(path, where)
    reader = open_image(path, "GDCMImageIO", where)
    size = reader.GetSize()
    if len(size) > 2 and int(np.prod(size[2:])) > 1:
        raise InputError(where, "single-frame DICOM images", f"a multi-frame one of {int(np.prod(size[2:]))} frames")
    position = _numbers(reader, "0020|0032", 3)
    orientation = _numbers(reader, "0020|0037", 6)
    if position is None or orientation is None or _numbers(reader, "0028|0030", 2) is None:
        raise GeometryError(
            where,
            "position, orientation and pixel spacing (0020,0032; 0020,0037; 0028,0030)",
            "a file without",
        )
    axes = orientation.reshape(2, 3).T
    if np.abs(np.linalg.norm(axes, axis=0) - 1).max() > 0.01 or abs(axes[:, 0] @ axes[:, 1]) > 1e-3:
        raise GeometryError(where, "orthonormal direction cosines (0020,0037)", "others")
    thickness, spacing = _numbers(reader, "0018|0050", 1), _numbers(reader, "0018|0088", 1)
    return _Header(
        path=path,
        series=reader.GetMetaData("0020|000e") if reader.HasMetaDataKey("0020|000e") else "",
        shape=(int(size[0]), int(size[1])),
        pixel_mm=np.array(reader.GetSpacing()[:2]),
        axes=axes / np.linalg.norm(axes, axis=0),
        position_mm=position,
        thickness_mm=None if thickness is None else float(thickness[0]),
        spacing_mm=None if spacing is None else float(spacing[0]),
    )


def _numbers(reader: SimpleITK.ImageFileReader, tag: str, count: int) -> np.ndarray | None:
    if not reader.HasMetaDataKey(tag):
        return None
    try:
        numbers = np.array([float(part) for part in reader.GetMetaData(tag).split("\\")])
    except ValueError:
        return None
    return numbers if numbers.size == count and np.isfinite(numbers).all() else None


def _thickness(headers: Sequence[_Header], where: str) -> float | None:
    stated = sorted({round(h.thickness_mm, 3) for h in headers if h.thickness_mm is not None})
    if not stated:
        return None
    if stated[0] <= 0:
        raise GeometryError(where, "a positive slice thickness (0018,0050)", f"{stated[0]:g} mm")
    if len(stated) > 1:
        raise GeometryError(where, "one slice thickness (0018,0050)", f"{stated[0]:g} to {stated[-1]:g} mm")
    return stated[0]


def _slice_step(headers: Sequence[_Header], thickness: float | None, where: str) -> np.ndarray:
    normal = headers[0].normal
    if len(headers) == 1:
        step = headers[0].spacing_mm or thickness
        if step is None or step <= 0:
            raise GeometryError(where, "a slice thickness (0018,0050) for a single slice", "none")
        return normal * step
    positions = np.array([h.position_mm for h in headers])
    gaps = np.diff(positions @ normal)
    n_positions = 1 + int((gaps > _POSITION_TOLERANCE_MM).sum())
    if n_positions < len(headers):
        counts = np.diff(np.concatenate([[0], np.flatnonzero(gaps > _POSITION_TOLERANCE_MM) + 1, [len(headers)]]))
        kind = "temporal phases of a cine?" if counts.min() > 1 else "a duplicated slice?"
        raise InputError(
            where,
            "one image at each slice position",
            f"{len(headers)} images at {n_positions} position{'s' if n_positions > 1 else ''} ({kind})",
        )
    step = (positions[-1] - positions[0]) / (len(headers) - 1)
    tolerance = max(_POSITION_TOLERANCE_MM, _GAP_TOLERANCE * float(np.linalg.norm(step)))
    if np.ptp(gaps) > tolerance:
        raise GeometryError(where, "equal distances between slices", f"{gaps.min():.2f} to {gaps.max():.2f} mm")
    stray = positions - positions[0] - np.arange(len(headers))[:, None] * step
    aside = float(np.linalg.norm(stray, axis=1).max())
    if aside > tolerance:
        raise GeometryError(where, "slices along one line", f"one {aside:.2f} mm aside")
    return step
