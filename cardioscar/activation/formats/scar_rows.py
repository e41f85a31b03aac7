"""Scar by segments, as lists of the field note it: cells of `SLICE:SEGMENT` in a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Set
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from cardioscar.activation.strain.sectors import sector_centers
from cardioscar.errors import InputError
from cardioscar.imaging.formats.file_head import read_head

_LARGEST = 2**20


def read_scar_rows(path: Path) -> dict[str, frozenset[int]]:
    """Read which segments of which slices are scarred.

    Args:
        path: CSV of cells `SLICE:SEGMENT`, of any number in a row; empty cells count for nothing. A segment is its
            number in its slice, from 1.

    Returns:
        Numbers of scarred segments by the name of the slice.

    Raises:
        InputError: If a cell is of another form.
    """
    rule = "cells of SLICE:SEGMENT, the segment as a number from 1 to 6"
    text = read_head(path, kind="a table of scar", size=_LARGEST + 1)
    if len(text) > _LARGEST:
        raise InputError(path.name, f"a table of at most {_LARGEST:,} bytes", "a larger one")
    try:
        rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        raise InputError(path.name, rule, "an unreadable file") from None
    found: dict[str, set[int]] = {}
    for number, row in enumerate(rows, start=1):
        for cell in (one.strip() for one in row):
            name, mark, segment = cell.rpartition(":")
            if not cell:
                continue
            if not mark or not name.strip() or segment.strip() not in {"1", "2", "3", "4", "5", "6"}:
                raise InputError(path.name, rule, f"another in row {number}")
            found.setdefault(name.strip(), set()).add(int(segment))
    return {name: frozenset(segments) for name, segments in found.items()}


def scarred_sectors(scarred: Set[int], sectors: int, *, segments: int = 6) -> Bool[np.ndarray, " sectors"]:
    """Sectors that lie in scarred segments.

    Six segments are inferoseptal, inferior, inferolateral, anterolateral, anterior and anteroseptal, four are septal,
    inferior, lateral and anterior.

    Args:
        scarred: Numbers of the scarred segments, from 1.
        sectors: How many sectors the slice has.
        segments: How many segments: 6, which begin at the middle of the septum, or 4 of an apical slice, of which the
            septum is the first and lies about that middle.

    Raises:
        InputError: If a segment is none of them.

    >>> scarred_sectors({2}, 12).astype(int).tolist(), scarred_sectors({1}, 8, segments=4).astype(int).tolist()
    ([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 1])
    """
    if segments not in (6, 4) or not all(1 <= one <= segments for one in scarred):
        raise InputError("scar", f"segments 1 to {segments} of a slice of 6 or 4", "others")
    shift = 0 if segments == 6 else np.pi / 4
    number = np.floor(np.mod(sector_centers(sectors) + shift, 2 * np.pi) / (2 * np.pi) * segments).astype(int) + 1
    return np.isin(number, list(scarred))
