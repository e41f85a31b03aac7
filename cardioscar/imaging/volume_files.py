"""Volumes on disk: NIfTI, NRRD, MetaImage and DICOM in, NIfTI out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.imaging.atomic import atomic_file
from cardioscar.imaging.dicom_series import read_dicom_series
from cardioscar.imaging.file_head import read_head
from cardioscar.imaging.itk_reading import open_image, read_voxels
from cardioscar.imaging.labels import map_labels
from cardioscar.imaging.nifti_header import read_nifti_header
from cardioscar.imaging.volume import Volume

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".ima")
"""Endings of the image files that `read_volume` knows; a folder is read as a DICOM series."""

_NRRD_SPACES = ("left-posterior-superior", "right-anterior-superior", "left-anterior-superior")


def read_volume(path: Path) -> Volume:
    """Read a 3D image into the LPS frame.

    Args:
        path: `.nii`, `.nii.gz`, `.nrrd`, `.nhdr`, `.mha`, `.mhd`, one DICOM file, or a folder of the DICOM
            files of one series (hidden files and `DICOMDIR` are passed over).

    Returns:
        The volume, values indexed (i, j, k), any orientation kept as it is.

    Raises:
        InputError: If the file is missing, unreadable, empty, truncated, of another format, or not 3D.
        GeometryError: If its frame is missing, singular or sheared.
    """
    if path.is_dir():
        try:
            names = sorted(path.iterdir())
        except OSError as error:
            raise InputError(path.name, "a readable folder", error.strerror or "an unreadable one") from None
        files = [p for p in names if p.is_file() and p.name[0] != "." and p.name != "DICOMDIR"]
        return read_dicom_series(files, where=path.name)
    where, head = path.name, read_head(path, kind="an image file", size=1024)
    name = where.lower()
    if name.endswith((".nii", ".nii.gz")):
        return _read_nifti(path)
    if name.endswith((".nrrd", ".nhdr")):
        return _read_nrrd(path, head)
    if name.endswith((".mha", ".mhd")):
        if b"=" not in head:
            raise InputError(where, "a MetaImage", "no MetaImage header")
        return _read_itk(path, "MetaImageIO")
    if name.endswith((".dcm", ".ima")):
        return read_dicom_series([path], where=where)
    raise InputError(where, f"an image ({', '.join(VOLUME_SUFFIXES)})", f"the ending '{path.suffix}'")


def read_labels(path: Path, table: str = "cardioscar") -> Volume:
    """Read a label volume and translate it into cardioscar's labels.

    Args:
        path: As for `read_volume`.
        table: Name of the convention, a key of `LABEL_TABLES`.

    Returns:
        Volume of uint8 `Label` values.

    Raises:
        InputError: As for `read_volume`, and if a value is not in the table.
    """
    volume = read_volume(path)
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
            read_nifti_header(partial)
        except (RuntimeError, InputError, OSError):
            raise PlatformError(f"{path.name}: could not be written (folder missing or disk full?)") from None


def _read_nifti(path: Path) -> Volume:
    header = read_nifti_header(path)
    _check_axes(path.name, header.shape)
    volume = _read_itk(path, "NiftiImageIO", has_frame=header.affine is None)
    return volume if header.affine is None else Volume(volume.values, header.affine, path.name)


def _read_nrrd(path: Path, head: bytes) -> Volume:
    if not head.startswith(b"NRRD"):
        raise InputError(path.name, "an NRRD image", "no NRRD header")
    reader = open_image(path, "NrrdImageIO", path.name)
    space = reader.GetMetaData("NRRD_space") if reader.HasMetaDataKey("NRRD_space") else "none"
    if space not in _NRRD_SPACES:
        raise GeometryError(path.name, "a patient space (left-posterior-superior or its like)", f"{space[:40]}")
    return _read_itk(path, "NrrdImageIO")


def _read_itk(path: Path, image_io: str, *, has_frame: bool = True) -> Volume:
    reader = open_image(path, image_io, path.name)
    size = reader.GetSize()
    _check_axes(path.name, size)
    affine = np.eye(4)
    if has_frame:
        affine[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * np.array(reader.GetSpacing())
        affine[:3, 3] = reader.GetOrigin()
    return Volume(read_voxels(reader, path.name), affine, path.name)


def _check_axes(where: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 3:
        hint = " (one phase of a cine, not all)" if len(shape) > 3 else ""
        raise InputError(where, f"a 3D image{hint}", f"{len(shape)} axes, {'×'.join(map(str, shape))}")
