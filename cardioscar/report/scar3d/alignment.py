"""What a report says of slices that were moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def shifts_note(shifts: Mapping[str, Mapping[str, Any]]) -> str:
    """Sentences on the in-plane shifts of slices, for a person who compares the pictures with the scanner's.

    Args:
        shifts: `slice_shifts_mm` of `preprocess.json`.

    Returns:
        Plain text; empty where no shifts were looked for.

    >>> found = {"i": 3.0, "j": 4.0, "error": 0.21, "overlap": 0.93, "finding": "applied"}
    >>> shifts_note({"2": found, "3": found | {"finding": "small"}})
    'Alignment: 1 of 2 slices was moved in its plane to undo an uneven breath-hold (slice 2: 5.0 ± 0.2 mm).'
    """
    if not shifts:
        return ""
    moved = {number: row for number, row in shifts.items() if row["finding"] == "applied"}
    if moved:
        each = ", ".join(f"{number}: {_length_mm(row):.1f} ± {row['error']:.1f} mm" for number, row in moved.items())
        verb, whose, what = ("was", "its plane", "slice") if len(moved) == 1 else ("were", "their planes", "slices")
        note = (
            f"Alignment: {len(moved)} of {len(shifts)} slices {verb} moved in {whose} to undo an uneven breath-hold "
            f"({what} {each})."
        )
    else:
        note = f"Alignment: none of {len(shifts)} slices had to be moved."
    for finding, why in (
        ("too far", "its wall lies more than 10 mm off"),
        ("no match", "its wall is unlike the mesh there"),
    ):
        left = [number for number, row in shifts.items() if row["finding"] == finding]
        if left:
            what = f"slice {left[0]}" if len(left) == 1 else f"slices {', '.join(left)}"
            note += f" Left in place, to be checked: {what} ({why})."
    return note


def _length_mm(row: Mapping[str, Any]) -> float:
    return float(np.hypot(row["i"], row["j"]))
