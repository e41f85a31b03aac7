"""Checks of images and slice stacks: what cannot be LGE data is refused with its reason."""

from __future__ import annotations

import hashlib
from itertools import combinations

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.imaging.volume import Volume

SAME_POSITION = 0.1
"""Two slices closer than this part of their thickness are the same slice."""


def check_image(volume: Volume) -> None:
    """Refuse an intensity image with NaN or infinite voxels, or without contrast.

    Raises:
        InputError: With the number of bad voxels, or the constant value.

    >>> check_image(Volume(np.zeros((2, 2, 2)), np.eye(4), "lge.nii.gz"))
    Traceback (most recent call last):
    cardioscar.errors.InputError: lge.nii.gz: expected an image with contrast, found the constant 0
    """
    _check_finite(volume)
    low, high = volume.values.min(), volume.values.max()
    if low == high:
        raise InputError(volume.source, "an image with contrast", f"the constant {low:g}")


def check_probability(volume: Volume) -> None:
    """Refuse a probability volume that is not finite or leaves 0 to 1 (by more than 1e-6, which float32
    loses).

    A constant volume is legal: all zero is a heart without scar.

    Raises:
        InputError: With the number of voxels outside and the range found.
    """
    _check_finite(volume)
    values = volume.values
    outside = int(((values < -1e-6) | (values > 1 + 1e-6)).sum())
    if outside:
        raise InputError(
            volume.source,
            "probabilities from 0 to 1",
            f"{values.min():g} to {values.max():g} ({outside} voxels outside)",
        )


def check_stack(stack: SliceStack) -> None:
    """Refuse a stack that no reconstruction can use.

    Args:
        stack: Slices; those without an observed pixel are ignored.

    Raises:
        InputError: If fewer than two slices have observed pixels, or two of them have identical pixels.
        GeometryError: If a thickness is not positive, or two parallel slices lie at the same position.
    """
    for one in stack:
        if not np.isfinite(one.thickness_mm) or one.thickness_mm <= 0:
            raise GeometryError(
                stack.source, "a positive slice thickness", f"{one.thickness_mm:g} mm (slice {one.number})"
            )
    seen = [s for s in stack if s.observed.any()]
    if len(seen) < 2:
        raise InputError(
            stack.source, "at least 2 slices with observed pixels", f"{len(seen)} (of {len(stack)} slices)"
        )
    for a, b in combinations(seen, 2):
        if _same_position(a, b):
            raise GeometryError(
                stack.source,
                "one slice at each position",
                f"slices {a.number} and {b.number} at the same position",
            )
    numbers: dict[bytes, int] = {}
    for one in seen:
        pixels = one.values[one.observed]
        if np.ptp(pixels) == 0:
            continue  # slices without scar, or blank ones, may be alike
        content = hashlib.sha256(repr(one.values.shape).encode() + one.observed.tobytes() + pixels.tobytes()).digest()
        if content in numbers:
            raise InputError(
                stack.source, "slices that differ", f"identical pixels in slices {numbers[content]} and {one.number}"
            )
        numbers[content] = one.number


def _check_finite(volume: Volume) -> None:
    if volume.values.size == 0:
        raise InputError(volume.source, "an image with voxels", f"shape {volume.values.shape}")
    if not np.issubdtype(volume.values.dtype, np.floating):
        return
    nan, infinite = int(np.isnan(volume.values).sum()), int(np.isinf(volume.values).sum())
    if nan or infinite:
        raise InputError(
            volume.source,
            "finite voxel values",
            f"{nan} NaN and {infinite} infinite of {volume.values.size} voxels",
        )


def _same_position(a: Slice, b: Slice) -> bool:
    # Slices that cross (radial long-axis planes) share a line, not a position.
    if abs(a.normal @ b.normal) < 0.99:
        return False
    offset = b.center_mm - a.center_mm
    return bool(abs(offset @ a.normal) < SAME_POSITION * min(a.thickness_mm, b.thickness_mm))
