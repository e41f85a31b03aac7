"""Which files of a folder hold strain of single slices: one list for all who read such a folder."""

from __future__ import annotations

from pathlib import Path

from cardioscar.imaging.formats.cine_files import CINE_SUFFIXES

SUFFIXES = (".npz", ".npy", ".csv", ".mat", ".dns", *CINE_SUFFIXES)
"""Endings of files of strain."""
_TIMES = "frame_ms.npy"


def strain_ending(path: Path) -> str:
    """Ending of a file, lower-case; that of a packed image whole."""
    return next((one for one in CINE_SUFFIXES if path.name.lower().endswith(one)), path.suffix.lower())


def strain_parts(folder: Path) -> list[Path]:
    """Files and folders of single slices, in the order of their names; all else in the folder is not read."""
    found = (one for one in folder.iterdir() if one.is_dir() or strain_ending(one) in SUFFIXES)
    return sorted(one for one in found if not one.name.startswith(".") and one.name != _TIMES)
