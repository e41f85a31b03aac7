from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.metrics.cubes import WallCubes


def wall(seed: int, nodes: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-20, 20, (nodes, 3)), rng.uniform(0.01, 0.05, nodes)


def test_hand_numbers():
    nodes = np.array([[-1.0, 1, 1], [-4, 4, 2], [1, 1, 1]])
    cubes = WallCubes(nodes, np.array([0.03, 0.01, 0.02]), size_mm=5)
    assert len(cubes) == 2
    np.testing.assert_allclose(cubes.wall_ml, [0.04, 0.02])
    np.testing.assert_allclose(cubes.fractions(np.array([1, 0, 0.5])), [0.75, 0.5])
    np.testing.assert_allclose(cubes.fractions(np.array([True, True, False])), [1, 0])


@given(st.integers(0, 50), st.floats(3, 30))
def test_fractions_are_those_of_a_loop_over_cubes(seed, size_mm):
    nodes, ml = wall(seed)
    scar = np.random.default_rng(seed + 1).random(len(nodes))
    cubes = WallCubes(nodes, ml, size_mm=size_mm)
    found = {}
    for place, one, value in zip(map(tuple, np.floor(nodes / size_mm)), ml, scar, strict=True):
        total, part = found.get(place, (0.0, 0.0))
        found[place] = (total + one, part + one * value)
    kept = [(total, part) for _, (total, part) in sorted(found.items()) if total >= 0.1 * size_mm**3 / 1000]
    np.testing.assert_allclose(cubes.wall_ml, [total for total, _ in kept])
    np.testing.assert_allclose(cubes.fractions(scar), [part / total for total, part in kept])


def test_a_cube_that_only_grazes_the_wall_is_left_out():
    nodes = np.array([[1.0, 1, 1], [6, 1, 1]])
    cubes = WallCubes(nodes, np.array([0.012, 0.013]), size_mm=5)  # a tenth of a cube is 0.0125 ml
    np.testing.assert_allclose(cubes.wall_ml, [0.013])
    np.testing.assert_allclose(cubes.fractions(np.array([1.0, 0.25])), [0.25])


def test_bad_input_is_refused_by_name():
    nodes, ml = wall(0)
    with pytest.raises(InputError, match="size_mm"):
        WallCubes(nodes, ml, size_mm=0)
    with pytest.raises(InputError, match="nodes_mm"):
        WallCubes(nodes * np.nan, ml)
    with pytest.raises(InputError, match="weights"):
        WallCubes(nodes, ml[1:])
    with pytest.raises(InputError, match="scar.*one value for each node"):
        WallCubes(nodes, ml).fractions(np.zeros(3))
