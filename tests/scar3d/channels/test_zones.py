"""How sure a map is of its nodes, and regions of cells."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.formats.opencarp import ElementTag
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.scar3d.channels.zones import element_tags, scar_certainty
from tests.report.conftest import ellipsoid_shell
from tests.scar3d.slab import Slab

SLAB = Slab(step_mm=4.0)
MESH = LVMesh(SLAB.grid)


def test_certainty_steps_at_threshold_and_range_of_doubt() -> None:
    steps = scar_certainty(np.array([0, 0.2499, 0.25, 0.4999, 0.5, 0.7499, 0.75, 1]), 0.5, (0.25, 0.75))
    assert steps.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert steps.dtype == np.uint8


@pytest.mark.parametrize("threshold", [0.1, 0.25, 0.6, 0.75, 0.9])
def test_scar_is_what_is_uncertain_or_likely_whatever_the_threshold(threshold: float) -> None:
    probability = np.linspace(0, 1, 101)
    steps = scar_certainty(probability, threshold, (0.25, 0.75))
    np.testing.assert_array_equal(steps >= 2, probability >= threshold)
    np.testing.assert_array_equal(steps == 3, probability >= max(threshold, 0.75))
    np.testing.assert_array_equal(steps == 1, (probability >= 0.25) & (probability < threshold))


def test_doubt_is_no_region_of_a_simulation() -> None:
    for value, tag in ((0.0, 1), (0.25, 1), (0.4999, 1), (0.5, 3), (0.75, 3), (1.0, 3)):
        tags = element_tags(MESH, np.full(MESH.n_nodes, value), 0.5)
        assert set(tags.tolist()) == {tag}
        assert tags.shape == (MESH.grid.n_cells,)


def test_border_zone_is_where_half_of_the_nodes_are_and_no_scar() -> None:
    probability, border = SLAB.disc().astype(float), SLAB.strip(9)
    tags = element_tags(MESH, probability, 0.5, border_zone=border)
    half = border[SLAB.cells].mean(axis=1) >= 0.5
    scar = probability[SLAB.cells].mean(axis=1) >= 0.5
    np.testing.assert_array_equal(tags == ElementTag.BORDER_ZONE, half & ~scar)
    np.testing.assert_array_equal(tags == ElementTag.SCAR, scar)
    assert {1, 2, 3} == set(tags.tolist())


def test_a_scar_free_mesh_is_healthy_all_over() -> None:
    none = np.zeros(MESH.n_nodes)
    assert set(element_tags(MESH, none, 0.5, border_zone=none > 0, channel=none > 0).tolist()) == {ElementTag.HEALTHY}


def test_channels_are_cells_with_half_of_their_nodes_in_one_and_no_likely_scar() -> None:
    probability = SLAB.disc().astype(float)
    strip = SLAB.strip(9)
    probability[strip] = 0.4
    tags = element_tags(MESH, probability, 0.5, border_zone=strip, channel=strip & SLAB.disc())
    cells = SLAB.cells
    many = (strip & SLAB.disc())[cells].sum(axis=1) >= 2
    likely = probability[cells].mean(axis=1) >= 0.75
    np.testing.assert_array_equal(tags == ElementTag.CHANNEL, many & ~likely)
    assert {1, 2, 3, 4} == set(tags.tolist())


def test_cells_other_than_tetrahedra_are_tagged() -> None:
    shell = ellipsoid_shell(across=3, around=12, along=9)
    probability = (np.asarray(shell.grid.points)[:, 2] < 0).astype(float)
    tags = element_tags(shell, probability, 0.5)
    of_cells = shell.grid.copy()
    of_cells.point_data["p"] = probability
    means = np.asarray(of_cells.point_data_to_cell_data().cell_data["p"])
    np.testing.assert_array_equal(tags, np.where(np.round(means, 9) >= 0.5, 3, 1))
    assert {1, 3} == set(tags.tolist())
