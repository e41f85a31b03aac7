"""Onsets of a slice as a table, which a person may correct: sector, tos_ms, low, high, class."""

from __future__ import annotations

import csv
import io
import logging
import math
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
_CLASSES = {one.name.lower(): int(one) for one in SectorClass}
_LARGEST = 2**20
_FEWEST, _MOST = 6, 4096
_LATEST_MS = 2000.0
"""No heart that beats thirty times a minute or more begins to shorten later."""


def write_onsets(path: Path, onsets: SectorOnsets) -> None:
    """Write the table; times to a tenth of a millisecond.

    Args:
        path: File, which appears whole or not at all.
        onsets: With finite times.
    """
    names = {number: name for name, number in _CLASSES.items()}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for sector in range(onsets.sectors):
        times = (f"{one[sector]:.1f}" for one in (onsets.tos_ms, onsets.low_ms, onsets.high_ms))
        table.writerow([sector, *times, names[int(onsets.classes[sector])]])
    with atomic_file(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def read_onsets(path: Path, *, sectors: int | None = None) -> SectorOnsets:
    """Read the table back, as it was written or as a person has corrected it.

    Onset and class may be changed. An onset that lies outside of its interval has been moved by a person: the interval
    moves with it and keeps its width, which is logged.

    Args:
        path: CSV with the columns of `COLUMNS`, sectors from 0 on in order.
        sectors: How many it must have; default any number.

    Raises:
        InputError: If columns, sectors, numbers or classes are others.
    """
    rows = _rows(path)
    if sectors is not None and len(rows) != sectors:
        raise InputError(path.name, f"rows of {counted(sectors, 'sector')}", str(len(rows)))
    if not _FEWEST <= len(rows) <= _MOST:
        raise InputError(path.name, f"rows of {_FEWEST} to {_MOST} sectors", str(len(rows)))
    times, classes = np.empty((3, len(rows))), np.empty(len(rows), dtype=np.int64)
    for number, row in enumerate(rows):
        at = f"another in row {number + 2}"
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
        at = f"another in row {int(np.argmax(low_ms > high_ms)) + 2}"
        raise InputError(path.name, "intervals whose low is not above their high", at)
    onsets, moved = SectorOnsets(tos_ms, low_ms, high_ms, classes).moved_with_onset()
    if moved.any():
        log.info("%s: the interval of %s moves with its onset", path.name, counted(int(moved.sum()), "sector"))
    return onsets


def _rows(path: Path) -> list[list[str]]:
    rule = f"a table of onsets with the columns {', '.join(COLUMNS)}"
    text = read_head(path, kind=rule, size=_LARGEST + 1)
    if len(text) > _LARGEST:
        raise InputError(path.name, f"a table of at most {_LARGEST:,} bytes", "a larger one")
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text.decode("utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error):
        raise InputError(path.name, rule, "an unreadable file") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(path.name, rule, "others")
    return rows[1:]


def _ms(path: Path, cell: str, at: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _LATEST_MS:
        raise InputError(path.name, f"times of 0 to {_LATEST_MS:g} ms", at)
    return value
