"""Which mesh nodes each LGE pixel sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.imaging.volume import holding_voxel
from cardioscar.types import GroupIndex, GroupNumbers, GroupValues, Points


@dataclass(frozen=True)
class PixelGroups:
    """The nodes inside each observed pixel's prism, and the pixel's scar fraction.

    Attributes:
        group_index: Group of each node, shape (nodes,), int32; -1 where no observed pixel sees the node.
        targets: Scar fraction of each group, 0 to 1, shape (groups,), float32.
        pixels: How many observed pixels each group averages (1 unless pixels were merged), shape (groups,), int32.
        slice_number: Slice of each group, shape (groups,), int32.
        center_mm: Centre of each group's prism in mm LPS, shape (groups, 3), float32.
        unseen_pixels: Observed pixels that no node falls into; they constrain nothing.
    """

    group_index: GroupIndex
    targets: GroupValues
    pixels: GroupNumbers
    slice_number: GroupNumbers
    center_mm: Points
    unseen_pixels: int = 0

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.targets)


def group_nodes(nodes_mm: Points, stack: SliceStack, *, merge: int = 1) -> PixelGroups:
    r"""Assign every node to the observed pixel whose prism contains it [@sen2025].

    A pixel is the prism $[i \pm ½] × [j \pm ½] × [t \pm ½]$ in its slice's own frame, so oblique and shifted slices
    need no resampling; it is half open, so that a node on a shared face has one owner. A node in no prism (a gap
    between slices, a pixel outside the wall) stays unobserved. Where slabs overlap, a node belongs to the slice whose
    mid-plane is nearest to it, and to the earlier slice at a tie.

    Args:
        nodes_mm: Node positions in mm LPS, shape (nodes, 3).
        stack: Slices with scar fractions 0 to 1; only observed pixels make groups.
        merge: Pixels of `merge × merge` blocks make one group, whose target is the mean of its observed pixels. It
            serves meshes coarser than the pixels, where one pixel would see one node or none. The blocks of a slice
            are counted from the first row and column of its wall, so that what surrounds the wall plays no part.

    Returns:
        Groups in the order of the stack, then row, then column; each has at least one node.

    Raises:
        InputError: If an observed pixel is no fraction from 0 to 1.
        GeometryError: If no node lies in any observed pixel; says how far apart mesh and slices are. If a node has no
            finite position.
    """
    _check(nodes_mm, stack)
    owner, row, column = _owning_pixels(nodes_mm, stack)
    keys = np.full(len(nodes_mm), -1, dtype=np.int64)
    tables, base = [], 0
    for position, piece in enumerate(stack):
        inside = np.flatnonzero(owner == position)
        blocks = _Blocks.of(piece, merge)
        keys[inside] = base + blocks.flat(row[inside], column[inside])
        tables.append(blocks)
        base += blocks.counts.size
    seen, inverse = np.unique(keys, return_inverse=True)
    if seen[0] == -1:
        seen, inverse = seen[1:], inverse - 1
    if len(seen) == 0:
        raise GeometryError(stack.source, "slices that cross the mesh", _how_far(nodes_mm, stack))
    counts = np.concatenate([t.counts for t in tables])
    return PixelGroups(
        group_index=inverse.astype(np.int32).reshape(-1),
        targets=np.clip(np.concatenate([t.means for t in tables])[seen], 0, 1).astype(np.float32),
        pixels=counts[seen].astype(np.int32),
        slice_number=np.concatenate([np.full(t.counts.size, t.number) for t in tables])[seen].astype(np.int32),
        center_mm=np.concatenate([t.centers_mm for t in tables])[seen].astype(np.float32),
        unseen_pixels=int(counts.sum() - counts[seen].sum()),
    )


def _check(nodes_mm: Points, stack: SliceStack) -> None:
    lost = int((~np.isfinite(nodes_mm).all(axis=1)).sum())
    if lost:
        raise GeometryError("mesh", "finite positions of the nodes", f"{lost} nodes without one")
    for piece in stack:
        values = piece.values[piece.observed]
        # float32 images leave 0 to 1 by rounding
        wrong = int((~((values >= -1e-6) & (values <= 1 + 1e-6))).sum())
        if wrong:
            raise InputError(
                stack.source, "scar fractions from 0 to 1", f"{wrong} other wall pixels in slice {piece.number}"
            )


@dataclass(frozen=True)
class _Blocks:
    """Merged pixels of one slice, flattened row by row, from the first row and column with wall."""

    merge: int
    first: np.ndarray
    columns: int
    counts: np.ndarray
    means: np.ndarray
    centers_mm: np.ndarray
    number: int

    @classmethod
    def of(cls, piece: Slice, merge: int) -> _Blocks:
        wall = np.argwhere(piece.observed)
        first = wall.min(axis=0) if len(wall) else np.zeros(2, dtype=np.int64)
        rows, columns = (wall.max(axis=0) - first) // merge + 1 if len(wall) else (0, 0)
        at = (wall - first) // merge
        flat = at[:, 0] * columns + at[:, 1]
        counts = np.bincount(flat, minlength=rows * columns)
        sums = np.bincount(flat, weights=piece.values[piece.observed], minlength=rows * columns)
        grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1).reshape(-1, 2)
        centers = piece.frame.index_to_mm(first + grid * merge + (merge - 1) / 2)
        return cls(merge, first, int(columns), counts, sums / np.maximum(counts, 1), centers, piece.number)

    def flat(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Block of each pixel of the wall."""
        return (row - self.first[0]) // self.merge * self.columns + (column - self.first[1]) // self.merge


