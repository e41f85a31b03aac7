"""Protected regions in the closed scar: those with two mouths or more are corridors, with one they are dents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial import cKDTree

from cardioscar.scar3d.channels.centreline import Centreline, centreline, width_mm
from cardioscar.scar3d.channels.channel import Channel, ChannelSearch, Nodes
from cardioscar.scar3d.channels.mesh_graph import Edges, adjacency
from cardioscar.scar3d.channels.wall_closing import Closing, layered
from cardioscar.types import NodeValues, Points

# Openings nearer to each other than this are one mouth, which the taper of the scar has spread over several layers.
_SAME_MOUTH_MM = 4.0
# Steps of a tapered mouth lie within this of each other.
_TAPER_MM = 20.0
# A mouth is at least so large.
_MOUTH_MM2 = 4.0
# How far beside the corridor a draw of the scar may shift it.
_NEIGHBOURHOOD_MM = 4.0
# A protected region of fewer nodes is an accident of the mesh.
_LEAST_NODES = 4


def corridors(
    nodes_mm: Points,
    edges: Edges,
    layer: np.ndarray,
    closing: Closing,
    threshold: float,
    edge_mm: float,
    search: ChannelSearch,
) -> Iterator[Channel]:
    """Find protected regions with two mouths or more, and cut them into one channel for each way between two mouths.

    Args:
        nodes_mm: Node positions, shape (nodes, 3).
        edges: Edges of the mesh (of the part that is looked at).
        layer: Layer of each node, see `layer_of`.
        closing: The closed scar.
        threshold: Probability of scar below which tissue lives.
        edge_mm: Typical distance between neighbouring nodes.
        search: What counts as a channel.

    Yields:
        Channels, each taken for covered until it has been looked at.
    """
    protected = closing.living & (closing.depth_mm > max(search.protection_mm, 1.5 * edge_mm))
    rim = np.flatnonzero(closing.living & (closing.depth_mm > 0) & ~protected)
    if not len(rim) or not protected.any():
        return
    inner = edges[protected[edges].all(axis=1)]
    _, region = connected_components(adjacency(inner, len(nodes_mm)), directed=False)
    # Out of a region the way leads along a layer: what lies over or under it is no mouth.
    rim_tree = cKDTree(layered(nodes_mm[rim], layer[rim]))
    beside = edges[layer[edges[:, 0]] == layer[edges[:, 1]]]
    beside = np.concatenate([beside, beside[:, ::-1]])
    healthy = closing.living & ~protected & np.isfinite(closing.depth_mm)
    beside = beside[protected[beside[:, 0]] & healthy[beside[:, 1]]]
    numbers, counts = np.unique(region[protected], return_counts=True)
    for number in numbers[counts >= _LEAST_NODES]:
        core = np.flatnonzero(protected & (region == number))
        if np.linalg.norm(np.ptp(nodes_mm[core], axis=0)) < search.min_length_mm / 2:
            continue
        near = cKDTree(layered(nodes_mm[core], layer[core])).sparse_distance_matrix(
            rim_tree, 1.5 * edge_mm, output_type="coo_matrix"
        )
        openings = np.union1d(rim[np.unique(near.col)], beside[region[beside[:, 0]] == number, 1])
        mouths = _mouths(nodes_mm, layer, openings, edge_mm)
        if len(mouths) >= 2:
            yield from _ways(nodes_mm, edges, layer, closing, core, mouths, threshold, edge_mm, search)


def _mouths(nodes_mm: Points, layer: np.ndarray, openings: Nodes, edge_mm: float) -> list[Nodes]:
    """Part the openings of a protected region into its mouths."""
    if not len(openings):
        return []
    pairs = cKDTree(nodes_mm[openings]).query_pairs(_SAME_MOUTH_MM, output_type="ndarray")
    count, label = connected_components(adjacency(pairs, len(openings)), directed=False)
    parts = [openings[label == n] for n in range(count)]
    parts = [part for part in parts if len(part) >= max(2, _MOUTH_MM2 / edge_mm**2)]
    # Where scar tapers, a corridor ends further in at one depth than at another. Openings that never meet in the same
    # layer are such steps of one mouth.
    layers = [set(layer[part].tolist()) for part in parts]
    centres = [nodes_mm[part].mean(axis=0) for part in parts]
    joined = [
        (a, b)
        for a in range(len(parts))
        for b in range(a)
        if not layers[a] & layers[b] and np.linalg.norm(centres[a] - centres[b]) < _TAPER_MM
    ]
    count, label = connected_components(
        adjacency(np.array(joined, dtype=np.int64).reshape(-1, 2), len(parts)), directed=False
    )
    return [np.concatenate([part for part, n in zip(parts, label, strict=True) if n == m]) for m in range(count)]


def _ways(
    nodes_mm: Points,
    edges: Edges,
    layer: np.ndarray,
    closing: Closing,
    core: Nodes,
    mouths: list[Nodes],
    threshold: float,
    edge_mm: float,
    search: ChannelSearch,
) -> Iterator[Channel]:
    """The shortest ways that join all mouths of a protected region, each a channel."""
    place = np.concatenate([core, *mouths])
    local = np.full(len(nodes_mm), -1)
    local[place] = np.arange(len(place))
    inside = local[edges[(local[edges] >= 0).all(axis=1)]]
    points, clearance = nodes_mm[place], closing.clearance_mm[place]
    graph = adjacency(inside, len(place), np.linalg.norm(points[inside[:, 0]] - points[inside[:, 1]], axis=1))
    ends = np.array([_middle(points, clearance, local[mouth]) for mouth in mouths])
    between = dijkstra(graph, indices=ends)[:, ends]
    tree = minimum_spanning_tree(np.where(np.isfinite(between), between, 0)).tocoo()
    lines: list[tuple[int, int, Centreline]] = []
    for a, b in zip(tree.row, tree.col, strict=True):
        beyond = (closing.depth_mm[place[ends[a]]], closing.depth_mm[place[ends[b]]])
        line = centreline(graph, points, clearance, int(ends[a]), int(ends[b]), beyond_mm=beyond)
        protected_mm = _length_mm(points[line.nodes[line.nodes < len(core)]])
        if line.length_mm >= search.min_length_mm and protected_mm >= search.min_length_mm / 2:
            lines.append((a, b, line))
    if not lines:
        return
    nearest = np.stack([cKDTree(line.points_mm).query(nodes_mm[place])[0] for *_, line in lines]).argmin(axis=0)
    for n, (a, b, line) in enumerate(lines):
        nodes = np.unique(place[nearest == n])
        around = np.union1d(_neighbourhood(nodes_mm, layer, closing, nodes), np.concatenate([mouths[a], mouths[b]]))
        yield Channel(
            threshold=threshold,
            line=line,
            path=place[line.nodes],
            width_mm=width_mm(line, points, clearance, edge_mm=edge_mm),
            nodes=nodes,
            mouths=(mouths[a], mouths[b]),
            neighbourhood=around,
            links=edges[np.isin(edges, around).all(axis=1)],
            covered=1.0,
        )


def _middle(nodes_mm: Points, clearance_mm: NodeValues, nodes: Nodes) -> int:
    """The node nearest to the middle of a mouth, and away from the scar."""
    off_centre = np.linalg.norm(nodes_mm[nodes] - nodes_mm[nodes].mean(axis=0), axis=1)
    return int(nodes[(off_centre - clearance_mm[nodes]).argmin()])


def _length_mm(path_mm: Points) -> float:
    return float(np.linalg.norm(np.diff(path_mm, axis=0), axis=1).sum())


def _neighbourhood(nodes_mm: Points, layer: np.ndarray, closing: Closing, nodes: Nodes) -> Nodes:
    """A corridor and the closed scar beside it, in its own layers."""
    filled = np.flatnonzero(~closing.living | (closing.depth_mm > 0))
    tree = cKDTree(layered(nodes_mm[nodes], layer[nodes]))
    distance = tree.query(layered(nodes_mm[filled], layer[filled]), distance_upper_bound=_NEIGHBOURHOOD_MM)[0]
    return filled[np.isfinite(distance)]
