"""Tetrahedra inside a signed distance: isosurface stuffing [@labelle2007].

A body-centred cubic lattice is laid over the shape. Lattice nodes that the surface nearly touches are moved onto it,
which leaves no sliver behind when the tetrahedra that it still crosses are cut. Interior cells are all alike, cells
at the surface are bounded in shape, and the same distance always gives the same mesh.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cardioscar.imaging.tetrahedra import EDGES, Tetrahedra, oriented
from cardioscar.types import Points

# A node is moved if an edge is cut within this share of its length from it: the safe values of the paper for the
# edges along the lattice axes and for those along its diagonals.
WARP_AXIS, WARP_DIAGONAL = 0.24999, 0.41189

# Corners of a face of the cubic lattice, as signs of the two directions in the face, in a ring.
RING = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def lattice_step_mm(edge_mm: float) -> float:
    """Grid spacing, half the lattice constant, whose cells have the volume of regular tetrahedra of a given edge."""
    return float(edge_mm * np.cbrt(np.sqrt(2)) / 2)


def stuff_isosurface(
    distance_mm: Float[np.ndarray, "x y z"], origin_mm: np.ndarray, step_mm: float
) -> tuple[Points, Tetrahedra]:
    """Fill the region of negative distance with tetrahedra.

    Args:
        distance_mm: Signed distance, negative inside, on a grid at least one step wider than the region. Lattice nodes
            are its points with three even or three odd indices.
        origin_mm: Position of the first grid point.
        step_mm: Grid spacing, half the lattice constant.

    Returns:
        Nodes and tetrahedra of positive volume; none where no lattice node lies inside.
    """
    values = distance_mm.ravel().astype(np.float64)
    cells = _lattice_cells(distance_mm)
    used, local = np.unique(cells, return_inverse=True)
    cells, values = local.reshape(cells.shape), values[used]
    nodes = np.column_stack(np.unravel_index(used, distance_mm.shape)).astype(np.float64)
    nodes, values = _warped(nodes, values, cells)
    nodes, cells = _cut(nodes, values, cells)
    kept, local = np.unique(cells, return_inverse=True)
    nodes = origin_mm + step_mm * nodes[kept]
    return nodes, oriented(nodes, local.reshape(cells.shape))


def _lattice_cells(distance: Float[np.ndarray, "x y z"]) -> Tetrahedra:
    """Lattice tetrahedra with a corner inside, as flat grid indices: four about each pair of neighbouring centres."""
    inside = distance.ravel() < 0
    strides = np.array([distance.shape[1] * distance.shape[2], distance.shape[2], 1])
    found = []
    for axis in range(3):
        a, b = (other for other in range(3) if other != axis)
        # Centres have odd indices; the second one of the pair must lie on the grid, and so must the face between.
        last = [size - 1 - (2 if d == axis else 1) for d, size in enumerate(distance.shape)]
        odd = [np.arange(1, top + 1, 2) for top in last]
        first = sum(i * s for i, s in zip(np.meshgrid(*odd, indexing="ij"), strides, strict=True)).ravel()
        second = first + 2 * strides[axis]
        corners = [first + strides[axis] + i * strides[a] + j * strides[b] for i, j in RING]
        for n in range(4):
            cell = (first, second, corners[n], corners[(n + 1) % 4])
            crossed = np.logical_or.reduce([inside[c] for c in cell])
            found.append(np.column_stack([c[crossed] for c in cell]))
    return np.concatenate(found)


def _warped(nodes: Points, values: np.ndarray, cells: Tetrahedra) -> tuple[Points, np.ndarray]:
    """Move nodes onto the surface where it passes close to them; positions in grid steps."""
    mixed = (values[cells] < 0).any(axis=1) & (values[cells] > 0).any(axis=1)
    pairs = cells[mixed][:, EDGES].reshape(-1, 2)
    pairs = pairs[values[pairs[:, 0]] * values[pairs[:, 1]] < 0]
    start, end = np.concatenate([pairs, pairs[:, ::-1]]).T
    share = values[start] / (values[start] - values[end])
    edges = nodes[end] - nodes[start]
    on_axis = (edges != 0).sum(axis=1) == 1
    near = share < np.where(on_axis, WARP_AXIS, WARP_DIAGONAL)
    start, move = start[near], share[near, None] * edges[near]
    # The nearest of a node's cuts; equal ones in the order of the lattice, so that the result is always the same.
    order = np.lexsort((*move.T, (move**2).sum(axis=1), start))
    moved, first = np.unique(start[order], return_index=True)
    nodes, values = nodes.copy(), values.copy()
    nodes[moved] += move[order][first]
    values[moved] = 0.0
    return nodes, values


def _cut(
    nodes: Points, values: np.ndarray, cells: Tetrahedra
) -> tuple[Float[np.ndarray, "corners 3"], Int[np.ndarray, "parts 4"]]:
    """Keep of each tetrahedron the part where the values are negative.

    A four-sided face is always divided from its inner corner of smaller number, as its other owner does too.
    """
    # Corners of each cell from inside to outside, inner ones by ascending number.
    cells = np.sort(cells, axis=1)
    signs = np.sign(values[cells])
    order = np.argsort(signs, axis=1, kind="stable")
    cells, signs = np.take_along_axis(cells, order, axis=1), np.take_along_axis(signs, order, axis=1)
    inner, outer = (signs < 0).sum(axis=1), (signs > 0).sum(axis=1)

    crossed = cells[(inner > 0) & (outer > 0)][:, EDGES].reshape(-1, 2)
    crossed = np.sort(crossed[values[crossed[:, 0]] * values[crossed[:, 1]] < 0], axis=1)
    count = len(nodes)
    keys, first = np.unique(crossed[:, 0] * count + crossed[:, 1], return_index=True)
    low, high = crossed[first].T
    share = values[low] / (values[low] - values[high])
    nodes = np.concatenate([nodes, nodes[low] + share[:, None] * (nodes[high] - nodes[low])])

    def between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return count + np.searchsorted(keys, np.minimum(a, b) * count + np.maximum(a, b))

    parts = [cells[(inner > 0) & (outer == 0)]]
    # One corner inside: what is left is a tetrahedron.
    for beyond in (1, 2, 3):
        a, *others = cells[(inner == 1) & (outer == beyond)].T
        cuts = [between(a, o) for o in others[3 - beyond :]]
        parts.append(np.column_stack([a, *others[: 3 - beyond], *cuts]))
    # Two inside, one on the surface, one outside: a pyramid.
    a, b, on, out = cells[(inner == 2) & (outer == 1)].T
    a_out, b_out = between(a, out), between(b, out)
    parts += [np.column_stack([on, a, b, b_out]), np.column_stack([on, a, b_out, a_out])]
    # Three inside, one outside: a prism.
    a, b, c, out = cells[(inner == 3) & (outer == 1)].T
    a_out, b_out, c_out = between(a, out), between(b, out), between(c, out)
    parts += [
        np.column_stack([a, b, c, c_out]),
        np.column_stack([a, b, b_out, c_out]),
        np.column_stack([a, a_out, b_out, c_out]),
    ]
    # Two inside, two outside: a prism too. Its face on the surface has no other owner: the shorter diagonal.
    a, b, c, d = cells[(inner == 2) & (outer == 2)].T
    ac, ad, bc, bd = between(a, c), between(a, d), between(b, c), between(b, d)
    parts.append(np.column_stack([a, b, bc, bd]))
    shorter = np.linalg.norm(nodes[ac] - nodes[bd], axis=1) <= np.linalg.norm(nodes[ad] - nodes[bc], axis=1)
    third = np.where(shorter, bd, bc)
    fourth = np.where(shorter, ac, ad)
    parts += [np.column_stack([a, ac, ad, third]), np.column_stack([a, fourth, bc, bd])]
    return nodes, np.concatenate(parts)
