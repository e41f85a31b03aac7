"""Slice stacks on disk (`.npz`), each slice with its own frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cardioscar.imaging.slices import Slice, SliceStack


def save_stack(path: Path, stack: SliceStack) -> None:
    """Write a stack; the same stack gives the same bytes."""
    arrays = {"numbers": np.array([s.number for s in stack])}
    for position, piece in enumerate(stack):
        arrays[f"values_{position}"] = piece.values.astype(np.float32)
        arrays[f"observed_{position}"] = piece.observed
        arrays[f"affine_{position}"] = piece.affine
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load_stack(path: Path) -> SliceStack:
    """Read what `save_stack` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        slices = tuple(
            Slice(stored[f"values_{k}"], stored[f"observed_{k}"], stored[f"affine_{k}"], int(number))
            for k, number in enumerate(stored["numbers"])
        )
    return SliceStack(slices, path.name)


def crop(stack: SliceStack, *, margin_mm: float = 12.0, pad: bool = False) -> SliceStack:
    """Keep the part of each slice around the observed pixels of the whole stack; empty slices are dropped.

    Args:
        stack: Slices whose images share rows and columns (as those of one volume do), or not.
        margin_mm: What is kept around the observed pixels, mm.
        pad: Fill the margin with zeros where the image ends within it, so that its extent plays no part; else the
            margin ends with the image.

    Returns:
        Slices with shifted affines, so that positions in mm stay what they were.
    """
    seen = [s for s in stack if s.observed.any()]
    same = len({s.values.shape for s in seen}) == 1
    union = np.any([s.observed for s in seen], axis=0) if same and seen else None
    cropped = []
    for piece in seen:
        rows, columns = np.nonzero(piece.observed if union is None else union)
        margin = np.ceil(margin_mm / piece.pixel_mm).astype(int)
        wanted = np.array([[rows.min(), columns.min()] - margin, [rows.max(), columns.max()] + margin + 1])
        low, high = np.clip(wanted, 0, piece.values.shape)
        window = (slice(low[0], high[0]), slice(low[1], high[1]))
        values, observed = piece.values[window], piece.observed[window]
        if pad:
            missing = list(zip(low - wanted[0], wanted[1] - high, strict=True))
            values, observed, low = np.pad(values, missing), np.pad(observed, missing), wanted[0]
        affine = piece.affine.copy()
        affine[:3, 3] += affine[:3, :2] @ low
        cropped.append(Slice(values, observed, affine, piece.number))
    return SliceStack(tuple(cropped), stack.source)
