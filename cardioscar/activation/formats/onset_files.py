"""Onsets of a slice or of all slices as a table, which a person may correct: sector, tos_ms, low, high, class."""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.errors import InputError, counted
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.file_head import read_head

log = logging.getLogger(__name__)

COLUMNS = ("sector", "tos_ms", "low", "high", "class")
"""Sector from 0, onset and its interval in ms, and `normal`, `late` or `scarred`."""
SLICE = "slice"
"""First column where there are several slices: the number of the slice, from 1."""
_MOST_SLICES = 100
_CLASSES = {one.name.lower(): int(one) for one in SectorClass}
_LARGEST = 2**20
_FEWEST, _MOST = 6, 4096
_LATEST_MS = 2000.0
"""No heart that beats thirty times a minute or more begins to shorten later."""


def write_onsets(path: Path, onsets: SectorOnsets) -> None:
    """Write the table of a slice; times to a tenth of a millisecond.

    Args:
        path: File, which appears whole or not at all.
        onsets: With finite times.
    """
    write_heart_onsets(path, [onsets])


def write_heart_onsets(path: Path, slices: Sequence[SectorOnsets]) -> None:
    """Write the table of a heart: `COLUMNS`, and before them the number of the slice where there are several.

    Args:
        path: File, which appears whole or not at all.
        slices: In their order, one and more, with finite times.
    """
    names = {number: name for name, number in _CLASSES.items()}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    several = len(slices) > 1
    table.writerow([SLICE, *COLUMNS] if several else COLUMNS)
    for place, one in enumerate(slices, start=1):
        for sector in range(one.sectors):
            times = (f"{values[sector]:.1f}" for values in (one.tos_ms, one.low_ms, one.high_ms))
            row = [sector, *times, names[int(one.classes[sector])]]
            table.writerow([place, *row] if several else row)
    with atomic_file(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def read_onsets(path: Path, *, sectors: int | None = None) -> SectorOnsets:
    """Read the table of a slice back, see `read_heart_onsets`.

    Raises:
        InputError: As there, and if there are several slices.
    """
    found = read_heart_onsets(path, sectors=sectors)
    if len(found) > 1:
        raise InputError(path.name, "onsets of one slice", f"{len(found)}")
    return found[0]


def read_heart_onsets(path: Path, *, sectors: int | None = None) -> list[SectorOnsets]:
    """Read the table back, as it was written or as a person has corrected it.

    Onset and class may be changed. An onset that lies outside of its interval has been moved by a person: the interval
    moves with it and keeps its width, which is logged.

    Args:
        path: CSV with the columns of `COLUMNS`, behind `SLICE` where there are several slices; slices from 1 and
            sectors from 0 on in order.
        sectors: How many sectors each slice must have; default any number.

    Raises:
        InputError: If columns, slices, sectors, numbers or classes are others.
    """
    rows, first = _rows(path)
    if not first:
        return [_slice(path, rows, 2, sectors)]
    found, at = list[SectorOnsets](), 0
    while at < len(rows):
        name = str(len(found) + 1)
        count = next((n for n, row in enumerate(rows[at:]) if row[0] != name), len(rows) - at)
        if not count or len(found) >= _MOST_SLICES:
            finding = f"another in row {at + 2}"
            raise InputError(path.name, f"slices from 1 on, in order, at most {_MOST_SLICES}", finding)
        found.append(_slice(path, [row[1:] for row in rows[at : at + count]], at + 2, sectors))
        at += count
    if not found:
        raise InputError(path.name, "a slice and more", "none")
    return found


def _slice(path: Path, rows: list[list[str]], first: int, sectors: int | None) -> SectorOnsets:
    """The onsets of the rows of one slice, the first of which has a number in the file."""
    if sectors is not None and len(rows) != sectors:
        raise InputError(path.name, f"rows of {counted(sectors, 'sector')}", str(len(rows)))
    if not _FEWEST <= len(rows) <= _MOST:
        raise InputError(path.name, f"rows of {_FEWEST} to {_MOST} sectors", str(len(rows)))
    times, classes = np.empty((3, len(rows))), np.empty(len(rows), dtype=np.int64)
    for number, row in enumerate(rows):
        at = f"another in row {number + first}"
        if len(row) != len(COLUMNS):
            raise InputError(path.name, f"{len(COLUMNS)} cells in each row", at)
        if row[0] != str(number):
            raise InputError(path.name, "sectors from 0 on, each once and in order", at)
        if row[-1] not in _CLASSES:
            raise InputError(path.name, f"a class of {', '.join(_CLASSES)}", at)
        times[:, number] = [_ms(path, cell, at) for cell in row[1:4]]
        classes[number] = _CLASSES[row[-1]]
    tos_ms, low_ms, high_ms = times
    if (low_ms > high_ms).any():
        at = f"another in row {int(np.argmax(low_ms > high_ms)) + first}"
        raise InputError(path.name, "intervals whose low is not above their high", at)
    onsets, moved = SectorOnsets(tos_ms, low_ms, high_ms, classes).moved_with_onset()
    if moved.any():
        log.info("%s: the interval of %s moves with its onset", path.name, counted(int(moved.sum()), "sector"))
    return onsets


def _rows(path: Path) -> tuple[list[list[str]], bool]:
    """Rows below the first, and whether they begin with the number of a slice."""
    rule = f"a table of onsets with the columns {', '.join(COLUMNS)}"
    text = read_head(path, kind=rule, size=_LARGEST + 1)
    if len(text) > _LARGEST:
        raise InputError(path.name, f"a table of at most {_LARGEST:,} bytes", "a larger one")
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text.decode("utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error):
        raise InputError(path.name, rule, "an unreadable file") from None
    if not rows or tuple(rows[0]) not in (COLUMNS, (SLICE, *COLUMNS)):
        raise InputError(path.name, rule, "others")
    return rows[1:], rows[0][0] == SLICE


def _ms(path: Path, cell: str, at: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _LATEST_MS:
        raise InputError(path.name, f"times of 0 to {_LATEST_MS:g} ms", at)
    return value
