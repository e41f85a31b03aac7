from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial import Delaunay

from cardioscar.errors import InputError
from cardioscar.metrics.corridor import corridor_kept, find_corridor


def block(size: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on a grid of 1 mm, and tetrahedra that join neighbours only."""
    nodes = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), axis=-1).reshape(-1, 3).astype(float)
    number = np.arange(len(nodes)).reshape(size)
    cells = []
    corner = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    parts = Delaunay(corner + 1e-3 * np.random.default_rng(0).random((8, 3))).simplices
    for start in np.ndindex(*(n - 1 for n in size)):
        cube = number[tuple((np.array(start) + corner).T)]
        cells.append(cube[parts])
    return nodes, np.concatenate(cells)


NODES, CELLS = block((21, 5, 3))
LINE = NODES[:, 1] == 2


def bent() -> np.ndarray:
    """A corridor in the shape of a U, whose tips lie side by side."""
    x, y = NODES[:, 0], NODES[:, 1]
    return ((y == 0) & (x <= 10)) | ((y == 4) & (x <= 10)) | ((x == 10) & (y <= 4))


def test_the_ends_of_a_straight_corridor_are_its_tips():
    corridor = find_corridor(LINE, NODES, CELLS)
    assert corridor is not None
    assert corridor.length_mm == pytest.approx(20, abs=1.5)  # diagonal steps through the thickness at the tips
    ends = sorted(NODES[corridor.nodes[end], 0].mean() for end in (corridor.first, corridor.last))
    assert ends[0] < 2.1
    assert ends[1] > 17.9


def test_the_ends_of_a_bent_corridor_are_the_ends_of_its_way():
    corridor = find_corridor(bent(), NODES, CELLS)
    assert corridor is not None
    assert corridor.length_mm > 20
    for end in (corridor.first, corridor.last):
        assert NODES[corridor.nodes[end], 0].max() < 4
    assert {NODES[corridor.nodes[end], 1].mean() for end in (corridor.first, corridor.last)} == {0.0, 4.0}


def test_a_corridor_connects_until_it_is_cut():
    corridor = find_corridor(LINE, NODES, CELLS)
    assert corridor is not None
    assert corridor.connects(np.ones(len(NODES), bool))
    narrowed = ~LINE | (NODES[:, 2] == 1)
    assert corridor.connects(narrowed)
    cut = NODES[:, 0] != 10
    assert not corridor.connects(cut)  # the living tissue around it is no way through the corridor
    assert not corridor.connects(np.zeros(len(NODES), bool))


def test_a_corridor_that_lost_a_tip_still_connects_but_not_one_that_lost_an_end():
    corridor = find_corridor(LINE, NODES, CELLS)
    assert corridor is not None
    assert corridor.connects(NODES[:, 0] >= 1)
    assert not corridor.connects(NODES[:, 0] >= 5)


def test_of_several_pieces_the_largest_counts():
    pieces = LINE & (NODES[:, 0] != 4)
    corridor = find_corridor(pieces, NODES, CELLS)
    assert corridor is not None
    assert NODES[corridor.nodes, 0].min() == 5


def test_without_a_corridor_there_is_none():
    assert find_corridor(np.zeros(len(NODES), bool), NODES, CELLS) is None
    lone = np.zeros(len(NODES), bool)
    lone[7] = True
    assert find_corridor(lone, NODES, CELLS) is None
    assert math.isnan(corridor_kept(np.zeros(3), np.ones(3)))


def test_what_is_kept_is_weighed_by_volume():
    assert corridor_kept(np.array([1, 1, 0]), np.array([1, 0, 1]), np.array([3.0, 1.0, 9.0])) == 0.75


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="corridor"):
        find_corridor(np.ones(3), NODES, CELLS)
    with pytest.raises(InputError, match=r"tetrahedra: .*\(cells, 4\)"):
        find_corridor(LINE, NODES, CELLS[:, :3])
    with pytest.raises(InputError, match="living"):
        corridor_kept(np.ones(3), np.ones(4))
