"""Zones of nodes and regions of cells."""

from __future__ import annotations

import numpy as np

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.opencarp import ElementTag
from cardioscar.scar3d.zones import element_tags, scar_zones
from tests.report.conftest import ellipsoid_shell
from tests.scar3d.slab import Slab

SLAB = Slab(step_mm=4.0)
MESH = LVMesh(SLAB.grid)
BORDER = (0.25, 0.75)


def test_zones_are_cut_at_the_thresholds() -> None:
    zones = scar_zones(np.array([0, 0.2499, 0.25, 0.5, 0.7499, 0.75, 1]), BORDER)
    assert zones.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert zones.dtype == np.uint8


def test_cells_of_one_zone_have_its_tag() -> None:
    for value, tag in ((0.0, 1), (0.25, 2), (0.5, 2), (0.75, 3), (1.0, 3)):
        tags = element_tags(MESH, np.full(MESH.n_nodes, value), BORDER)
        assert set(tags.tolist()) == {tag}
        assert tags.shape == (MESH.grid.n_cells,)


def test_a_scar_free_mesh_is_healthy_all_over() -> None:
    none = np.zeros(MESH.n_nodes)
    assert set(element_tags(MESH, none, BORDER, none > 0).tolist()) == {ElementTag.HEALTHY}


def test_channels_are_living_cells_with_half_of_their_nodes_in_one() -> None:
    probability = SLAB.disc().astype(float)
    strip = SLAB.strip(9)
    probability[strip] = 0.4
    tags = element_tags(MESH, probability, BORDER, strip & SLAB.disc())
    cells = SLAB.cells
    many = (strip & SLAB.disc())[cells].sum(axis=1) >= 2
    dense = probability[cells].mean(axis=1) >= 0.75
    np.testing.assert_array_equal(tags == ElementTag.CHANNEL, many & ~dense)
    assert {1, 2, 3, 4} == set(tags.tolist())


def test_cells_other_than_tetrahedra_are_tagged() -> None:
    shell = ellipsoid_shell(across=3, around=12, along=9)
    probability = (np.asarray(shell.grid.points)[:, 2] < 0).astype(float)
    tags = element_tags(shell, probability, BORDER)
    of_cells = shell.grid.copy()
    of_cells.point_data["p"] = probability
    means = np.asarray(of_cells.point_data_to_cell_data().cell_data["p"])
    np.testing.assert_array_equal(tags, 1 + np.digitize(np.round(means, 9), BORDER))
    assert {1, 3} <= set(tags.tolist())
