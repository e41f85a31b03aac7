"""Which cells of a mesh are LV wall, by the numbers that tell its regions apart.

A simulation's mesh may hold the bath around the heart, the right ventricle, atria and more, told apart by a tag of each
cell: the fourth column of an openCARP `.elem`, or a cell array of a VTK file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from cardioscar.errors import GeometryError
from cardioscar.imaging.formats.mesh_arrays import TAG_NAMES, plain

BATH_TAG = 0
"""openCARP's tag of the bath, the fluid around the heart."""

# Names that openCARP's tags have in VTK files: those of meshtool, and ours. In arrays of other names 0 may be anything.
_CARP_NAMES = ("elemtag", "elementtag")
_MOST_LISTED = 12
_LONG = 100_000


def tags_of(cell_data: Any, *, name: str | None = None, source: str = "mesh") -> Int[np.ndarray, " cells"] | None:
    """The tag of each cell.

    Args:
        cell_data: Cell arrays by name.
        name: Name of the array; by default the first that `TAG_NAMES` lists and that holds one whole number a cell.
        source: File name, for messages.

    Returns:
        Tags, or None where there is no such array and none was asked for.

    Raises:
        GeometryError: If the array that was asked for is not there, or does not hold one whole number a cell.
    """
    if name is not None:
        tags = _whole(cell_data[name]) if name in cell_data else None
        if tags is None:
            finding = "an array of other values" if name in cell_data else "none of that name"
            raise GeometryError(source, "a cell array of whole numbers by the name of tag_array", finding)
        return tags
    found = sorted((n for n in cell_data if plain(n) in TAG_NAMES), key=lambda n: (TAG_NAMES.index(plain(n)), n))
    return next((tags for n in found if (tags := _whole(cell_data[n])) is not None), None)


def bath_of(cell_data: Any) -> Bool[np.ndarray, " cells"] | None:
    """Cells of the bath: those of openCARP's tag 0 where other cells have other tags; None where there are none."""
    for name in cell_data:
        if plain(name) in _CARP_NAMES and (tags := _whole(cell_data[name])) is not None:
            bath = tags == BATH_TAG
            return bath if bath.any() and not bath.all() else None
    return None


def chosen(
    tags: Int[np.ndarray, " cells"] | None,
    wall_tags: Sequence[int],
    cell_ml: np.ndarray,
    *,
    source: str = "mesh",
) -> Bool[np.ndarray, " cells"]:
    """Cells of the tags that a subject's settings name as wall.

    Args:
        tags: Tag of each cell; None where the mesh has none.
        wall_tags: Tags of the wall.
        cell_ml: Volume of each cell in ml, for the message.
        source: File name, for messages.

    Raises:
        GeometryError: If the mesh has no tags, or lacks one of these; the message lists those that it has.
    """
    if tags is None:
        rule = (
            "a tag of each cell for wall_tags (a cell array elemTag, tag, region, …, or the name of one as tag_array)"
        )
        raise GeometryError(source, rule, "none")
    missing = sorted(set(wall_tags) - set(np.unique(tags).tolist()))
    if missing:
        rule = f"cells of the tags {', '.join(map(_said, sorted(wall_tags)))} (wall_tags)"
        raise GeometryError(source, rule, f"the tags {listed(tags, cell_ml)}")
    return np.isin(tags, list(wall_tags))


def listed(tags: Int[np.ndarray, " cells"], cell_ml: np.ndarray) -> str:
    """Tags with their volumes, the largest first, for a message.

    >>> listed(np.array([1, 1, 2]), np.array([60.0, 60.0, 40.0]))
    '1 (120.0 ml), 2 (40.0 ml)'
    """
    values, row = np.unique(tags, return_inverse=True)
    volume = np.bincount(row.reshape(-1), weights=cell_ml)
    order = np.argsort(-volume, kind="stable")
    text = ", ".join(f"{_said(int(values[n]))} ({volume[n]:,.1f} ml)" for n in order[:_MOST_LISTED])
    return text if len(order) <= _MOST_LISTED else f"{text} and {len(order) - _MOST_LISTED} more"


def _said(tag: int) -> str:
    """A tag; of one of many digits, which may be a date or a record number, that it is one."""
    return f"{tag}" if abs(tag) < _LONG else "a long one"


def _whole(array: Any) -> Int[np.ndarray, " cells"] | None:
    values = np.asarray(array)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.number):
        return None
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64)
    if not np.isfinite(values).all() or (np.abs(values) > 2**31).any() or (values != np.rint(values)).any():
        return None
    return values.astype(np.int64)
