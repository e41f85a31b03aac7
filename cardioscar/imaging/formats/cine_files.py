"""Cines on disk: 4D NIfTI and folders of DICOM in, 4D NIfTI out."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.cine import Cine, canonical_cine, check_same_grid
from cardioscar.imaging.formats.cine_times import nifti_times_ms
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.dicom_cine import read_dicom_cine
from cardioscar.imaging.formats.file_head import read_head
from cardioscar.imaging.formats.header_trust import HeaderTrust, sizes_text
from cardioscar.imaging.formats.nifti_files import read_nifti_cine
from cardioscar.imaging.formats.nifti_header import NiftiHeader
from cardioscar.imaging.formats.volume_files import VOXEL_MM, dicom_files
from cardioscar.imaging.formats.voxel_bytes import check_finite
from cardioscar.imaging.labels import map_labels
from cardioscar.imaging.short_axis import check_short_axis

CINE_SUFFIXES = (".nii", ".nii.gz")
"""Endings of the files that `read_cine` knows; a folder is read as a DICOM cine."""

log = logging.getLogger(__name__)


def read_cine(path: Path, trust: HeaderTrust = "agree") -> Cine:
    """Read a short-axis cine into the LPS frame and the one order of storage.

    Args:
        path: 4D `.nii` or `.nii.gz`, or a folder of the DICOM files of one stack.
        trust: Which statement of a header counts where two contradict each other; by default none, they are refused.

    Returns:
        Slices from the usual apex to the base, whatever their order in the file; `slice_numbers` says where they were.

    Raises:
        InputError: If the file is missing, unreadable, truncated, of another format, not 4D, or of one frame; if frames
            are missing or repeated; if its times are of no heart beat in the unit that is stated.
        GeometryError: If its header contradicts itself, pixels or slices differ in size, place or distance, or slices
            are long-axis.
    """
    with claimed_memory(path.name):
        cine = _read(path, trust)
        check_finite(cine.source, cine.values)
        cine = canonical_cine(cine)
    check_short_axis(cine.source, cine.grid.normal(2), slices=cine.slices)
    return cine


def read_cine_labels(path: Path, beside: Cine | None, table: str = "cardioscar", trust: HeaderTrust = "agree") -> Cine:
    """Read the labels of a cine: a 4D NIfTI of its pixels, slices and frames.

    A slice or frame without labels is legal: nobody drew there.

    Args:
        path: `.nii` or `.nii.gz`.
        beside: The cine, as `read_cine` returns it; None where the labels are all there is.
        table: Name of the convention, a key of `LABEL_TABLES`.
        trust: As for `read_cine`.

    Returns:
        uint8 values of `Label`, on the grid and at the times of the cine, or of their own.

    Raises:
        InputError: As for `read_cine`, or if a value is not in the table.
        GeometryError: If they are labels of other pixels, slices, frames, or of another place.
    """
    with claimed_memory(path.name):
        read_head(path, kind="a label image", size=1)
        _check_ending(path)
        values, affine, header = read_nifti_cine(path, trust)
        times = None if beside else _times_ms(path.name, header)
        labels = canonical_cine(Cine(map_labels(values, table, where=path.name), affine, times, path.name))
    if beside is None:
        check_short_axis(labels.source, labels.grid.normal(2), slices=labels.slices)
        return labels
    check_same_grid(beside, labels)
    return replace(beside, values=labels.values, source=path.name)


def write_cine(path: Path, cine: Cine) -> None:
    """Write a cine, or its labels, as 4D NIfTI; the file appears whole or not at all.

    NIfTI has one time between frames: where they are uneven, it is their mean.

    Args:
        path: Ends in `.nii` or `.nii.gz`; an existing file is replaced.
        cine: Booleans are written as uint8, half precision as float32.

    Raises:
        InputError: If the ending is another, or a value is not finite.
        PlatformError: If it cannot be written (folder missing, disk full).
    """
    import SimpleITK

    _check_ending(path)
    check_finite(path.name, cine.values)
    kinds = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}
    values = cine.values.astype(kinds.get(cine.values.dtype, cine.values.dtype), copy=False)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.transpose()), isVector=False)
    direction, sizes = np.eye(4), cine.grid.spacing_mm
    direction[:3, :3] = cine.affine[:3, :3] / sizes
    # ITK marks the unit as seconds; 1 says that none is known
    step_s = 1.0 if cine.beat_ms is None else cine.beat_ms / cine.frames / 1000
    image.SetSpacing([*sizes.tolist(), step_s])
    image.SetOrigin([*cine.affine[:3, 3].tolist(), 0.0])
    image.SetDirection(direction.ravel().tolist())
    with atomic_file(path) as partial:
        try:
            SimpleITK.WriteImage(image, str(partial), useCompression=True)
            read_nifti_cine(partial)  # ITK does not notice a full disk
        except (RuntimeError, InputError, OSError):
            raise PlatformError(f"{path.name}: could not be written (folder missing or disk full?)") from None


def _read(path: Path, trust: HeaderTrust) -> Cine:
    if path.is_dir():
        cine = read_dicom_cine(dicom_files(path), where=path.name, trust=trust)
    else:
        read_head(path, kind="a cine", size=1)
        _check_ending(path)
        values, affine, header = read_nifti_cine(path, trust)
        cine = Cine(values, affine, _times_ms(path.name, header), path.name)
    sizes, (least, most) = cine.grid.spacing_mm, VOXEL_MM
    if sizes.min() < least or sizes.max() > most:
        finding = f"{sizes_text(sizes)} (another unit?)"
        raise GeometryError(cine.source, f"voxels of {least:g} to {most:g} mm", finding)
    _check_repeated(cine)
    return cine


def _times_ms(where: str, header: NiftiHeader) -> np.ndarray | None:
    return nifti_times_ms(where, header.frames, step=header.frame_step, first=header.first_time, code=header.time_code)


def _check_repeated(cine: Cine) -> None:
    """Refuse a picture that is missing or stands twice, in all slices or in one: noise never repeats."""
    empty = np.ptp(cine.values, axis=(0, 1)) == 0
    if empty.all():
        raise InputError(cine.source, "images", "one number for all pixels of each slice")
    shown = ~empty.all(axis=1)  # a slice without any picture is padding, and no concern
    for k in np.flatnonzero(shown):
        at = f"slice {k} (from 0, of {cine.slices})"
        if empty[k].any():
            finding = f"none in frame {int(np.argmax(empty[k]))} of {at}: a missing frame?"
            raise InputError(cine.source, "a picture in every frame", finding)
        values = cine.values[:, :, k]
        for t in range(cine.frames):
            after = (t + 1) % cine.frames
            if np.array_equal(values[..., t], values[..., after]):
                finding = f"frame {after} the same as frame {t} in {at}"
                raise InputError(cine.source, "frames that differ", finding)


def _check_ending(path: Path) -> None:
    if not path.name.lower().endswith(CINE_SUFFIXES):
        raise InputError(path.name, "a cine (.nii, .nii.gz, or a folder of DICOM files)", "another ending")
