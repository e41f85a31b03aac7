"""Small slice stacks and point clouds with known groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.imaging.slices import Slice, SliceStack


def make_stack(
    rng: np.random.Generator,
    *,
    slices: int = 4,
    shape: tuple[int, int] = (12, 10),
    pixel_mm: float = 1.5,
    thickness_mm: float = 6.0,
    spacing_mm: float = 9.0,
    rotation: Rotation | None = None,
) -> SliceStack:
    """A stack with random fractions in a given orientation."""
    axes = (rotation or Rotation.identity()).as_matrix()
    pieces = []
    for number in range(slices):
        affine = np.eye(4)
        affine[:3, :3] = axes * np.array([pixel_mm, pixel_mm, thickness_mm])
        affine[:3, 3] = axes[:, 2] * number * spacing_mm
        values = rng.random(shape).astype(np.float32)
        pieces.append(Slice(values, rng.random(shape) < 0.8, affine, number))
    return SliceStack(tuple(pieces), "lge.nii.gz")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
