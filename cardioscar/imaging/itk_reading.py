"""SimpleITK's readers with errors of one clear line and without chatter on stderr."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError

if TYPE_CHECKING:
    import SimpleITK

# ITK refuses a NIfTI sform that is off orthonormal by more than about 1e-5. Ours is the looser and stated
# tolerance of `check_affine`, applied to the header itself; the frame that ITK derives when permissive is
# never used.
_PERMISSIVE = "ITK_NIFTI_SFORM_PERMISSIVE"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ITK's warnings name full paths, which may identify people."""
    import SimpleITK

    shown, permissive = SimpleITK.ProcessObject.GetGlobalWarningDisplay(), os.environ.get(_PERMISSIVE)
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    os.environ[_PERMISSIVE] = "1"
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)
        if permissive is None:
            del os.environ[_PERMISSIVE]
        else:
            os.environ[_PERMISSIVE] = permissive


def open_image(path: Path, image_io: str, where: str) -> SimpleITK.ImageFileReader:
    """Read the header of an image of a known format.

    Args:
        path: Image file.
        image_io: ITK's name of the format: `NiftiImageIO`, `NrrdImageIO`, `MetaImageIO` or `GDCMImageIO`.
        where: Name for errors.

    Returns:
        A reader whose header is read and whose voxels are not.

    Raises:
        InputError: If the file is not of the format.
        GeometryError: If ITK finds its frame impossible.
    """
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(image_io)
    with _quiet():
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise _failure(where, str(error), image_io) from None
    return reader


def read_voxels(reader: SimpleITK.ImageFileReader, where: str) -> np.ndarray:
    """Read the voxels of an opened image, rescaled as its header says.

    Returns:
        Array indexed (i, j, k), ITK's dtype.

    Raises:
        InputError: If the file is truncated or damaged, or has several numbers a voxel.
        GeometryError: If ITK finds its frame impossible.
    """
    import SimpleITK

    if reader.GetNumberOfComponents() != 1:
        raise InputError(where, "one number a voxel", f"{reader.GetNumberOfComponents()}")
    with _quiet():
        try:
            image = reader.Execute()
        except RuntimeError as error:
            raise _failure(where, str(error), reader.GetImageIO()) from None
    return SimpleITK.GetArrayFromImage(image).transpose()


def _failure(where: str, text: str, image_io: str) -> InputError:
    """Translate ITK's exception, whose text names paths and source lines, into one line."""
    if "determinant is 0" in text:
        return GeometryError(where, "an invertible affine", "a singular one")
    if "orthonormal" in text:
        return GeometryError(where, "orthonormal direction cosines", "others")
    kind = {
        "NiftiImageIO": "NIfTI",
        "NrrdImageIO": "NRRD",
        "MetaImageIO": "MetaImage",
        "GDCMImageIO": "DICOM",
    }
    return InputError(where, f"a complete {kind.get(image_io, 'image')} file", "a truncated or damaged one")
