"""Distance of nodes to observed pixels."""

import numpy as np
import pytest

from cardioscar.errors import GeometryError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.reach import distance_to_pixels_mm


def _stack(observed: np.ndarray, thickness_mm: float = 6.0, apart_mm: float = 10.0) -> SliceStack:
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    pieces = []
    for number in range(3):
        affine = np.eye(4)
        affine[:3, :3] = turn * np.array([1.3, 1.3, thickness_mm])
        affine[:3, 3] = turn[:, 2] * apart_mm * number + [5, -7, 40]
        pieces.append(Slice(np.zeros(observed.shape), observed, affine, number))
    return SliceStack(tuple(pieces), "lge")


def test_matches_a_dense_sampling_of_the_slabs():
    rng = np.random.default_rng(0)
    observed = rng.random((12, 9)) > 0.6
    stack = _stack(observed)
    nodes = rng.uniform(-30, 60, size=(300, 3)) + np.array([5, -7, 40])
    dense = np.concatenate(
        [s.pixel_centers_mm() + t * s.affine[:3, 2] for s in stack for t in np.linspace(-0.5, 0.5, 61)]
    )
    brute = np.linalg.norm(nodes[:, None] - dense[None], axis=2).min(axis=1)
    # the slab is sampled every 0.1 mm, so the brute distance is off by at most 0.05 mm
    np.testing.assert_allclose(distance_to_pixels_mm(stack, nodes), brute, atol=0.05)


def test_without_observed_pixels_there_is_no_distance():
    with pytest.raises(GeometryError, match="at least one observed pixel"):
        distance_to_pixels_mm(_stack(np.zeros((4, 4), dtype=bool)), np.zeros((1, 3)))
