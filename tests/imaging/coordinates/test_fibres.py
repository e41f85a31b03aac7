"""Fibre and sheet against the matrices of the publication, written out as they stand there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.imaging.coordinates.fibres import fibres


def published(outward: np.ndarray, up: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """`axis` and `orient` of Bayer et al. 2012, algorithms 1 and 2: columns fibre, sheet normal, sheet."""
    e1 = up / np.linalg.norm(up)
    e2 = outward - (e1 @ outward) * e1
    e2 /= np.linalg.norm(e2)
    q = np.column_stack([np.cross(e1, e2), e1, e2])
    a, b = np.radians([alpha, beta])
    turn_a = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn_b = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    return q @ turn_a @ turn_b


@given(depth=st.floats(0, 1), turn=st.floats(-3, 3), tilt=st.floats(-1, 1))
def test_directions_are_those_of_the_publication(depth: float, turn: float, tilt: float) -> None:
    rotate = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    rotate = rotate @ np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    outward, up = rotate @ [1.7, 0, 0], rotate @ [0, 0, 0.02]
    along, sheet = fibres(outward[None], up[None], np.array([depth]))
    expected = published(outward, up, 40 - 90 * depth, -65 + 90 * depth)
    np.testing.assert_allclose(along[0], expected[:, 0], atol=1e-9)
    np.testing.assert_allclose(sheet[0], expected[:, 2], atol=1e-9)


def test_where_the_gradients_are_oblique_the_normal_of_the_wall_counts() -> None:
    along, _ = fibres(np.array([[1.0, 0, 0]]), np.array([[0.8, 0, 1.0]]), np.array([0.5]))
    assert along[0, 0] == pytest.approx(0, abs=1e-12)
