"""Tetrahedra as arrays: dividing them, taking their boundary, rating them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cardioscar.types import Points

if TYPE_CHECKING:
    import pyvista as pv

Tetrahedra = Int[np.ndarray, "cells 4"]
Triangles = Int[np.ndarray, "faces 3"]

TETRA = 10  # VTK cell type

# Corners of the six edges of a tetrahedron, in the order in which `divide` numbers their middles.
EDGES = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
# The three edges that meet at each corner.
EDGES_AT = np.array([(0, 1, 2), (0, 3, 4), (1, 3, 5), (2, 4, 5)])
# Faces, each opposite to the corner of the same number, outward for a tetrahedron of positive volume.
FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
# The octahedron that is left when the corners are cut off: its three diagonals (edge numbers), and the four
# other corners in a ring around each.
DIAGONALS = np.array([(0, 5), (1, 4), (2, 3)])
RINGS = np.array([(1, 3, 4, 2), (0, 3, 5, 2), (0, 4, 5, 1)])

CHUNK = 32_768
"""Cells worked on at once: what is computed of them stays in a processor's cache, and memory does not grow."""


def signed_volumes(nodes_mm: Points, cells: Tetrahedra) -> Float[np.ndarray, " cells"]:
    """Volume of each tetrahedron in mm³, positive where its corners are in right-handed order.

    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> float(6 * signed_volumes(corners, np.array([[0, 1, 2, 3]]))[0])
    1.0
    """
    volumes = np.empty(len(cells))
    for at in range(0, len(cells), CHUNK):
        corners = nodes_mm[cells[at : at + CHUNK].T]
        (a0, a1, a2), (b0, b1, b2), (c0, c1, c2) = (edge.T for edge in corners[1:] - corners[0])
        volumes[at : at + CHUNK] = (a0 * (b1 * c2 - b2 * c1) + a1 * (b2 * c0 - b0 * c2) + a2 * (b0 * c1 - b1 * c0)) / 6
    return volumes


def oriented(nodes_mm: Points, cells: Tetrahedra) -> Tetrahedra:
    """The same tetrahedra, their corners reordered to positive volume."""
    return oriented_with_volumes(nodes_mm, cells)[0]


def oriented_with_volumes(nodes_mm: Points, cells: Tetrahedra) -> tuple[Tetrahedra, Float[np.ndarray, " cells"]]:
    """The same tetrahedra, their corners reordered to positive volume, and this volume in mm³."""
    volumes = signed_volumes(nodes_mm, cells)
    flip = volumes < 0
    if not flip.any():
        return cells, volumes
    turned = cells.copy()
    turned[flip, 2], turned[flip, 3] = cells[flip, 3], cells[flip, 2]
    volumes[flip] = signed_volumes(nodes_mm, turned[flip])
    return turned, volumes


def divide(
    nodes_mm: Points, cells: Tetrahedra
) -> tuple[Float[np.ndarray, "points_and_middles 3"], Int[np.ndarray, "parts 4"]]:
    """Divide each tetrahedron into eight at the middles of its edges (red refinement).

    The inner octahedron is cut along its shortest diagonal, which keeps the shapes good (Zhang, Houston J
    Math 1995;21:541). The volume does not change.

    Args:
        nodes_mm: Node positions.
        cells: Tetrahedra.

    Returns:
        Nodes, the old ones first, and eight times as many tetrahedra of positive volume.
    """
    pairs = np.sort(cells[:, EDGES].reshape(-1, 2), axis=1)
    _, first, inverse = np.unique(pairs[:, 0] * len(nodes_mm) + pairs[:, 1], return_index=True, return_inverse=True)
    middles = nodes_mm[pairs[first]].mean(axis=1)
    nodes = np.concatenate([nodes_mm, middles])
    middle = len(nodes_mm) + inverse.reshape(-1, 6)

    corners = [np.column_stack([cells[:, n], *middle[:, EDGES_AT[n]].T]) for n in range(4)]
    lengths = np.linalg.norm(nodes[middle[:, DIAGONALS[:, 0]]] - nodes[middle[:, DIAGONALS[:, 1]]], axis=2)
    shortest = lengths.argmin(axis=1)
    rows = np.arange(len(cells))[:, None]
    ends, ring = middle[rows, DIAGONALS[shortest]], middle[rows, RINGS[shortest]]
    inner = [np.column_stack([ends, ring[:, n], ring[:, (n + 1) % 4]]) for n in range(4)]
    return nodes, oriented(nodes, np.concatenate(corners + inner))


def boundary_faces(cells: Tetrahedra) -> Triangles:
    """Faces that belong to one tetrahedron only, outward where the tetrahedra have positive volume."""
    return counted_faces(cells)[0]


