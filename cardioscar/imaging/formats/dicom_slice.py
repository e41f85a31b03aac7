"""What the header of one DICOM image says: where its pixels are, and what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.dicom_dataset import MAX_SIDE, numbers_of, read_dataset, text_of, whole_of
from cardioscar.imaging.formats.dicom_identity import check_dataset
from cardioscar.imaging.formats.header_trust import HeaderTrust, contradiction, same_sizes, sizes_text

if TYPE_CHECKING:
    from pydicom import Dataset

_OTHER_SPACINGS = ("ImagerPixelSpacing", "NominalScannedPixelSpacing", "ReconstructionPixelSpacing")


@dataclass(frozen=True)
class DicomSlice:
    """One single-frame image.

    Attributes:
        path: Its file.
        dataset: All attributes.
        series: UID of its series.
        frame: UID of its frame of reference; empty where none is stated.
        image_type: Values of (0008,0008).
        shape: Columns and rows: pixels along i and j.
        pixel_mm: Their distance along i and j.
        axes: Unit steps along i and j, LPS, shape (3, 2).
        position_mm: Centre of the first pixel, LPS.
        thickness_mm: Thickness of the slice (0018,0050), where stated.
        spacing_mm: Distance of slice centres (0018,0088), where stated; writers may give it a sign.
    """

    path: Path
    dataset: Dataset
    series: str
    frame: str
    image_type: str
    shape: tuple[int, int]
    pixel_mm: np.ndarray
    axes: np.ndarray
    position_mm: np.ndarray
    thickness_mm: float | None
    spacing_mm: float | None

    @property
    def normal(self) -> np.ndarray:
        """Unit normal, shape (3,)."""
        return np.cross(self.axes[:, 0], self.axes[:, 1])


def read_slice(path: Path, where: str, trust: HeaderTrust = "agree") -> DicomSlice:
    """Read a DICOM image's header and check what it says.

    Args:
        path: DICOM file.
        where: Name of the series, for errors.
        trust: `sform` takes (0028,0030) where another attribute states another pixel size.

    Raises:
        InputError: If it is no single-frame DICOM image of a sensible size, or carries identifiers.
        GeometryError: If position, orientation or pixel size are missing, impossible, or stated twice and differently.
    """
    dataset = read_dataset(path, where)
    check_dataset(dataset, where)
    frames = whole_of(dataset, "NumberOfFrames") or 1
    if frames > 1:
        raise InputError(where, "single-frame DICOM images", f"a multi-frame one of {frames} frames")
    columns, rows = whole_of(dataset, "Columns"), whole_of(dataset, "Rows")
    if columns is None or rows is None or not (0 < columns <= MAX_SIDE and 0 < rows <= MAX_SIDE):
        finding = "none" if columns is None or rows is None else f"{columns}×{rows}"
        raise InputError(where, f"images of 1 to {MAX_SIDE} columns and rows", finding)
    position = numbers_of(dataset, "ImagePositionPatient", 3)
    orientation = numbers_of(dataset, "ImageOrientationPatient", 6)
    spacing = numbers_of(dataset, "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None or spacing.min() <= 0:
        raise GeometryError(
            where, "position, orientation and pixel spacing (0020,0032; 0020,0037; 0028,0030)", "a file without"
        )
    axes = orientation.reshape(2, 3).T
    if np.abs(np.linalg.norm(axes, axis=0) - 1).max() > 0.01 or abs(axes[:, 0] @ axes[:, 1]) > 1e-3:
        raise GeometryError(where, "orthonormal direction cosines (0020,0037)", "others")
    _check_pixel_size(where, dataset, spacing, trust)
    thickness, between = numbers_of(dataset, "SliceThickness", 1), numbers_of(dataset, "SpacingBetweenSlices", 1)
    return DicomSlice(
        path=path,
        dataset=dataset,
        series=text_of(dataset, "SeriesInstanceUID"),
        frame=text_of(dataset, "FrameOfReferenceUID"),
        image_type=text_of(dataset, "ImageType"),
        shape=(columns, rows),
        pixel_mm=spacing[::-1].copy(),  # stated between rows, then between columns
        axes=axes / np.linalg.norm(axes, axis=0),
        position_mm=position,
        thickness_mm=None if thickness is None else float(thickness[0]),
        spacing_mm=None if between is None else float(between[0]),
    )


def _check_pixel_size(where: str, dataset: Dataset, spacing_mm: np.ndarray, trust: HeaderTrust) -> None:
    """Other attributes that state a pixel size, which some kinds of image have, and some readers take."""
    if trust == "sform":
        return
    for keyword in _OTHER_SPACINGS:
        other = numbers_of(dataset, keyword, 2)
        if other is not None and not same_sizes(other, spacing_mm):
            finding = f"pixels of {sizes_text(spacing_mm)} against {sizes_text(other)}"
            raise contradiction(where, f"PixelSpacing and {keyword}", finding, "sform")
    ratio = numbers_of(dataset, "PixelAspectRatio", 2)
    if ratio is not None and ratio.min() > 0 and not same_sizes(ratio[:1] * spacing_mm[1], ratio[1:] * spacing_mm[0]):
        finding = f"pixels of {sizes_text(spacing_mm)} against a ratio {ratio[0]:g}:{ratio[1]:g}"
        raise contradiction(where, "PixelSpacing and PixelAspectRatio", finding, "sform")
