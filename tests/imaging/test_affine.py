"""An affine and what follows from it, against the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.imaging.affine import Affine

STEPS = st.tuples(*[st.floats(0.2, 12)] * 3)
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
PLACES = st.tuples(*[st.floats(-500, 500)] * 3)


def affine(steps: tuple[float, ...], angles: tuple[float, ...], origin: tuple[float, ...]) -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * steps
    matrix[:3, 3] = origin
    return Affine(matrix)


@given(STEPS, ANGLES, PLACES)
def test_there_and_back_is_where_one_was(steps: tuple, angles: tuple, origin: tuple) -> None:
    frame = affine(steps, angles, origin)
    index = np.array([[0, 0, 0], [3.5, -2, 7], [100, 50, 9]])
    np.testing.assert_allclose(frame.mm_to_index(frame.index_to_mm(index)), index, atol=1e-9 * 500 / min(steps))
    np.testing.assert_allclose(frame.spacing_mm, steps, rtol=1e-12)
    assert frame.voxel_ml == pytest.approx(np.prod(steps) / 1000, rel=1e-9)
    np.testing.assert_allclose(frame.directions.T @ frame.directions, np.eye(3), atol=1e-12)
    for axis in range(3):
        np.testing.assert_allclose(frame.normal(axis), frame.directions[:, axis], atol=1e-12)


@given(STEPS, ANGLES, PLACES)
def test_indices_of_two_columns_lie_in_the_first_slice(steps: tuple, angles: tuple, origin: tuple) -> None:
    frame = affine(steps, angles, origin)
    flat = np.array([[0.0, 1.0], [4.0, 2.5]])
    np.testing.assert_array_equal(frame.index_to_mm(flat), frame.index_to_mm(np.column_stack([flat, np.zeros(2)])))


def test_maps_are_composed() -> None:
    frame = affine((2, 3, 8), (10, 20, 30), (5, -7, 11))
    inner = np.diag([2.0, 2.0, 1.0, 1.0])
    inner[:3, 3] = [4, 1, 0]
    index = np.array([[1.0, 2.0, 3.0]])
    expected = frame.index_to_mm(index * [2, 2, 1] + [4, 1, 0])
    np.testing.assert_allclose((frame @ inner).index_to_mm(index), expected, atol=1e-12)
    np.testing.assert_allclose((frame @ Affine(inner)).index_to_mm(index), expected, atol=1e-12)