def _owning_pixels(nodes_mm: Points, stack: SliceStack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position in the stack, row and column of the observed pixel that holds each node; -1 for none."""
    n = len(nodes_mm)
    owner, row, column = (np.full(n, -1, dtype=np.int32) for _ in range(3))
    nearest = np.full(n, np.inf)
    for position, piece in enumerate(stack):
        inverse = piece.frame.inverse
        t = nodes_mm @ inverse[2, :3] + inverse[2, 3]
        distance = np.abs(t) * piece.thickness_mm
        # nearer by more than rounding, so that a node midway between two slices is always the earlier one's
        near = np.flatnonzero((holding_voxel(t) == 0) & (distance < nearest - 1e-6))
        index = holding_voxel(nodes_mm[near] @ inverse[:2, :3].T + inverse[:2, 3]).astype(np.int32)
        in_image = ((index >= 0) & (index < piece.values.shape)).all(axis=1)
        near, index = near[in_image], index[in_image]
        seen = piece.observed[index[:, 0], index[:, 1]]
        near, index = near[seen], index[seen]
        owner[near], row[near], column[near] = position, index[:, 0], index[:, 1]
        nearest[near] = distance[near]
    return owner, row, column


def _how_far(nodes_mm: Points, stack: SliceStack) -> str:
    pixels = np.concatenate([s.pixel_centers_mm() for s in stack])
    if len(pixels) == 0:
        return "no observed pixel"
    distance = cKDTree(pixels).query(nodes_mm[:: max(1, len(nodes_mm) // 5000)])[0].min()
    between = np.linalg.norm(pixels.mean(axis=0) - nodes_mm.mean(axis=0))
    return f"no node in a wall pixel: nearest node {distance:.1f} mm away, centres {between:.0f} mm apart"


def merge_for(nodes: int, wall_ml: float, stack: SliceStack, *, nodes_per_group: float) -> int:
    """Smallest block of pixels that holds enough nodes for a group mean to say something.

    Args:
        nodes: Number of mesh nodes.
        wall_ml: Wall volume of the mesh in ml.
        stack: Slices; the smallest pixel prism counts.
        nodes_per_group: Nodes wanted in a full block.

    Returns:
        `merge` for `group_nodes`, at least 1 and at most 8.

    >>> import numpy as np
    >>> square = Slice(np.zeros((4, 4)), np.ones((4, 4), bool), np.diag([1.0, 1.0, 8.0, 1.0]), 0)
    >>> merge_for(30_000, 120.0, SliceStack((square,), "lge"), nodes_per_group=4)
    2
    """
    prism_mm3 = 1000 * min(s.prism_ml for s in stack)
    per_pixel = prism_mm3 * nodes / (wall_ml * 1000)
    # A block of 90 % of the wanted size is near enough: node spacing varies more than that
    return int(np.clip(np.ceil(np.sqrt(0.9 * nodes_per_group / per_pixel)), 1, 8))
