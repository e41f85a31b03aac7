import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.report.sides import long_axis, scar_side


@given(st.integers(0, 2**32 - 1))
def test_the_long_axis_points_to_the_base_however_the_heart_lies(shell, seed):
    rotation = Rotation.random(rng=np.random.default_rng(seed))
    found = long_axis(rotation.apply(shell.nodes_mm) + np.array([30, -200, 70]))
    assert found @ rotation.apply([0, 0, 1]) > 0.999


def test_a_flat_stack_has_its_axis_across_the_rings(shell):
    nodes = shell.nodes_mm
    ring = nodes[(nodes[:, 2] > -20) & (nodes[:, 2] < -5)]
    assert long_axis(ring)[2] > 0.99


def test_the_camera_faces_the_scar(shell, scar):
    side = scar_side(shell.nodes_mm, scar, np.array([0.0, 0, 1]), None)
    assert side @ (-1, 0, 0) > 0.99


def test_without_scar_the_camera_faces_the_septum(shell):
    none = np.zeros(shell.n_nodes)
    axis = np.array([0.0, 0, 1])
    assert scar_side(shell.nodes_mm, none, axis, np.array([0.0, 5, 3])) == pytest.approx([0, 1, 0])
    assert scar_side(shell.nodes_mm, none, axis, None) == pytest.approx([-(0.5**0.5), -(0.5**0.5), 0])
    # a septal direction along the axis says nothing, and must not divide by zero
    assert np.linalg.norm(scar_side(shell.nodes_mm, none, axis, axis)) == pytest.approx(1)
