from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.observation.groups import group_nodes, merge_for
from tests.scar3d.conftest import make_stack


def brute_force(nodes: np.ndarray, stack: SliceStack) -> list[tuple[int, int, int] | None]:
    """Pixel of each node by testing every prism in turn."""
    result = []
    for node in nodes:
        best, owner = np.inf, None
        for piece in stack:
            # a face belongs to the pixel above it, and so does what lies within 1e-4 of a pixel below
            i, j, t = piece.mm_to_index(node[None])[0] + 1e-4
            for (a, b), seen in np.ndenumerate(piece.observed):
                if seen and a - 0.5 <= i < a + 0.5 and b - 0.5 <= j < b + 0.5 and -0.5 <= t < 0.5:
                    distance = abs(t) * piece.thickness_mm
                    if distance < best:
                        best, owner = distance, (piece.number, a, b)
        result.append(owner)
    return result


@given(seed=st.integers(0, 10_000), angle=st.floats(-1.5, 1.5))
def test_agrees_with_a_loop_over_prisms_in_any_orientation(seed: int, angle: float) -> None:
    rng = np.random.default_rng(seed)
    rotation = Rotation.from_rotvec(angle * np.array([0.3, 0.9, -0.2]))
    stack = make_stack(rng, slices=3, shape=(4, 5), rotation=rotation)
    nodes = rotation.apply(rng.uniform([-2, -2, -5], [8, 8, 24], (60, 3)))
    expected = brute_force(nodes, stack)
    if not any(expected):
        return
    groups = group_nodes(nodes, stack)
    keys = sorted({owner for owner in expected if owner})
    assert groups.n_groups == len(keys)
    for node, owner in enumerate(expected):
        assert groups.group_index[node] == (keys.index(owner) if owner else -1)
    values = {(s.number, i, j): s.values[i, j] for s in stack for i, j in np.argwhere(s.observed)}
    np.testing.assert_allclose(groups.targets, [values[k] for k in keys])
    assert groups.unseen_pixels == sum(int(s.observed.sum()) for s in stack) - len(keys)


def test_gaps_between_slices_stay_unobserved(rng: np.random.Generator) -> None:
    stack = make_stack(rng, thickness_mm=4.0, spacing_mm=10.0)
    z = np.array([0.0, 1.9, 2.1, 5.0, 7.9, 8.1])
    observed = np.argwhere(stack.slices[0].observed & stack.slices[1].observed)[0] * 1.5
    nodes = np.column_stack([np.full(6, observed[0]), np.full(6, observed[1]), z])
    assert (group_nodes(nodes, stack).group_index >= 0).tolist() == [True, True, False, False, False, True]


def test_overlapping_slabs_give_a_node_to_the_nearest_mid_plane() -> None:
    square = np.ones((1, 1))
    affines = [np.diag([2.0, 2.0, 8.0, 1.0]) for _ in range(2)]
    affines[1][2, 3] = 4.0
    stack = SliceStack(tuple(Slice(square * k, square > 0, affines[k], k) for k in range(2)), "s")
    groups = group_nodes(np.array([[0, 0, 1.9], [0, 0, 2.1], [0, 0, 2.0]]), stack)
    assert groups.slice_number[groups.group_index].tolist() == [0, 1, 0]  # a tie goes to the lower number


@given(merge=st.integers(1, 4))
def test_merged_pixels_keep_the_mean_over_observed_pixels(merge: int) -> None:
    rng = np.random.default_rng(merge)
    stack = make_stack(rng, slices=1)
    piece = stack.slices[0]
    nodes = np.vstack([piece.pixel_centers_mm()] * 2)
    groups = group_nodes(nodes, stack, merge=merge)
    assert groups.pixels.sum() == piece.observed.sum()
    total = (groups.targets * groups.pixels).sum()
    assert total == pytest.approx(piece.values[piece.observed].sum(), rel=1e-5)
    assert (np.bincount(groups.group_index) == 2 * groups.pixels).all()


@given(merge=st.integers(2, 5), border=st.tuples(*[st.integers(0, 4)] * 4))
def test_blocks_are_counted_from_the_wall(merge: int, border: tuple[int, int, int, int]) -> None:
    rng = np.random.default_rng(sum(border))
    stack = make_stack(rng)
    before, after = border[:2], border[2:]

    def framed(piece: Slice) -> Slice:
        pad = list(zip(before, after, strict=True))
        affine = piece.affine.copy()
        affine[:3, 3] -= affine[:3, :2] @ before
        return replace(piece, values=np.pad(piece.values, pad), observed=np.pad(piece.observed, pad), affine=affine)

    nodes = rng.uniform([0, 0, -3], [15, 12, 30], (300, 3))
    alone = group_nodes(nodes, stack, merge=merge)
    wider = group_nodes(nodes, replace(stack, slices=tuple(framed(piece) for piece in stack)), merge=merge)
    np.testing.assert_array_equal(wider.group_index, alone.group_index)
    np.testing.assert_array_equal(wider.targets, alone.targets)
    np.testing.assert_array_equal(wider.pixels, alone.pixels)
    np.testing.assert_allclose(wider.center_mm, alone.center_mm, atol=1e-4)
    assert wider.unseen_pixels == alone.unseen_pixels


def test_the_order_of_nodes_does_not_matter(rng: np.random.Generator) -> None:
    stack = make_stack(rng)
    nodes = rng.uniform([0, 0, -3], [15, 12, 30], (500, 3))
    order = rng.permutation(500)
    a, b = group_nodes(nodes, stack), group_nodes(nodes[order], stack)
    assert (a.group_index[order] == b.group_index).all()
    np.testing.assert_array_equal(a.targets, b.targets)


def test_a_mesh_elsewhere_is_refused_with_its_distance(rng: np.random.Generator) -> None:
    stack = make_stack(rng)
    with pytest.raises(
        GeometryError, match=r"lge.nii.gz: expected slices that cross the mesh, found no node .* mm away"
    ):
        group_nodes(rng.uniform(200, 210, (50, 3)), stack)


def test_no_observed_pixel_is_said_so() -> None:
    empty = Slice(np.zeros((3, 3)), np.zeros((3, 3), bool), np.eye(4), 0)
    with pytest.raises(GeometryError, match="no observed pixel"):
        group_nodes(np.zeros((1, 3)), SliceStack((empty,), "lge.nii.gz"))


@pytest.mark.parametrize(("nodes", "expected"), [(300_000, 1), (30_000, 2), (3_000, 5)])
def test_coarser_meshes_merge_more_pixels(nodes: int, expected: int) -> None:
    square = Slice(np.zeros((4, 4)), np.ones((4, 4), bool), np.diag([1.0, 1.0, 8.0, 1.0]), 0)
    assert merge_for(nodes, 130.0, SliceStack((square,), "s"), nodes_per_group=4) == expected
