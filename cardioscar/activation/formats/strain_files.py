"""The door for strain: whatever a file or a folder holds of it, as slices of one type."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.displacement_files import read_displacement
from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.heart_files import slices_of
from cardioscar.activation.formats.label_files import read_label_strain
from cardioscar.activation.formats.matrix_files import KEYS, read_matrix_csv, read_matrix_npy, slice_of
from cardioscar.activation.formats.record_files import read_records
from cardioscar.activation.formats.strain_parts import strain_ending, strain_parts
from cardioscar.activation.formats.surface_files import read_moving_surface
from cardioscar.activation.formats.workspace import read_workspace
from cardioscar.activation.strain.checks import check_strain
from cardioscar.activation.strain.displacement import displacement_strain
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sectors import heading_in_picture
from cardioscar.activation.strain.surfaces import surface_strain
from cardioscar.errors import InputError
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR
from cardioscar.imaging.formats.array_files import read_header, read_npz
from cardioscar.imaging.formats.cine_files import CINE_SUFFIXES
from cardioscar.imaging.formats.file_head import read_head
from cardioscar.imaging.formats.vtk_files import VTK_SUFFIXES

DISPLACEMENT = "displacement.npz"
"""Name of a displacement field in a folder."""
LABELS = "labels"
"""Name, without its ending, of the labels of a cine in a folder."""
_NUMBERED = re.compile(r"(.*?)(\d+)")


def read_strain(path: Path, given: Given = Given(), *, sectors: int = SECTORS) -> list[StrainSlice]:
    """Read the strain of one heart.

    Args:
        path: A strain matrix (`.npz`, `.npy`, `.csv`), a list of records (`.npy`), a workspace of DENSEanalysis
            (`.mat`, `.dns`), a displacement field (`.npz`), labels of a cine through the beat (4D `.nii`, `.nii.gz`),
            or a folder: of `displacement.npz`, of `labels.nii.gz` and perhaps the `cine.nii.gz` or folder `cine` that
            it was drawn on, of surfaces (one file a frame, numbered at the end of the name), or of files or folders of
            single slices.
        given: What the files do not say.
        sectors: Number of sectors to bring all slices to.

    Returns:
        Slices as `check_strain` wants them, in the order of their names.

    Raises:
        InputError: If something is missing, or breaks a rule of its format or of strain.
    """
    return [check_strain(one).with_sectors(sectors) for one in _read(path, given, sectors)]


def _read(path: Path, given: Given, sectors: int) -> list[StrainSlice]:
    if path.is_dir():
        return _of_folder(path, given, sectors)
    kind = "a file or folder of strain"
    reader = _READERS.get(strain_ending(path))
    if reader is None:
        raise InputError(path.name, f"{kind} ({', '.join(_READERS)})", "none of that name or ending")
    read_head(path, kind=kind, size=1)
    return reader(path, given, sectors)


def _of_folder(folder: Path, given: Given, sectors: int) -> list[StrainSlice]:
    entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    field = folder / DISPLACEMENT
    if field.is_file():
        return _READERS[".npz"](field, given, sectors)
    labels = [folder / f"{LABELS}{one}" for one in CINE_SUFFIXES if (folder / f"{LABELS}{one}").is_file()]
    if labels:
        cines = [folder / name for name in ("cine", "cine.nii", "cine.nii.gz") if (folder / name).exists()]
        return read_label_strain(labels[0], given, cine=cines[0] if cines else None, sectors=sectors)[0]
    surfaces = [one for one in entries if one.suffix.lower() in VTK_SUFFIXES]
    if surfaces:
        return _of_surfaces(_frames(surfaces), given, sectors)
    parts = strain_parts(folder)
    if not parts:
        rule = f"a folder with strain ({DISPLACEMENT}, {LABELS}.nii.gz, matrices, surfaces)"
        raise InputError(folder.name, rule, "none of them")
    return [piece for one in parts for piece in _read(one, given, sectors)]


def _frames(surfaces: list[Path]) -> list[Path]:
    """Files of one surface in the order of their numbers; of several surfaces the endocardium."""
    groups: dict[str, list[tuple[int, Path]]] = {}
    for path in surfaces:
        match = _NUMBERED.fullmatch(path.stem)
        if match:
            groups.setdefault(match[1].lower(), []).append((int(match[2]), path))
    if len(groups) > 1:
        groups = {name: files for name, files in groups.items() if "endo" in name and "rv" not in name}
    if len(groups) != 1:
        rule = "the frames of one surface, numbered at the end of their names (of several, one with 'endo' in its name)"
        raise InputError(surfaces[0].name, rule, f"{len(groups)} such")
    [files] = groups.values()
    return [path for _, path in sorted(files)]


def _of_surfaces(paths: list[Path], given: Given, sectors: int) -> list[StrainSlice]:
    septum = _septum(given, 3)
    return surface_strain(
        read_moving_surface(paths, given), RIGHT_ANTERIOR if septum is None else septum, sectors=sectors
    )


def _of_archive(path: Path, given: Given, sectors: int) -> list[StrainSlice]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise InputError(path.name, "a complete .npz file", "a truncated or damaged one, or none") from None
    if not names & {"displacement.npy", "mask.npy"}:
        stored = read_npz(path, KEYS)
        several = "strain" in stored and stored["strain"].ndim == 3
        return slices_of(stored, given, path.name) if several else [slice_of(stored, given, path.name)]
    septum = _septum(given, 2)
    heading = heading_in_picture() if septum is None else heading_in_picture(septum)
    return [displacement_strain(read_displacement(path, given), heading=heading, sectors=sectors)]


def _of_npy(path: Path, given: Given, sectors: int) -> list[StrainSlice]:
    with path.open("rb") as stream:
        dtype = read_header(stream, path.name)[2]
    return read_records(path, given) if dtype.hasobject else [read_matrix_npy(path, given)]


def _septum(given: Given, axes: int) -> np.ndarray | None:
    if not given.septum:
        return None
    if len(given.septum) != axes:
        raise InputError("septum", f"a direction of {axes} numbers for this strain", f"{len(given.septum)}")
    return np.array(given.septum, dtype=np.float64)


_READERS: dict[str, Callable[[Path, Given, int], list[StrainSlice]]] = {
    ".npz": _of_archive,
    ".npy": _of_npy,
    ".csv": lambda path, given, _: [read_matrix_csv(path, given)],
    ".mat": lambda path, given, _: [read_workspace(path, given)],
    ".dns": lambda path, given, _: [read_workspace(path, given)],
    **{one: lambda path, given, sectors: read_label_strain(path, given, sectors=sectors)[0] for one in CINE_SUFFIXES},
}
