"""Depth in the closed scar and distance to the scar, against a wall where both are known."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.scar3d.channels.mesh_graph import mesh_edges
from cardioscar.scar3d.channels.wall_closing import LAYERS, Closing, close_scar, layer_of
from tests.scar3d.slab import RADIUS_MM, SIZE_MM, Slab

SLAB = Slab()
EDGES = mesh_edges(SLAB.cells, len(SLAB.nodes_mm))
X, Y, _ = SLAB.nodes_mm.T


def close(probability: np.ndarray, *, radius_mm: float = 6.0, in_layers: bool = True, **more) -> Closing:
    transmural = SLAB.transmural if in_layers else None
    return close_scar(
        SLAB.nodes_mm, EDGES, transmural, probability, threshold=0.5, radius_mm=radius_mm, edge_mm=SLAB.edge_mm, **more
    )


def test_layers_are_tenths_of_the_depth() -> None:
    assert layer_of(np.array([0, 0.04, 0.15001, 0.5, 0.97, 1]), 6).tolist() == [1, 1, 2, 5, LAYERS, LAYERS]
    assert layer_of(None, 3).tolist() == [0, 0, 0]


def test_clearance_is_the_distance_along_the_wall_to_the_scar() -> None:
    found = close((X > 11).astype(float))  # between two rows of nodes
    beside = (X < 8) & (X > 5)
    # binary nodes know the border to half an edge
    assert np.abs(found.clearance_mm[beside] - (11 - X[beside])).max() < 1.5
    assert np.mean(found.clearance_mm[beside] - (11 - X[beside])) == pytest.approx(0, abs=0.4)
    assert (found.clearance_mm[X < 3] == 6).all()
    assert (found.clearance_mm[X > 11] == 0).all()


def test_depth_in_a_corridor_grows_from_its_mouth() -> None:
    found = close(SLAB.corridor(6))
    middle = (np.abs(X) < 1) & (np.abs(Y) < RADIUS_MM - 6)
    expected = RADIUS_MM - np.abs(Y[middle])
    assert np.abs(found.depth_mm[middle] - expected).max() < 3
    assert (found.depth_mm[np.hypot(X, Y) > RADIUS_MM + 4] <= 0).all()


@pytest.mark.parametrize(("radius_mm", "filled"), [(6.0, True), (3.0, False)])
def test_gaps_wider_than_the_ball_stay_open(radius_mm: float, filled: bool) -> None:
    found = close(SLAB.corridor(9), radius_mm=radius_mm)
    assert (found.depth_mm[(np.abs(X) < 1) & (np.abs(Y) < 8)] > 0).all() == filled


def test_a_layer_takes_no_notice_of_the_next() -> None:
    scar = (SLAB.transmural < 0.45) & SLAB.disc()
    found, in_space = close(scar.astype(float)), close(scar.astype(float), in_layers=False)
    over = (SLAB.transmural > 0.7) & SLAB.disc(radius_mm=10)
    assert (found.depth_mm[over] <= 0).all()
    assert (found.clearance_mm[over] == 6).all()
    assert (in_space.clearance_mm[over] < 6).all()
    assert (in_space.depth_mm[over] > 0).any()


def test_a_film_on_the_scar_is_marked() -> None:
    scar = SLAB.disc() & (SLAB.transmural < 0.95)
    found = close(scar.astype(float))
    film = (SLAB.transmural > 0.95) & SLAB.disc(radius_mm=RADIUS_MM - 4)
    assert found.living[film].all()
    assert (found.depth_mm[film] == -np.inf).all()


def test_the_cut_edge_counts_as_healthy() -> None:
    scar = (SIZE_MM / 2 - Y > 5).astype(float)  # all but a strip of 5 mm
    cut = Y > SIZE_MM / 2 - 1e-3
    strip = (SIZE_MM / 2 - Y < 3) & ~cut
    assert np.isinf(close(scar).depth_mm[strip]).all()
    depth = close(scar, cut=cut).depth_mm[strip]
    np.testing.assert_allclose(depth, SIZE_MM / 2 - Y[strip], atol=1.2)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_kind_of_tissue_alone_has_no_depth(value: float) -> None:
    found = close(np.full(len(X), value))
    assert (found.depth_mm == 0).all()
    assert (found.living == (value == 0)).all()
