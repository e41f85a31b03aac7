"""A tetrahedral mesh of the analytic wall: rings of nodes, stitched to triangles, extruded to the
epicardium."""

from __future__ import annotations

import numpy as np

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.phantom.shape import LVShape, WallCoordinates, direction_from_angles

# Share of the node distance by which inner nodes are moved at random: no plane then meets a layer of nodes.
JITTER = 0.15


def wall_mesh(shape: LVShape, nodes: int, rng: np.random.Generator) -> tuple[LVMesh, WallCoordinates]:
    """Mesh the wall with tetrahedra of even size.

    Rings of nodes lie on the mid-wall from the apex (one node) to the base, about as far from each other as
    the nodes on them; the triangles between two rings are extruded through the wall, and each wedge is cut
    into three tetrahedra whose shared faces agree because every cut follows the order of node numbers.

    Args:
        shape: The wall.
        nodes: Wanted number of nodes, at least 1,000.
        rng: Moves inner nodes a little off the regular pattern.

    Returns:
        The mesh, with about `nodes` nodes (within 5 %), and the wall coordinates of its nodes.
    """
    import pyvista as pv

    meridian, counts, layers = _rings(shape, nodes)
    triangles = _stitch(counts)
    ring = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(ring)) - np.repeat(np.cumsum(counts) - counts, counts)
    step = np.gradient(meridian)
    inner = (ring > 0) & (ring < len(counts) - 1)  # the base ring stays in its plane

    shift = rng.uniform(-JITTER, JITTER, (3, layers, len(ring)))
    angle_up = meridian[ring] + shift[0] * np.where(inner, step[ring], 0)
    angle_around = (place + np.where(ring > 0, shift[1], 0)) * (2 * np.pi / counts[ring])
    depth = np.arange(layers)[:, None] + shift[2]
    depth[[0, -1]] = [[0], [layers - 1]]
    coordinates = shape.place(
        direction_from_angles(angle_up, angle_around).reshape(-1, 3), (depth / (layers - 1)).ravel()
    )
    tetrahedra = _tetrahedra(triangles, len(ring), layers)
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: tetrahedra}, shape.to_patient_mm(coordinates.local_mm))
    return LVMesh(grid, source="mesh.vtu"), coordinates


def _rings(shape: LVShape, nodes: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Meridian angle and number of nodes of each ring, and the number of layers."""
    fine = np.linspace(0, np.pi / 2, 400)
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    grid = direction_from_angles(fine[:, None], around[None]).reshape(-1, 3)
    middle = shape.place(grid, np.full(len(grid), 0.5)).local_mm.reshape(400, 12, 3)
    arc_mm = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(middle, axis=0), axis=2).mean(axis=1))])
    girth_mm = 2 * np.pi * np.hypot(middle[..., 0], middle[..., 1]).mean(axis=1)

    def rings(edge_mm: float) -> tuple[np.ndarray, np.ndarray]:
        meridian = np.interp(np.linspace(0, arc_mm[-1], max(4, round(arc_mm[-1] / edge_mm))), arc_mm, fine)
        counts = np.maximum(np.rint(np.interp(meridian, fine, girth_mm) / edge_mm).astype(np.int64), 5)
        counts[0] = 1
        return meridian, counts

    area_mm2 = float(np.trapezoid(girth_mm, arc_mm))
    even_mm = float(np.cbrt(area_mm2 * shape.wall_mm / nodes))
    layers = max(3, round(shape.wall_mm / even_mm) + 1)
    low, high = even_mm / 4, even_mm * 4
    for _ in range(40):
        edge_mm = float(np.sqrt(low * high))
        if layers * rings(edge_mm)[1].sum() > nodes:
            low = edge_mm
        else:
            high = edge_mm
    return *rings(high), layers


def _stitch(counts: np.ndarray) -> np.ndarray:
    """Triangles between neighbouring rings, shape (triangles, 3): each edge takes the node nearest across."""
    first = np.cumsum(counts) - counts
    triangles = []
    for lower in range(len(counts) - 1):
        n, m = int(counts[lower]), int(counts[lower + 1])
        # A ring of one node is the apex: it has no edges.
        inner_edges = (np.arange(n) + 0.5) / n if n > 1 else np.empty(0)
        edges = np.concatenate([inner_edges, (np.arange(m) + 0.5) / m])
        is_outer = np.arange(len(edges)) >= len(inner_edges)
        is_outer = is_outer[np.argsort(edges, kind="stable")]
        outer: np.ndarray = np.cumsum(is_outer) - is_outer
        inner = np.arange(len(edges)) - outer
        a, b = first[lower] + inner % n, first[lower + 1] + outer % m
        third = np.where(is_outer, first[lower + 1] + (outer + 1) % m, first[lower] + (inner + 1) % n)
        triangles.append(np.column_stack([a, b, third]))
    return np.concatenate(triangles)


def _tetrahedra(triangles: np.ndarray, per_layer: int, layers: int) -> np.ndarray:
    """Cut the extruded triangles into tetrahedra of positive volume, shape (cells, 4)."""
    order = np.argsort(triangles, axis=1)
    a, b, c = np.take_along_axis(triangles, order, axis=1).T
    up = per_layer
    cells = np.stack(
        [
            np.stack([a, b, c, c + up], axis=1),
            np.stack([a, b, c + up, b + up], axis=1),
            np.stack([a, b + up, c + up, a + up], axis=1),
        ]
    )
    # A stitched triangle runs clockwise seen from outside. Sorting its nodes keeps that where the
    # permutation is even; there the tetrahedra are inside out, and swapping two nodes turns them.
    even = (order[:, 1] - order[:, 0]) % 3 == 1
    cells[:, even, :2] = cells[:, even, 1::-1]
    return (cells[None] + (np.arange(layers - 1) * up)[:, None, None, None]).reshape(-1, 4)
