from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.phantom.shape import APEX_TO_BASE, SEPTUM, LVShape, direction_from_angles, draw_shape

seeds = st.integers(0, 2**32 - 1)


def shape_of(seed: int, thinning: float = 0.3) -> LVShape:
    return draw_shape(
        np.random.default_rng(seed),
        length_mm=(82, 98),
        wall_mm=(8, 11),
        thin_direction=direction_from_angles(1.0, 2.0),
        thinning=thinning,
    )


@given(seeds)
def test_coordinates_invert_placing(seed):
    rng = np.random.default_rng(seed)
    direction = direction_from_angles(rng.uniform(0, np.pi / 2, 200), rng.uniform(0, 2 * np.pi, 200))
    transmural = rng.uniform(-0.5, 1.5, 200)
    shape = shape_of(seed)
    found = shape.coordinates(shape.to_patient_mm(shape.place(direction, transmural).local_mm))
    np.testing.assert_allclose(found.direction, direction, atol=1e-9)
    np.testing.assert_allclose(found.transmural, transmural, atol=1e-9)
    np.testing.assert_array_equal(found.in_wall, (transmural >= 0) & (transmural <= 1))
    np.testing.assert_array_equal(found.in_cavity, transmural < 0)


@given(seeds)
def test_heart_lies_as_hearts_do(seed):
    shape = shape_of(seed)
    np.testing.assert_allclose(shape.axes.T @ shape.axes, np.eye(3), atol=1e-12)
    assert np.linalg.det(shape.axes) == pytest.approx(1)
    assert shape.apex_to_base @ APEX_TO_BASE > 0.75
    assert shape.septum_direction @ SEPTUM > 0.6


def test_sizes_are_those_stated():
    shape = shape_of(5, thinning=0.0)
    apex = shape.place(np.array([[0.0, 0.0, -1.0]]), np.array([1.0])).local_mm[0]
    inner = shape.place(np.array([[0.0, 0.0, -1.0]]), np.array([0.0])).local_mm[0]
    np.testing.assert_allclose(apex, [0, 0, -shape.length_mm], atol=1e-9)
    assert inner[2] - apex[2] == pytest.approx(shape.apex_wall_mm)
    # Lateral wall, opposite the septum, in the plane of the equator: an ellipsoid's widest level
    plain = shape.__class__(**{**shape.__dict__, "septum_flattening": 0.0, "ovality": 0.0})
    level = -shape.equator * shape.length_mm
    x = np.linspace(-60, 0, 6001)
    points = plain.to_patient_mm(np.column_stack([x, np.zeros_like(x), np.full_like(x, level)]))
    wall = x[plain.coordinates(points).in_wall]
    assert wall.min() == pytest.approx(-(shape.cavity_radius_mm + shape.wall_mm), abs=0.02)
    assert np.ptp(wall) == pytest.approx(shape.wall_mm, abs=0.03)


def test_infarct_thins_its_own_wall_only():
    even, thinned = shape_of(7, thinning=0.0), shape_of(7, thinning=0.3)
    there, opposite = direction_from_angles(np.array([1.0, 1.0]), np.array([2.0, 2.0 + np.pi]))

    def thickness(shape: LVShape, direction: np.ndarray) -> float:
        endo, epi = shape.radii(direction[None])
        return float(epi[0] - endo[0])

    assert thickness(thinned, there) == pytest.approx(0.7 * thickness(even, there))
    assert thickness(thinned, opposite) == pytest.approx(thickness(even, opposite), rel=1e-3)
