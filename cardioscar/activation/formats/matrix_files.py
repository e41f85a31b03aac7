"""Strain matrices, sectors × frames, as `.npz`, `.npy` and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.given import Given, told_times
from cardioscar.activation.strain.checks import check_matrix
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.array_files import read_npy, read_npz

STRAIN_KEYS = ("strain", "circumferential", "ecc")
"""Names under which an archive may hold the circumferential strain."""
KEYS = {*STRAIN_KEYS, "frame_ms", "radial", "longitudinal", "location_mm", "tos_ms", "scarred"}
"""Names of what an archive may hold."""
_LARGEST_CSV = 64 * 2**20
_FEWEST = 2


def read_matrix_npz(path: Path, given: Given = Given()) -> StrainSlice:
    """Read a strain matrix with what belongs to it.

    Args:
        path: Archive of `strain` (sectors × frames, fractions), `frame_ms` (of each frame, or the time between two),
            and, where known, `radial`, `longitudinal`, `location_mm`, `tos_ms` and `scarred`.
        given: What the archive does not say.

    Raises:
        InputError: If there is no strain, or what is there does not fit together.
    """
    return slice_of(read_npz(path, KEYS), given, path.name)


def read_matrix_npy(path: Path, given: Given = Given()) -> StrainSlice:
    """Read a bare strain matrix; frame times are given, or lie beside it in `frame_ms.npy`.

    Args:
        path: `.npy` of a matrix, fractions, sectors × frames.
        given: Frame times, if no file holds them.

    Raises:
        InputError: If it is no matrix, or nobody states the frame times.
    """
    beside = path.with_name("frame_ms.npy")
    stored = {"strain": read_npy(path)}
    if beside.is_file():
        stored["frame_ms"] = read_npy(beside)
    return slice_of(stored, given, path.name)


def read_matrix_csv(path: Path, given: Given = Given()) -> StrainSlice:
    """Read a strain matrix from a table.

    Args:
        path: A row for each sector and a column for each frame. The first row holds the frame times in ms behind a word
            such as `sector`; the first column then numbers the sectors from 0 or 1. Without that row all cells are
            strain, and frame times are given. Commas, semicolons or tabulators stand between cells.
        given: Frame times, if there is no such row.

    Raises:
        InputError: If it is no table of numbers, or nobody states the frame times.
    """
    rows = _rows(path)
    stored = {}
    if _number(rows[0][0]) is None:
        stored["frame_ms"] = np.array(_numbers(path, rows[0][1:], 1))
        table = [_numbers(path, row, number) for number, row in enumerate(rows[1:], start=2)]
        if not table:
            raise InputError(path.name, "a row for each sector", "none")
        sectors = [row[0] for row in table]
        if sectors != [sectors[0] + one for one in range(len(sectors))] or sectors[0] not in (0, 1):
            raise InputError(path.name, "sectors numbered in order in the first column, from 0 or 1", "another column")
        stored["strain"] = np.array([row[1:] for row in table])
    else:
        stored["strain"] = np.array([_numbers(path, row, number) for number, row in enumerate(rows, start=1)])
    return slice_of(stored, given, path.name)


def write_matrix(path: Path, one: StrainSlice, more: Mapping[str, np.ndarray] | None = None) -> None:
    """Write a slice as `read_matrix_npz` reads it; equal slices give equal bytes.

    Args:
        path: `.npz`.
        one: The slice.
        more: Further arrays by name, which other readers know.

    Raises:
        PlatformError: If it cannot be written.
    """
    stored = {
        "strain": one.circumferential,
        "frame_ms": one.frame_ms,
        "radial": one.radial,
        "longitudinal": one.longitudinal,
        "location_mm": one.location_mm,
        "tos_ms": one.tos_ms,
        "scarred": one.scarred,
    }
    with atomic_file(path) as partial:
        np.savez_compressed(
            partial,
            allow_pickle=False,
            **{key: np.asarray(value) for key, value in (stored | dict(more or {})).items() if value is not None},
        )


def slice_of(stored: dict[str, np.ndarray], given: Given, where: str) -> StrainSlice:
    """The slice of arrays by name, see `read_matrix_npz`.

    Raises:
        InputError: If there is no strain, or what is there does not fit together.
    """
    names = [name for name in STRAIN_KEYS if name in stored]
    if len(names) != 1:
        raise InputError(
            where, "strain of sectors × frames under the name 'strain'", f"{len(names)} arrays of that kind"
        )
    tos = stored.get("tos_ms")
    times = told_times(stored.get("frame_ms"), given)
    strain = check_matrix(stored[names[0]], times, where=where, sectors=None if tos is None else tos.size)
    if strain.shape[1] < _FEWEST:
        raise InputError(where, f"{_FEWEST} frames and more", f"{strain.shape[1]}")
    frame_ms = given.times(stored.get("frame_ms"), strain.shape[1], where=where)
    others = {}
    for name in ("radial", "longitudinal"):
        if name in stored:
            others[name] = check_matrix(stored[name], times, where=where, sectors=len(strain))
    location = stored.get("location_mm")
    if location is not None and (location.size != 1 or not np.isfinite(location).all()):
        raise InputError(where, "one location of the slice in mm", f"shape {location.shape}")
    scarred = stored.get("scarred")
    if scarred is not None and (scarred.size != len(strain) or not np.isin(scarred, (0, 1)).all()):
        raise InputError(where, f"scar as 0 or 1 for each of {len(strain)} sectors", f"{scarred.size} values")
    if tos is not None and not (np.isfinite(tos).all() and tos.min() >= 0):
        raise InputError(where, "times of onset in ms, 0 and more", "others")
    found = StrainSlice(
        strain,
        frame_ms,
        location_mm=given.location_mm if location is None else float(location.ravel()[0]),
        tos_ms=None if tos is None else tos.ravel().astype(np.float64),
        scarred=None if scarred is None else scarred.ravel().astype(bool),
        source=where,
        **others,
    )
    if given.first_sector or given.towards_anterior:
        return found.turned(given.first_sector, reverse=given.towards_anterior)
    return found


def _rows(path: Path) -> list[list[str]]:
    rule = "a table of numbers (CSV)"
    try:
        if path.stat().st_size > _LARGEST_CSV:
            raise InputError(path.name, f"a table of at most {_LARGEST_CSV:,} bytes", "a larger one")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(path.name, rule, "none of that name") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(path.name, rule, "an unreadable file") from None
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=mark) if any(cell.strip() for cell in row)]
    except csv.Error:
        raise InputError(path.name, rule, "something else") from None
    if not rows or not rows[0][0].strip():
        raise InputError(path.name, rule, "an empty file" if not rows else "a table whose first cell is empty")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise InputError(path.name, f"{len(rows[0])} cells in each row", f"{len(row)} in row {number}")
    return rows


def _numbers(path: Path, cells: list[str], row: int) -> list[float]:
    values = [_number(cell) for cell in cells]
    bad = sum(value is None for value in values)
    if bad:
        raise InputError(path.name, "numbers in all cells", f"{bad} of other kinds in row {row}")
    return [value for value in values if value is not None]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
