"""One order of storage: whatever a file's order, voxels stay where they are and come out alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.imaging.orientation import canonical, canonical_stack
from cardioscar.imaging.slices import stack_from_volume
from cardioscar.imaging.volume import Volume, holding_voxel
from tests.imaging.stored_orders import ORDERS, as_float32, stored

VALUES = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)


def placed(rotation: Rotation, spacing: tuple[float, float, float] = (1.3, 1.3, 8.0), *, origin: object = 0) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = rotation.as_matrix() * np.array(spacing)
    affine[:3, 3] = origin
    return Volume(VALUES, affine, "lge.nii.gz", 6.0)


rotations = st.one_of(
    st.integers(0, 10_000).map(lambda seed: Rotation.random(random_state=seed)),
    # what is as near to one axis as to another must not be decided by rounding
    st.tuples(*[st.integers(0, 7)] * 3).map(lambda turns: Rotation.from_euler("xyz", np.multiply(turns, 45), True)),
)


@given(
    rotation=rotations,
    order=st.sampled_from(ORDERS),
    isotropic=st.booleans(),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_every_order_comes_out_alike(
    rotation: Rotation, order: object, isotropic: bool, origin: tuple[float, float, float]
) -> None:
    volume = placed(rotation, (1.0, 1.0, 1.0) if isotropic else (1.3, 1.3, 8.0), origin=origin)
    expected, found = canonical(volume), canonical(as_float32(stored(volume, order)))
    np.testing.assert_array_equal(found.values, expected.values)
    # two roundings to a thousandth of a voxel, and single precision 300 mm from the isocentre
    np.testing.assert_allclose(found.affine, expected.affine, atol=2e-3 * 8)
    assert found.slice_thickness_mm == 6.0


@given(rotation=rotations, order=st.sampled_from(ORDERS))
def test_voxels_stay_where_they_are(rotation: Rotation, order: object) -> None:
    volume = stored(placed(rotation, origin=(30.0, -41.0, 12.0)), order)
    found = canonical(volume)
    index = np.argwhere(np.ones(found.values.shape, bool))
    at = np.rint(volume.mm_to_index(found.index_to_mm(index))).astype(int)
    np.testing.assert_array_equal(volume.values[tuple(at.T)], found.values[tuple(index.T)])
    np.testing.assert_allclose(volume.index_to_mm(at), found.index_to_mm(index), atol=0.01)
    # the number of a slice is its index in the file
    axis = int(np.argmax(volume.spacing_mm))
    np.testing.assert_array_equal(np.array(found.slice_numbers)[index[:, 2]], at[:, axis])


@given(rotation=rotations, order=st.sampled_from(ORDERS), isotropic=st.booleans())
def test_once_is_enough(rotation: Rotation, order: object, isotropic: bool) -> None:
    first = canonical(stored(placed(rotation, (1.0, 1.0, 1.0) if isotropic else (1.3, 1.3, 8.0)), order))
    again = canonical(first)
    np.testing.assert_array_equal(again.values, first.values)
    np.testing.assert_array_equal(again.affine, first.affine)
    assert again.slice_numbers == first.slice_numbers


@given(rotation=rotations, cut=st.tuples(*[st.integers(0, 2)] * 3))
def test_a_crop_lies_on_the_same_lattice(rotation: Rotation, cut: tuple[int, int, int]) -> None:
    volume = placed(rotation, origin=(-88.7, 61.3, 140.9))
    affine = volume.affine.copy()
    affine[:3, 3] = volume.index_to_mm(np.array([cut]))[0]
    part = canonical(as_float32(Volume(volume.values[cut[0] :, cut[1] :, cut[2] :], affine, "lge.nii.gz")))
    index = canonical(volume).mm_to_index(part.affine[None, :3, 3])[0]
    assert np.abs(index - np.rint(index)).max() < 2e-3


def test_slices_run_from_apex_to_base_in_a_usual_heart() -> None:
    # the apex lies to the left, front and feet of the base; so it does in the four human stacks that were looked at
    to_apex = np.array([0.62, -0.67, -0.41])
    across = np.cross(to_apex, (0, 0, 1.0))
    frame = np.column_stack([across, np.cross(to_apex, across), to_apex])
    volume = placed(Rotation.from_matrix(frame / np.linalg.norm(frame, axis=0)))
    found = canonical(volume)
    assert found.affine[:3, 2] @ to_apex < 0
    assert found.slice_numbers == (5, 4, 3, 2, 1, 0)
    assert [piece.number for piece in stack_from_volume(found)] == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("rotation", [Rotation.identity(), Rotation.from_euler("xyz", [20, -35, 50], degrees=True)])
def test_slices_of_their_own_frames(rotation: Rotation) -> None:
    volume = placed(rotation)
    expected = canonical_stack(stack_from_volume(volume, observed=VALUES > 0.3))
    for order in ORDERS:
        if order[0][2] != 2:
            continue
        turned = stored(volume, order)
        found = canonical_stack(stack_from_volume(turned, observed=turned.values > 0.3))
        for before, after in zip(expected, found, strict=True):
            np.testing.assert_array_equal(after.values, before.values)
            np.testing.assert_array_equal(after.observed, before.observed)
            np.testing.assert_allclose(after.affine, before.affine, atol=1e-9)
            assert after.number == (before.number if order[1][2] > 0 else 5 - before.number)


def test_crossing_slices_are_put_in_order_too() -> None:
    stack = stack_from_volume(placed(Rotation.identity()))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("x", 60, degrees=True).as_matrix()
    pieces = (*stack, *(replace(p, affine=turn @ p.affine, number=p.number + 6) for p in stack))
    forwards = canonical_stack(replace(stack, slices=pieces))
    backwards = canonical_stack(replace(stack, slices=pieces[::-1]))
    assert [p.number for p in forwards] == [p.number for p in backwards]


@given(index=st.floats(-5, 5), share=st.floats(-9e-5, 0))
def test_a_place_on_a_face_belongs_to_the_upper_voxel(index: float, share: float) -> None:
    face = np.floor(index) + 0.5
    assert holding_voxel(np.array([face, face + share, face - 2e-4])).tolist() == [face + 0.5, face + 0.5, face - 0.5]
