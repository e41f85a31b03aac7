from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.errors import GeometryError
from cardioscar.imaging.wall.welding import weld


def grid(n: int = 6, step: float = 2.0) -> np.ndarray:
    return np.argwhere(np.ones((n, n, n))) * step + 17.3


def test_apart_nodes_are_left_alone() -> None:
    assert weld(grid(), 0.02) is None


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), copies=st.integers(2, 5), noise=st.floats(0, 0.004))
def test_copies_in_any_order_become_the_places_again(seed: int, copies: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    places = grid(4)
    which = rng.permutation(np.repeat(np.arange(len(places)), copies))
    points = places[which] + rng.uniform(-noise, noise, size=(len(which), 3))
    found = weld(points, 0.02)
    assert found is not None
    assert len(found.first) == len(places)
    assert found.spread == 0
    # nodes are one exactly where they are copies of one place, numbered by their first node
    assert (which[found.first][found.node] == which).all()
    assert (np.diff(found.first) > 0).all()
    assert (found.node[found.first] == np.arange(len(places))).all()


@settings(max_examples=50)
@given(shift=st.tuples(*[st.floats(-300, 300)] * 3), direction=st.tuples(*[st.floats(-1, 1)] * 3))
def test_a_pair_within_the_tolerance_is_found_wherever_it_lies(shift: tuple, direction: tuple) -> None:
    length = np.linalg.norm(direction)
    unit = np.array(direction) / length if length > 1e-3 else np.array([1.0, 0, 0])
    near, apart = (np.vstack([grid(3), grid(3)[13] + d * unit]) + np.array(shift) for d in (0.0199, 0.0201))
    found = weld(near, 0.02)
    assert found is not None
    assert found.node[-1] == 13
    assert weld(apart, 0.02) is None


def test_signed_zeros_are_one_place() -> None:
    found = weld(np.array([[0.0, 0, 1], [5, 0, 0], [-0.0, -0.0, 1]]), 1e-9)
    assert found is not None
    assert found.node.tolist() == [0, 1, 0]


def test_chains_are_told_of() -> None:
    chain = np.column_stack([np.arange(5) * 0.019, np.zeros(5), np.zeros(5)])
    found = weld(np.vstack([grid(3), chain]), 0.02)
    assert found is not None
    assert (len(found.first), found.spread) == (28, 1)


def test_a_cloud_is_no_mesh() -> None:
    cloud = np.random.default_rng(0).normal(0, 0.002, size=(3000, 3))
    with pytest.raises(
        GeometryError, match=r"a\.vtu: expected nodes further apart than 0\.02 mm, or at the same place"
    ):
        weld(cloud, 0.02, source="a.vtu")
