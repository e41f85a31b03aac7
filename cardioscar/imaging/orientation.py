"""One order of storage for every image, so that a map does not depend on how a file lays out its voxels.

A file may store rows, columns and slices in any order and direction; its affine says where each voxel lies. What counts
pixels (blocks, draws, meshes from labels) would follow the order of the file, so each image is brought to one order at
the
door: i across the picture as radiologists see it (towards the left, or the back), j down it (towards the back, or the
feet), slices last, from the end that usually is the apex to the base.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.slices import Slice, SliceStack, slice_axis, slice_numbers
from cardioscar.imaging.volume import Volume

# Directions, LPS, that no image axis of a common plane is as near to as to another: 45° decides nothing by rounding.
_ACROSS = np.array([1.0, 0.5, 0.07])
_DOWN = np.array([0.05, 0.5, -1.0])
_TO_BASE = np.array([-0.57, 0.53, 0.62])

_TIED = 0.99
"""Spacings within 1 % are equal: the voxels then do not tell which axis runs through the slices."""
_STEP_DIGITS, _PLACE_DIGITS = 5, 3
"""Steps are kept to 10 nm, and the lattice to a thousandth of a voxel: headers of one grid in two orders, cropped, or
written by two programs, are rounded to single precision differently, and the maps must not differ by it."""


def canonical(volume: Volume) -> Volume:
    """The same voxels at the same places, in the one order of storage.

    Args:
        volume: Any order and direction of axes.

    Returns:
        Slices along the last axis, from the usual apex to the base; `slice_numbers` are the indices of the slices in
        the file. The frame is rounded to a thousandth of a voxel.

    >>> upside_down = Volume(np.arange(4).reshape(1, 1, 4), np.diag([-1.5, 1.5, -8.0, 1.0]))
    >>> canonical(upside_down).values.ravel(), canonical(upside_down).slice_numbers
    (array([3, 2, 1, 0]), (3, 2, 1, 0))
    """
    order = _order(volume)
    steps = volume.affine[:3, :3]
    signs = np.array([_sign(steps[:, axis], way) for axis, way in zip(order, (_ACROSS, _DOWN, _TO_BASE), strict=True)])
    last = np.array(volume.values.shape) - 1
    corner = np.zeros(3)
    corner[list(order)] = np.where(signs < 0, last[list(order)], 0)
    affine = _settled(steps[:, order] * signs, volume.index_to_mm(corner[None])[0])
    values = np.transpose(volume.values, order)[tuple(slice(None, None, int(sign)) for sign in signs)]
    numbers = slice_numbers(volume) if order[2] == slice_axis(volume) else tuple(range(values.shape[2]))
    return replace(volume, values=np.ascontiguousarray(values), affine=affine, slice_numbers=numbers[:: int(signs[2])])


def canonical_stack(stack: SliceStack) -> SliceStack:
    """A stack whose slices have frames of their own (grid layers), in the one order; numbers stay."""
    slices = [_canonical_slice(piece) for piece in stack]
    parallel = all(abs(a.normal @ b.normal) > 0.99 for a, b in pairwise(slices))
    axis = slices[0].normal if parallel else _TO_BASE
    return replace(stack, slices=tuple(sorted(slices, key=lambda piece: round(float(piece.center_mm @ axis), 3))))


def _order(volume: Volume) -> tuple[int, int, int]:
    """Axes of the volume that become i, j and k."""
    steps, spacing = volume.affine[:3, :3], volume.spacing_mm
    tied = np.flatnonzero(spacing >= _TIED * spacing.max())
    through = int(max(tied, key=lambda axis: abs(steps[:, axis] @ _TO_BASE) / spacing[axis]))
    a, b = (axis for axis in range(3) if axis != through)
    return (b, a, through) if _swapped(steps[:, a] / spacing[a], steps[:, b] / spacing[b]) else (a, b, through)


def _swapped(a: Float[np.ndarray, " xyz"], b: Float[np.ndarray, " xyz"]) -> bool:
    """Whether b, rather than a, runs across the picture."""
    return bool(abs(b @ _ACROSS) + abs(a @ _DOWN) > abs(a @ _ACROSS) + abs(b @ _DOWN))


def _sign(step: Float[np.ndarray, " xyz"], way: Float[np.ndarray, " xyz"]) -> int:
    return 1 if step @ way >= 0 else -1


def _settled(steps: Float[np.ndarray, "3 3"], origin: Float[np.ndarray, " xyz"]) -> Float[np.ndarray, "4 4"]:
    """Affine freed of rounding: the index of the isocentre is the same but for whole numbers wherever a grid begins."""
    of_isocentre = np.round(-np.linalg.solve(steps, origin), _PLACE_DIGITS)
    affine = np.eye(4)
    affine[:3, :3] = np.round(steps, _STEP_DIGITS) + 0.0
    affine[:3, 3] = -affine[:3, :3] @ of_isocentre + 0.0
    return affine


def _canonical_slice(piece: Slice) -> Slice:
    order = [1, 0] if _swapped(*(piece.affine[:3, :2] / piece.pixel_mm).T) else [0, 1]
    steps = piece.affine[:3, [*order, 2]]
    signs = np.array([_sign(steps[:, axis], way) for axis, way in enumerate((_ACROSS, _DOWN, _TO_BASE))])
    last = np.array(piece.values.shape) - 1
    corner = np.zeros(2)
    corner[order] = np.where(signs[:2] < 0, last[order], 0)
    affine = _settled(steps * signs, piece.affine[:3, :2] @ corner + piece.affine[:3, 3])
    turned = tuple(slice(None, None, int(sign)) for sign in signs[:2])
    return replace(
        piece,
        values=np.ascontiguousarray(np.transpose(piece.values, order)[turned]),
        observed=np.ascontiguousarray(np.transpose(piece.observed, order)[turned]),
        affine=affine,
    )
