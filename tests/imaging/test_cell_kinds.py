from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging import cell_kinds
from cardioscar.imaging.cell_kinds import corner_weights, corners, fits, is_flat, linear_kin

CURVED = [*cell_kinds.QUADRATIC.items(), (71, 10), (71, 20), (71, 35), (72, 27), (72, 64), (73, 18), (73, 40)]


@pytest.mark.parametrize(("kind", "size"), CURVED)
def test_weights_interpolate_a_linear_function_in_any_straight_cell(kind: int, size: int) -> None:
    """Nodes of the reference cell lie where VTK says; a linear map of it moves them by the corners' weights."""
    weights, n = corner_weights(kind, size), corners(kind)
    np.testing.assert_array_equal(weights[:n], np.eye(n))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() > -1e-12
    assert size == len(weights)
    between = weights[n:]
    assert ((between > 1e-9).sum(axis=1) >= 2).all()
    assert len(np.unique(weights.round(9), axis=0)) == size


@pytest.mark.parametrize("kind", [24, 25, 26, 29, 31, 32, 33])
def test_weights_agree_with_vtk_on_the_reference_cell(kind: int) -> None:
    size = cell_kinds.QUADRATIC[kind]
    places = cell_kinds._places(kind, size)
    np.testing.assert_allclose(corner_weights(kind, size) @ places[: corners(kind)], places, atol=1e-12)


def test_every_type_of_vtk_is_flat_or_understood_or_named() -> None:
    known = {k for k in range(82) if is_flat(k)} | set(cell_kinds.VOLUMETRIC)
    assert not {k for k in cell_kinds.VOLUMETRIC if is_flat(k)}
    assert cell_kinds.name_of(42) == "polyhedra"
    assert cell_kinds.name_of(200) == "cells of VTK type 200"
    assert not known & {15, 16, 37, 41, 42, 78, 79, 80, 81}
    assert {linear_kin(k) for k in cell_kinds.VOLUMETRIC} == {10, 11, 12, 13, 14}


def test_lengths_of_cells() -> None:
    assert fits(10, 4)
    assert not fits(10, 5)
    assert not fits(71, 11)
    assert fits(7, 9)  # a polygon has any number
