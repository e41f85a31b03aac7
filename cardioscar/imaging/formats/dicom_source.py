"""The images of a DICOM series in the slices of a volume that was read of it, for objects that refer to them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom, text_of
from cardioscar.imaging.formats.dicom_slice import DicomSlice, read_slice
from cardioscar.imaging.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

APART_MM = 0.1
"""How far an image may lie beside the slice that it is taken for: positions are rounded decimal strings."""
_NEEDED = ("SOPInstanceUID", "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""What a derived object repeats and may leave empty; images under a pseudonym often lack some."""


def source_images(volume: Volume, sources: Sequence[Path]) -> list[Dataset]:
    """The images of a series in the order of the slices of a volume that was read of it.

    Args:
        volume: On the grid of the series.
        sources: Files of the series, in any order.

    Raises:
        InputError: If files cannot be read, carry identifiers, or lack what a reference needs.
        GeometryError: If they do not lie in the slices of the volume, one in each.
    """
    headers = [read_slice(path, volume.source) for path in sources]
    rows, shape = Affine(volume.affine), volume.values.shape
    found: dict[int, Dataset] = {}
    for header in headers:
        index = rows.mm_to_index(header.position_mm[None])[0]
        off_mm = np.abs(index - [0, 0, round(index[2])]) * volume.spacing_mm
        k = round(float(index[2]))
        if (
            header.shape != shape[:2]
            or not 0 <= k < shape[2]
            or off_mm.max() > APART_MM
            or not _aligned(header, volume)
        ):
            raise GeometryError(volume.source, "images in the slices of the labels", "one elsewhere")
        if k in found:
            raise GeometryError(volume.source, "one image for each slice", "two in one")
        found[k] = _complete(header, volume.source)
    if len(found) != shape[2]:
        raise GeometryError(volume.source, f"an image for each of {shape[2]} slices", str(len(found)))
    return [found[k] for k in range(shape[2])]


def _aligned(header: DicomSlice, volume: Volume) -> bool:
    steps = header.axes * header.pixel_mm
    # over the whole picture, not a pixel, must the two stay together
    return bool((np.linalg.norm(steps - volume.affine[:3, :2], axis=0) * header.shape).max() <= APART_MM * 10)


def _complete(header: DicomSlice, where: str) -> Dataset:
    missing = [name for name in _NEEDED if not text_of(header.dataset, name)]
    if missing:
        raise InputError(where, f"DICOM images with {missing[0]}, by which others refer to them", "one without")
    with quiet_pydicom():
        for name in _MAY_BE_EMPTY:
            if name not in header.dataset:
                setattr(header.dataset, name, "")
    return header.dataset


def derived_uid(*words: str) -> str:
    """A UID that follows from words: the same content makes the same object, which an archive then holds once."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["cardioscar", *map(str, words)]))


def content_sha256(*parts: bytes | str) -> str:
    """Hash of what an object holds."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
    return digest.hexdigest()
