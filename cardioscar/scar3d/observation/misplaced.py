"""Slices that do not lie where the mesh is: what alignment found, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MISPLACED = {"too far": "more than 10 mm from the mesh", "no match": "unlike the mesh's cross-section"}
"""What alignment found out about a slice that it could not place."""


def misplaced(shifts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which slices do not fit the mesh, in a sentence for each finding.

    Args:
        shifts: `slice_shifts_mm` of `preprocess.json`.

    >>> misplaced({"3": {"finding": "small"}, "4": {"finding": "no match"}})
    ["slice 4 is not where it should be: its wall is unlike the mesh's cross-section"]
    """
    said = []
    for finding, phrase in MISPLACED.items():
        numbers = [number for number, shift in shifts.items() if shift["finding"] == finding]
        if len(numbers) == 1:
            said.append(f"slice {numbers[0]} is not where it should be: its wall is {phrase}")
        elif numbers:
            said.append(f"slices {', '.join(numbers)} are not where they should be: their wall is {phrase}")
    return said
