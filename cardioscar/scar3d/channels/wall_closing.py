"""Closing the scar along the wall: which living tissue lies between scar and scar, layer by layer.

Corridors are looked for as clinicians do, on layers of equal transmural depth [@fernandezarmenta2013; @andreu2017]:
what protects a corridor is scar at its sides. Living wall above or below it, the usual case in scar that is not
transmural, neither makes nor unmakes one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from cardioscar.scar3d.channels.mesh_graph import Edges
from cardioscar.types import NodeMask, NodeValues, Points

LAYERS = 9
"""Layers of equal transmural depth, at 0.1 to 0.9."""

# Layers lie so far apart in the fourth coordinate that no search reaches from one into another.
_APART_MM = 1000.0
# The first point of scar lies so far inside its border on average, in edges of the mesh: measured on corridors of known
# width through meshes of 0.9 to 2.1 mm.
_WITHIN_SCAR = 0.3


@dataclass(frozen=True)
class Closing:
    """The scar with its gaps filled.

    Attributes:
        living: Nodes below the threshold, shape (nodes,).
        depth_mm: How deep a living node lies inside the filled gaps: its distance along the wall to the tissue
            outside; not above 0 outside and at scar, minus infinity in a film of single nodes on the scar; shape
            (nodes,).
        clearance_mm: Distance along the wall from a living node to the scar, at most the radius of the closing (that
            where there is none within it), shape (nodes,).
    """

    living: NodeMask
    depth_mm: NodeValues
    clearance_mm: NodeValues


def layer_of(transmural: NodeValues | None, n_nodes: int) -> Int[np.ndarray, " nodes"]:
    """Layer that each node belongs to, 1 to `LAYERS`; a single layer 0 where there are no coordinates."""
    if transmural is None:
        return np.zeros(n_nodes, dtype=np.int64)
    return np.clip(np.rint(np.asarray(transmural, dtype=float) * (LAYERS + 1)), 1, LAYERS).astype(np.int64)


def close_scar(
    nodes_mm: Points,
    edges: Edges,
    transmural: NodeValues | None,
    probability: NodeValues,
    *,
    threshold: float,
    radius_mm: float,
    edge_mm: float,
    cut: NodeMask | None = None,
) -> Closing:
    """Close the scar with a ball of the given radius in each layer of the wall.

    Scar grows by the radius and what is left of the layer grows back by it: gaps narrower than twice the radius stay
    filled. The layers are surfaces of equal depth; their points are where edges of the mesh cross them, and the scar
    probability is interpolated there, so that the result does not depend on how nodes happen to lie.

    Args:
        nodes_mm: Node positions, shape (nodes, 3).
        edges: Edges of the mesh (of the part that is looked at).
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,); None closes in space, where a rim of
            living wall over the scar is a gap as well.
        probability: Scar probability, 0 to 1, shape (nodes,).
        threshold: Probability from which tissue is scar.
        radius_mm: Half the width of the widest gap that is filled.
        edge_mm: Typical distance between neighbouring nodes.
        cut: Nodes where the mesh ends but the heart goes on, shape (nodes,): living tissue there counts as healthy, so
            that a strip between the scar and the edge of the mesh is no gap.

    Returns:
        The closing.
    """
    layer = layer_of(transmural, len(nodes_mm))
    points, value, at_cut = _layer_points(nodes_mm, edges, transmural, layer, probability, cut)
    alive = value < threshold
    scar_points, others = points[~alive], points[alive]
    living = probability < threshold
    depth = np.zeros(len(nodes_mm))
    clearance = np.where(living, radius_mm, 0.0)
    if not alive.any() or alive.all():
        return Closing(living, depth, clearance)
    scar = cKDTree(scar_points)
    within = _WITHIN_SCAR * edge_mm
    reach = radius_mm + within
    far, edge = others[~np.isfinite(_distance(scar, others, reach))], others[at_cut[alive]]
    looked_at = np.zeros(len(nodes_mm), dtype=bool)
    looked_at[edges] = True
    candidates = np.flatnonzero(living & looked_at)
    distance = _distance(scar, layered(nodes_mm[candidates], layer[candidates]), reach)
    near = np.isfinite(distance)
    candidates, distance = candidates[near], distance[near]
    clearance[candidates] = np.maximum(distance - within, 0)
    places = layered(nodes_mm[candidates], layer[candidates])
    depth[candidates] = np.minimum(
        cKDTree(far).query(places)[0] - reach if len(far) else np.inf,
        cKDTree(edge).query(places)[0] if len(edge) else np.inf,
    )
    if transmural is not None:
        inside = candidates[depth[candidates] > 0]
        depth[inside[~_is_thick(nodes_mm[inside], layer[inside], cKDTree(others), scar)]] = -np.inf
    # a layer without healthy points has no outside
    depth[depth > _APART_MM / 2] = np.inf
    return Closing(living, depth, clearance)


def _is_thick(points_mm: Points, layer: np.ndarray, alive: cKDTree, scar: cKDTree) -> Bool[np.ndarray, " points"]:
    """Whether tissue lives in its own layer and in the one above or below it, not as a film on the scar."""

    def lives(at: np.ndarray) -> np.ndarray:
        places = layered(points_mm, at)
        nearest = _distance(alive, places, _APART_MM / 2)
        return np.isfinite(nearest) & (nearest <= scar.query(places)[0])

    return lives(layer) & (lives(layer - 1) | lives(layer + 1))


def _distance(tree: cKDTree, points: np.ndarray, limit_mm: float) -> Float[np.ndarray, " points"]:
    return tree.query(points, distance_upper_bound=limit_mm)[0]


def layered(points_mm: Points, layer: np.ndarray) -> Float[np.ndarray, "points 4"]:
    """Points with their layer as a fourth coordinate, so large that a search stays within the layer."""
    return np.column_stack([points_mm, _APART_MM * layer])


def _layer_points(
    nodes_mm: Points,
    edges: Edges,
    transmural: NodeValues | None,
    layer: np.ndarray,
    probability: NodeValues,
    cut: NodeMask | None,
) -> tuple[Float[np.ndarray, "crossings 4"], Float[np.ndarray, " crossings"], Bool[np.ndarray, " crossings"]]:
    """Points of all layers, the scar probability there, and whether they lie where the mesh is cut."""
    cut = np.zeros(len(nodes_mm), dtype=bool) if cut is None else cut
    if transmural is None:
        used = np.unique(edges)
        return layered(nodes_mm[used], layer[used]), probability[used], cut[used]
    first, second = edges.T
    t = np.asarray(transmural, dtype=float) * (LAYERS + 1)
    low, high = np.minimum(t[first], t[second]), np.maximum(t[first], t[second])
    places, values, cuts = [], [], []
    for level in range(1, LAYERS + 1):
        a, b = edges[(low <= level) & (high > level)].T
        share = ((level - t[a]) / (t[b] - t[a]))[:, None]
        places.append(layered((1 - share) * nodes_mm[a] + share * nodes_mm[b], np.full(len(a), level)))
        values.append((1 - share[:, 0]) * probability[a] + share[:, 0] * probability[b])
        cuts.append(cut[a] & cut[b])
    return np.concatenate(places), np.concatenate(values), np.concatenate(cuts)
