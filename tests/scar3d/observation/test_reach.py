"""Distance of nodes to observed pixels, and what pixels on both sides make of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import GeometryError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.observation.reach import distance_to_pixels_mm, reach_of

CORNER = np.array([5, -7, 40])


def _stack(observed: np.ndarray, thickness_mm: float = 6.0, apart_mm: float = 10.0, slices: int = 3) -> SliceStack:
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    pieces = []
    for number in range(slices):
        affine = np.eye(4)
        affine[:3, :3] = turn * np.array([1.3, 1.3, thickness_mm])
        affine[:3, 3] = turn[:, 2] * apart_mm * number + CORNER
        pieces.append(Slice(np.zeros(observed.shape), observed, affine, number))
    return SliceStack(tuple(pieces), "lge")


def _dense(stack: SliceStack) -> np.ndarray:
    return np.concatenate(
        [s.pixel_centers_mm() + t * s.affine[:3, 2] for s in stack for t in np.linspace(-0.5, 0.5, 61)]
    )


def test_matches_a_dense_sampling_of_the_slabs():
    rng = np.random.default_rng(0)
    stack = _stack(rng.random((12, 9)) > 0.6)
    nodes = rng.uniform(-30, 60, size=(300, 3)) + CORNER
    brute = np.linalg.norm(nodes[:, None] - _dense(stack)[None], axis=2).min(axis=1)
    # the slab is sampled every 0.1 mm, so the brute distance is off by at most 0.05 mm
    np.testing.assert_allclose(distance_to_pixels_mm(stack, nodes), brute, atol=0.05)


def test_the_bridged_distance_is_half_the_variance_of_ordinary_kriging():
    """From the nearest pixel on either side, with the variogram γ(d) = d, by the textbook's system of equations."""
    rng = np.random.default_rng(1)
    stack = _stack(np.ones((12, 9), dtype=bool))
    normal = stack.slices[0].normal
    # between the mid-planes of the outermost slices, and not in a slab, where the nearest point has no side
    heights = np.array([4.0, 5.0, 6.5, 13.5, 15.0, 16.5])
    nodes = CORNER + np.outer(rng.choice(heights, 60), normal)
    flat = rng.uniform(-15, 25, (60, 2))
    nodes = nodes + flat @ stack.slices[0].affine[:3, :2].T / 1.3
    found = reach_of(stack, nodes)
    dense, side = _dense(stack), (_dense(stack) - CORNER) @ normal
    for node, bridged in zip(nodes, found.bridged_mm, strict=True):
        height = (node - CORNER) @ normal
        below, above = (
            part[np.linalg.norm(part - node, axis=1).argmin()] for part in (dense[side < height], dense[side > height])
        )
        to = np.array([np.linalg.norm(below - node), np.linalg.norm(above - node)])
        apart = np.linalg.norm(below - above)
        system = np.array([[0, apart, 1], [apart, 0, 1], [1, 1, 0]], dtype=float)
        *weights, multiplier = np.linalg.solve(system, [*to, 1])
        half = (np.dot(weights, to) + multiplier) / 2
        if min(weights) >= 0:  # weights are kept from 0 to 1: far beside the slices one of the two pixels is enough
            assert bridged == pytest.approx(min(half, to.min()), abs=0.1)
        assert 0 <= bridged <= to.min() + 0.1


@given(gap_mm=st.floats(0.5, 40), at=st.floats(0.01, 0.99))
def test_between_two_slices_the_distance_counts_from_both(gap_mm: float, at: float) -> None:
    stack = _stack(np.ones((3, 3), dtype=bool), thickness_mm=6.0, apart_mm=6.0 + gap_mm, slices=2)
    middle = stack.slices[0].affine[:3, :2].sum(axis=1)  # over the pixel in the middle
    node = CORNER + middle + stack.slices[0].normal * (3.0 + at * gap_mm)
    found = reach_of(stack, node[None])
    assert found.nearest_mm[0] == pytest.approx(min(at, 1 - at) * gap_mm, abs=1e-6)
    assert found.bridged_mm[0] == pytest.approx(at * (1 - at) * gap_mm, abs=1e-6)
    assert found.between[0] == pytest.approx(1)
    assert found.end[0] == 0


def test_beside_and_beyond_the_slices_nothing_is_bridged():
    stack = _stack(np.ones((3, 3), dtype=bool))
    along, normal = stack.slices[0].affine[:3, 0] / 1.3, stack.slices[0].normal
    nodes = CORNER + np.array([-30 * normal, 50 * normal, 100 * along + 15 * normal, 100 * along])
    found = reach_of(stack, nodes)
    np.testing.assert_array_equal(found.end, [-1, 1, 0, 0])
    np.testing.assert_array_equal(found.between[:2], 0)
    assert found.between[2:].max() < 0.1
    np.testing.assert_allclose(found.bridged_mm[:2], found.nearest_mm[:2])
    assert (found.bridged_mm[2:] > 0.95 * found.nearest_mm[2:]).all()


def test_the_order_of_slices_and_their_sense_play_no_part():
    rng = np.random.default_rng(2)
    stack = _stack(rng.random((8, 8)) > 0.5)
    nodes = rng.uniform(-30, 60, size=(100, 3)) + CORNER
    flip = np.diag([1.0, 1.0, -1.0, 1.0])
    turned = tuple(Slice(s.values, s.observed, s.affine @ flip, s.number) for s in reversed(stack.slices))
    one, other = reach_of(stack, nodes), reach_of(SliceStack(turned, "lge"), nodes)
    np.testing.assert_allclose(one.nearest_mm, other.nearest_mm)
    np.testing.assert_allclose(one.bridged_mm, other.bridged_mm)
    np.testing.assert_array_equal(one.end, -other.end)


def test_without_observed_pixels_there_is_no_distance():
    with pytest.raises(GeometryError, match="at least one observed pixel"):
        distance_to_pixels_mm(_stack(np.zeros((4, 4), dtype=bool)), np.zeros((1, 3)))
