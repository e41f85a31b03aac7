"""A finished map as a mesh of openCARP: regions as element tags, fibres by a rule, nodes of both surfaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.scar3d.channels.zones import element_tags
from cardioscar.scar3d.scar_mesh import write_scar_tags

OPEN = 0.5
"""Share of draws in which a channel must be open to conduct."""


def write_map_opencarp(stem: Path, mesh: LVMesh, *, threshold: float, likely: float) -> dict[int, int]:
    """Write `.pts`, `.elem`, `.lon` and `_endo.vtx`, `_epi.vtx` of a map.

    The same as `--infer.write-opencarp` writes with the map, but for cells that are no wall: these are not in the map's
    file.

    Args:
        stem: Path without ending.
        mesh: The wall with the point data of a map, LV coordinates among them.
        threshold: Mean probability from which an element is scar.
        likely: Mean probability from which it is scar even in a channel.

    Returns:
        How many elements have each tag.

    Raises:
        GeometryError: If the wall has no LV coordinates, from which fibres follow, and no fibres of its own.
    """
    data = mesh.grid.point_data
    if "fiber" not in mesh.grid.cell_data and ("transmural" not in data or "apicobasal" not in data):
        raise GeometryError(mesh.source, "LV coordinates, from which fibres follow", "a wall without")
    probability = np.asarray(data["scar_probability"], dtype=float)
    border = np.asarray(data["border_zone"]) > 0 if "border_zone" in data else None
    channel = None
    if "channel" in data:
        # a share that is not known (no draws) closes none
        channel = (np.asarray(data["channel"]) > 0) & ~(np.asarray(data["channel_open_probability"]) < OPEN)
    tags = element_tags(
        mesh,
        probability,
        threshold,
        border_zone=None if border is None else border & (probability < threshold),
        channel=channel,
        likely=likely,
    )
    write_scar_tags(stem, mesh, None, tags)
    numbers, counts = np.unique(tags, return_counts=True)
    return {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}
