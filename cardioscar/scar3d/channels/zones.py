"""How sure a scar map is of its scar, in steps; and the regions of a simulation.

Doubt is no tissue: what lies between scar and healthy by probability is uncertain, not grey. The border zone that
conducts slowly is read off the image (`imaging/border_zone.py`).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt8

from cardioscar.imaging.cell_kinds import cell_offsets
from cardioscar.imaging.formats.opencarp import ElementTag
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.types import NodeMask, NodeValues

NONE, POSSIBLE, UNCERTAIN, LIKELY = 0, 1, 2, 3
"""Steps of certainty. Scar is what is uncertain or likely."""


def scar_certainty(
    probability: NodeValues, threshold: float, doubt_range: tuple[float, float]
) -> UInt8[np.ndarray, " nodes"]:
    """How sure the map is that a node is scar.

    Args:
        probability: Scar probability, 0 to 1, shape (nodes,).
        threshold: Probability from which a node is scar.
        doubt_range: Probabilities between which scar is in doubt.

    Returns:
        0 no scar; 1 possible: in doubt, and below the threshold; 2 uncertain: in doubt, and scar; 3 likely: scar, and
        beyond doubt. uint8. Scar is 2 and 3.

    >>> scar_certainty(np.array([0.1, 0.25, 0.49, 0.5, 0.75, 1.0]), 0.5, (0.25, 0.75)).tolist()
    [0, 1, 1, 2, 3, 3]
    """
    p, (low, high) = np.asarray(probability), doubt_range
    of_scar = np.where(p >= high, LIKELY, UNCERTAIN)
    return np.where(p >= threshold, of_scar, np.where(p >= low, POSSIBLE, NONE)).astype(np.uint8)


def element_tags(
    mesh: LVMesh,
    probability: NodeValues,
    threshold: float,
    *,
    border_zone: NodeMask | None = None,
    channel: NodeMask | None = None,
    likely: float = 0.75,
) -> Int[np.ndarray, " cells"]:
    """Region of each cell for a simulation, see `ElementTag`.

    Args:
        mesh: LV mesh.
        probability: Scar probability, 0 to 1, shape (nodes,).
        threshold: A cell is scar where the mean probability of its nodes is at least this.
        border_zone: Nodes of the border zone by signal, shape (nodes,); a cell belongs to it if at least half of its
            nodes do and it is not scar.
        channel: Nodes of conducting channels, shape (nodes,). A cell is channel if at least half of its nodes are and
            it is not likely scar.
        likely: Mean probability from which a cell is scar whatever else it is.

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
    means = np.round(cell_means(probability), 9)
    tags = np.full(len(means), int(ElementTag.HEALTHY))
    if border_zone is not None:
        tags[cell_means(border_zone) >= 0.5] = ElementTag.BORDER_ZONE
    tags[means >= threshold] = ElementTag.SCAR
    if channel is not None:
        tags[(cell_means(channel) >= 0.5) & (means < max(likely, threshold))] = ElementTag.CHANNEL
    return tags
