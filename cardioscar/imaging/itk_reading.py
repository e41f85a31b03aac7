"""SimpleITK's reader of compressed DICOM, with errors of one clear line and without chatter on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ITK's warnings name full paths, which may identify people."""
    import SimpleITK

    shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)


def read_compressed_dicom(path: Path, where: str) -> np.ndarray:
    """Unpack a DICOM image, rescaled as its header says.

    Args:
        path: DICOM file.
        where: Name for errors.

    Returns:
        Array indexed (i, j, k), ITK's dtype.

    Raises:
        InputError: If the pixels are damaged.
    """
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    with _quiet():
        try:
            image = reader.Execute()
        except RuntimeError:  # its text names paths and source lines
            raise InputError(where, "a complete DICOM file", "a truncated or damaged one") from None
    values = SimpleITK.GetArrayFromImage(image).transpose()
    return values if values.ndim == 3 else values[..., None]
