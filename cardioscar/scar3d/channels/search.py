"""Conducting channels: living corridors through scar, found on the mesh.

A channel is living tissue between scar and scar that joins healthy tissue at two mouths [@dechillou2002;
@fernandezarmenta2013]. The search closes the scar along the wall: what the closing fills and lies deep enough inside is
protected; a protected region with two mouths is a corridor, one with a single mouth a dent in the border of the scar. A
rim of living wall over or under the scar is neither.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import distance_transform_edt

from cardioscar.imaging.tetrahedra import Tetrahedra
from cardioscar.scar3d.channels.channel import Channel, ChannelSearch
from cardioscar.scar3d.channels.corridors import corridors
from cardioscar.scar3d.channels.mesh_graph import mesh_edges
from cardioscar.scar3d.channels.wall_closing import close_scar, layer_of
from cardioscar.scar3d.channels.wall_column import covered_share
from cardioscar.types import NodeMask, NodeValues, Points

# Voxels in which the part of the mesh near the scar is found.
_VOXEL_MM = 2.0


def find_channels(
    nodes_mm: Points,
    cells: Tetrahedra,
    transmural: NodeValues | None,
    probability: NodeValues,
    *,
    thresholds: tuple[float, ...],
    edge_mm: float,
    cut: NodeMask | None = None,
    search: ChannelSearch | None = None,
) -> list[Channel]:
    """Find the conducting channels of a scar map.

    Args:
        nodes_mm: Node positions, shape (nodes, 3).
        cells: Tetrahedra.
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,), or None where it is not known: a
            corridor must then be covered on all sides.
        probability: Scar probability, 0 to 1, shape (nodes,).
        thresholds: Probabilities below which tissue lives, ascending. The later ones find corridors that the earlier
            ones close; what an earlier one found is not found again.
        edge_mm: Typical distance between neighbouring nodes.
        cut: Nodes where the mesh ends but the heart goes on (its base), shape (nodes,): no channel runs between these
            and the scar, and one may open there.
        search: What counts as a channel.

    Returns:
        Channels, those of the first threshold first, the longest first among them. Empty where there is no scar or
        nothing but scar.
    """
    search = search or ChannelSearch()
    radius = search.max_width_mm / 2
    kept = _near(nodes_mm, probability >= thresholds[0], radius + 2 * edge_mm)
    if not kept.any():
        return []
    edges = mesh_edges(cells, len(nodes_mm), kept=kept)
    layer = layer_of(transmural, len(nodes_mm))
    taken = np.zeros(len(nodes_mm), dtype=bool)
    channels: list[Channel] = []
    for threshold in thresholds:
        closing = close_scar(
            nodes_mm, edges, transmural, probability, threshold=threshold, radius_mm=radius, edge_mm=edge_mm, cut=cut
        )
        found = list(corridors(nodes_mm, edges, layer, closing, threshold, edge_mm, search))
        closed = probability >= thresholds[0]  # what an earlier threshold leaves open is no discovery of a later one
        if threshold > thresholds[0]:
            found = [c for c in found if closed[c.path].any() and not taken[c.nodes].any()]
        if transmural is not None:
            outside = closing.living & (closing.depth_mm <= 0)
            found = [
                replace(c, covered=covered_share(nodes_mm, cells, transmural, c.path, closing.living, outside, edge_mm))
                for c in found
            ]
        for channel in found:
            taken[channel.neighbourhood] = True
        channels += sorted(found, key=lambda channel: -channel.line.length_mm)
    return channels


def _near(nodes_mm: Points, scar: NodeMask, reach_mm: float) -> NodeMask:
    """Nodes within reach of scar, and a little more."""
    if not scar.any():
        return scar
    index = np.floor((nodes_mm - nodes_mm[scar].min(axis=0) + reach_mm) / _VOXEL_MM).astype(np.int64)
    shape = index[scar].max(axis=0) + 1 + int(np.ceil(reach_mm / _VOXEL_MM))
    free = np.ones(shape, dtype=bool)
    free[tuple(index[scar].T)] = False
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    near = np.zeros(len(nodes_mm), dtype=bool)
    near[inside] = distance_transform_edt(free, sampling=_VOXEL_MM)[tuple(index[inside].T)] <= reach_mm + _VOXEL_MM
    return near
