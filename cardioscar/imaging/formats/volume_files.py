"""Volumes on disk: NIfTI, NRRD, MetaImage and DICOM in, NIfTI out."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.dicom_series import read_dicom_series
from cardioscar.imaging.formats.file_head import read_head
from cardioscar.imaging.formats.header_trust import HeaderTrust, sizes_text
from cardioscar.imaging.formats.metaimage_files import read_metaimage
from cardioscar.imaging.formats.nifti_files import read_nifti
from cardioscar.imaging.formats.nrrd_files import read_nrrd
from cardioscar.imaging.formats.voxel_bytes import check_finite
from cardioscar.imaging.labels import map_labels
from cardioscar.imaging.volume import Volume

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".ima")
"""Endings of the image files that `read_volume` knows; a folder is read as a DICOM series."""

VOXEL_MM = (0.01, 100.0)
"""Sides of a voxel that an image of a heart can have; others are those of a wrong unit."""

log = logging.getLogger(__name__)


def read_volume(path: Path, trust: HeaderTrust = "agree") -> Volume:
    """Read a 3D image into the LPS frame.

    Args:
        path: `.nii`, `.nii.gz`, `.nrrd`, `.nhdr`, `.mha`, `.mhd`, one DICOM file, or a folder of the DICOM
            files of one series (hidden files and `DICOMDIR` are passed over).
        trust: Which statement of a header counts where two contradict each other; by default none, they are refused.

    Returns:
        The volume, values indexed (i, j, k), any orientation kept as it is.

    Raises:
        InputError: If the file is missing, unreadable, empty, truncated, of another format, or not 3D.
        GeometryError: If its header contradicts itself, or its frame is missing, singular, sheared, or of another order
            of size than a heart's.
    """
    with claimed_memory(path.name):
        volume = _read(path, trust)
        check_finite(volume.source, volume.values)
    sizes, (least, most) = volume.spacing_mm, VOXEL_MM
    if sizes.min() < least or sizes.max() > most:
        raise GeometryError(
            volume.source, f"voxels of {least:g} to {most:g} mm", f"{sizes_text(sizes)} (another unit?)"
        )
    if np.array_equal(volume.affine, np.eye(4)) or np.array_equal(volume.affine, np.diag([-1.0, -1, 1, 1])):
        log.warning("%s has the frame of an image that was given none: voxels of 1 mm, at the origin", volume.source)
    return volume


def _read(path: Path, trust: HeaderTrust) -> Volume:
    if path.is_dir():
        return read_dicom_series(dicom_files(path), where=path.name, trust=trust)
    where = path.name.lower()
    read_head(path, kind="an image file", size=1)
    if where.endswith((".nii", ".nii.gz")):
        return read_nifti(path, trust)
    if where.endswith((".nrrd", ".nhdr")):
        return read_nrrd(path, trust)
    if where.endswith((".mha", ".mhd")):
        return read_metaimage(path, trust)
    if where.endswith((".dcm", ".ima")):
        return read_dicom_series([path], where=path.name, trust=trust)
    raise InputError(path.name, f"an image ({', '.join(VOLUME_SUFFIXES)})", "another ending")


def dicom_files(folder: Path) -> list[Path]:
    """Files of a DICOM folder, by name; hidden ones and `DICOMDIR` are passed over.

    Raises:
        InputError: If the folder cannot be read, or holds folders.
    """
    try:
        paths = [p for p in sorted(folder.iterdir()) if p.name[0] != "." and p.name != "DICOMDIR"]
    except OSError as error:
        raise InputError(folder.name, "a readable folder", error.strerror or "an unreadable one") from None
    inner = sum(p.is_dir() for p in paths)
    if inner:
        finding = f"{inner} folder{'s' if inner > 1 else ''} in it"
        raise InputError(folder.name, "the DICOM files themselves in the folder", finding)
    return [p for p in paths if p.is_file()]


def read_labels(path: Path, table: str = "cardioscar", trust: HeaderTrust = "agree") -> Volume:
    """Read a label volume and translate it into cardioscar's labels.

    Args:
        path: As for `read_volume`.
        table: Name of the convention, a key of `LABEL_TABLES`.
        trust: As for `read_volume`.

    Returns:
        Volume of uint8 `Label` values.

    Raises:
        InputError: As for `read_volume`, and if a value is not in the table.
    """
    volume = read_volume(path, trust)
    with claimed_memory(volume.source):
        labels = map_labels(volume.values, table, where=volume.source)
    return Volume(labels, volume.affine, volume.source, volume.slice_thickness_mm)


def write_volume(path: Path, volume: Volume) -> None:
    """Write a volume as NIfTI; the file appears whole or not at all.

    Args:
        path: Ends in `.nii` or `.nii.gz`; an existing file is replaced.
        volume: Booleans are written as uint8, half precision as float32.

    Raises:
        InputError: If the ending is another, or a value is not finite.
        PlatformError: If it cannot be written (folder missing, disk full).
    """
    import SimpleITK

    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise InputError(path.name, "the ending .nii or .nii.gz", f"'{path.suffix}'")
    values = volume.values
    bad = int((~np.isfinite(values)).sum())
    if bad:  # ITK, and with it many programs, reads NaN as zero
        raise InputError(path.name, "finite voxel values", f"{bad} others")
    if values.dtype == bool:
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.transpose()))
    spacing = volume.spacing_mm
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetDirection((volume.affine[:3, :3] / spacing).ravel().tolist())
    with atomic_file(path) as partial:
        try:
            SimpleITK.WriteImage(image, str(partial), useCompression=True)
            # ITK does not notice a full disk, so the file is read back before it gets its name.
            read_nifti(partial)
        except (RuntimeError, InputError, OSError):
            raise PlatformError(f"{path.name}: could not be written (folder missing or disk full?)") from None
