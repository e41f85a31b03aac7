"""Zones of a scar map by thresholds: healthy, border zone, dense core; and the regions of a simulation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.opencarp import ElementTag
from cardioscar.imaging.vtk_files import cell_offsets
from cardioscar.types import NodeMask, NodeValues

HEALTHY, BORDER_ZONE, DENSE_CORE = 0, 1, 2
"""Values of a zone map."""


def scar_zones(probability: NodeValues, border_zone: tuple[float, float]) -> Int[np.ndarray, " nodes"]:
    """Zone of each node.

    Args:
        probability: Scar probability, 0 to 1, shape (nodes,).
        border_zone: Border zone from the first probability to below the second; dense core from there.

    Returns:
        0 healthy, 1 border zone, 2 dense core, uint8.

    >>> scar_zones(np.array([0.1, 0.25, 0.7, 0.75, 1.0]), (0.25, 0.75)).tolist()
    [0, 1, 1, 2, 2]
    """
    return np.digitize(probability, border_zone).astype(np.uint8)


def element_tags(
    mesh: LVMesh, probability: NodeValues, border_zone: tuple[float, float], channel: NodeMask | None = None
) -> Int[np.ndarray, " cells"]:
    """Region of each cell for a simulation, see `ElementTag`.

    Args:
        mesh: LV mesh.
        probability: Scar probability, 0 to 1, shape (nodes,).
        border_zone: Thresholds as in `scar_zones`, on the mean over the cell's nodes.
        channel: Nodes of conducting channels, shape (nodes,). A cell is channel if at least half of its nodes are and
            it is not dense core.

    Returns:
        Tag of each cell.
    """
    offsets = cell_offsets(mesh.grid)
    counts = np.maximum(np.diff(offsets), 1)
    nodes = np.asarray(mesh.grid.cell_connectivity)

    def cell_means(values: np.ndarray) -> np.ndarray:
        sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, dtype=float)[nodes])])
        return (sums[offsets[1:]] - sums[offsets[:-1]]) / counts

    # the mean of equal numbers may fall short of them by rounding, and so of a threshold
    tags = int(ElementTag.HEALTHY) + np.digitize(np.round(cell_means(probability), 9), border_zone)
    if channel is not None:
        tags[(cell_means(channel) >= 0.5) & (tags != ElementTag.DENSE_CORE)] = ElementTag.CHANNEL
    return tags