def counted_faces(cells: Tetrahedra) -> tuple[Triangles, int]:
    """The boundary, see `boundary_faces`, and the number of faces of three tetrahedra or more, which overlap."""
    count = int(cells.max()) + 1 if len(cells) else 0
    keys = np.concatenate([_face_keys(cells[:, face], count) for face in FACES])
    if keys.dtype == np.int64:
        # sorting the keys alone is ten times as fast as with their places, and few cells are at the boundary
        keys.sort()
        again = keys[1:] == keys[:-1]
        crowded = int((again[1:] & again[:-1]).sum())
        lone = keys[~(np.append(again, False) | np.insert(again, 0, False))] if len(keys) else keys
        outer = np.zeros(count, dtype=bool)
        for digit in (lone % max(count, 1), lone // max(count, 1) % max(count, 1), lone // max(count, 1) ** 2):
            outer[digit] = True
        cells = cells[outer[cells].sum(axis=1) >= 3]
        keys = np.concatenate([_face_keys(cells[:, face], count) for face in FACES])
        found = np.flatnonzero(np.isin(keys, lone))
        first = found[np.argsort(keys[found])]
    else:
        _, places, owners = np.unique(keys, return_index=True, return_counts=True)
        first, crowded = places[owners == 1], int((owners > 2).sum())
    face, cell = np.divmod(first, len(cells)) if len(cells) else (first, first)
    return cells[cell[:, None], FACES[face]], crowded


def connected_parts(n_nodes: int, cells: Tetrahedra) -> Int[np.ndarray, " nodes"]:
    """Number of the connected part of each node, from 0; tetrahedra that share a node are connected.

    >>> connected_parts(7, np.array([[0, 1, 2, 3], [3, 4, 5, 2]])).tolist()
    [0, 0, 0, 0, 0, 0, 1]
    """
    first = np.tile(cells[:, 0].astype(np.int32), 3)
    others = cells[:, 1:].T.astype(np.int32).ravel()
    links = sparse.coo_array((np.ones(len(first), dtype=bool), (first, others)), shape=(n_nodes, n_nodes)).tocsr()
    return np.asarray(connected_components(links, directed=False)[1])


def scaled_jacobian(
    nodes_mm: Points, cells: Tetrahedra, volumes_mm3: Float[np.ndarray, " cells"] | None = None
) -> Float[np.ndarray, " cells"]:
    """Scaled Jacobian of each tetrahedron (Verdict): 1 where regular, 0 where flat, negative where inverted.

    Args:
        nodes_mm: Node positions.
        cells: Tetrahedra.
        volumes_mm3: Their signed volumes, where they are known.
    """
    volumes = signed_volumes(nodes_mm, cells) if volumes_mm3 is None else volumes_mm3
    # in pieces: all edges of 7 million tetrahedra at once would take more memory than the whole reconstruction
    chunks = [slice(at, at + CHUNK) for at in range(0, len(cells), CHUNK)]
    pieces = [_scaled_jacobian(nodes_mm, cells[chunk], volumes[chunk]) for chunk in chunks]
    return np.concatenate(pieces) if pieces else np.empty(0)


def _scaled_jacobian(nodes_mm: Points, cells: Tetrahedra, volumes_mm3: np.ndarray) -> Float[np.ndarray, " cells"]:
    corners = nodes_mm[cells.T]
    edges = corners[EDGES[:, 0]] - corners[EDGES[:, 1]]
    lengths = np.sqrt(np.einsum("ecx,ecx->ec", edges, edges))
    at_corner = np.max([lengths[three].prod(axis=0) for three in EDGES_AT], axis=0)
    jacobian = 6 * volumes_mm3
    return np.asarray(np.sqrt(2) * jacobian / np.maximum(np.maximum(at_corner, np.abs(jacobian)), 1e-300))


def tetrahedral_grid(nodes_mm: Points, cells: Tetrahedra) -> pv.UnstructuredGrid:
    """Tetrahedra as a VTK grid."""
    import pyvista as pv

    return pv.UnstructuredGrid({TETRA: cells}, nodes_mm)


def tetrahedra_of(grid: pv.UnstructuredGrid) -> Tetrahedra:
    """The volumetric cells of a VTK grid as tetrahedra of positive volume over the grid's own nodes.

    Hexahedra, wedges and pyramids are cut into tetrahedra; surface cells are left out.
    """
    return tetrahedra_and_volumes(grid)[0]


def tetrahedra_and_volumes(grid: pv.UnstructuredGrid) -> tuple[Tetrahedra, Float[np.ndarray, " cells"]]:
    """Tetrahedra of a grid, see `tetrahedra_of`, and their volumes in mm³."""
    import pyvista as pv

    solid = grid.celltypes == TETRA
    if solid.all():
        cells = np.asarray(grid.cell_connectivity).reshape(-1, 4)
    else:
        # A copy without data, which would only cost time and memory.
        bare = pv.UnstructuredGrid(grid.cells, grid.celltypes, grid.points).triangulate()
        cells = np.asarray(bare.cells_dict.get(TETRA, np.empty((0, 4))))
    return oriented_with_volumes(np.asarray(grid.points, dtype=np.float64), cells.astype(np.int64, copy=False))


def _face_keys(faces: Triangles, count: int) -> np.ndarray:
    """One value for each set of three of `count` nodes."""
    # Three node numbers below two million fit in 64 bits.
    if count < 2_000_000:
        a, b, c = faces.T.astype(np.int64)
        low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        return (low * count + (a + b + c - low - high)) * count + high
    ordered = np.sort(faces, axis=1)
    return np.ascontiguousarray(ordered).view([("", ordered.dtype)] * 3).ravel()
