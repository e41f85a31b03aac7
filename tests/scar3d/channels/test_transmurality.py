"""Transmurality against scars whose depth is known."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.scar3d.channels.transmurality import Transmurality, wall_transmurality
from tests.imaging.lv_shells import ConfocalShell
from tests.scar3d.slab import SIZE_MM, THICK_MM, Slab

SLAB = Slab()


def measure(scar: np.ndarray, slab: Slab = SLAB) -> Transmurality:
    volumes = LVMesh(slab.grid).node_volumes_ml
    return wall_transmurality(slab.nodes_mm, slab.cells, slab.transmural, scar, volumes)


@pytest.mark.parametrize("depth", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("from_outside", [False, True])
def test_scar_to_a_depth_has_that_transmurality(depth: float, from_outside: bool) -> None:
    slab = Slab(step_mm=1.25)
    along = 1 - slab.transmural if from_outside else slab.transmural
    share = measure(along < depth if depth < 1 else np.ones(len(along), dtype=bool), slab).share
    # a node stands for the tissue half a step about it: an eighth of the wall between two layers of nodes
    assert share.mean() == pytest.approx(depth, abs=0.07)
    assert share.std() < 0.06


def test_half_of_a_curved_wall_is_half_though_its_outer_half_is_larger() -> None:
    shell = ConfocalShell(layers=10, rings=48, sectors=72)
    mesh = shell.mesh()
    scar, cells = shell.transmural < 0.5, tetrahedra_of(mesh.grid)
    found = wall_transmurality(mesh.nodes_mm, cells, shell.transmural, scar, mesh.node_volumes_ml)
    volume_share = mesh.node_volumes_ml[scar].sum() / mesh.volume_ml
    mean = np.average(found.share, weights=found.area_mm2)
    assert volume_share < 0.45
    assert mean == pytest.approx(0.5, abs=0.03)


def test_the_areas_add_up_to_that_of_the_wall() -> None:
    assert measure(SLAB.disc()).area_mm2.sum() == pytest.approx(SIZE_MM**2, rel=0.01)


def test_patches_beside_the_scar_have_none() -> None:
    share, radius = measure(SLAB.disc()).share, np.hypot(*SLAB.nodes_mm[:, :2].T)
    assert (share[radius < 18] == 1).all()
    assert (share[radius > 30] == 0).all()


def test_segments_have_mean_maximum_and_area_over_half() -> None:
    x = SLAB.nodes_mm[:, 0]
    segment = np.where(x < 0, 3, 8)
    scar = np.where(x < 0, SLAB.transmural < 0.35, np.abs(SLAB.nodes_mm[:, 1]) < SIZE_MM / 4)
    rows = measure(scar).by_segment(segment)
    assert rows.keys() == {3, 8}
    assert rows[3]["transmurality_mean"] == pytest.approx(0.35, abs=0.08)
    assert rows[3]["area_over_half"] < 0.05
    assert rows[8]["transmurality_max"] == 1
    assert rows[8]["transmurality_mean"] == pytest.approx(0.5, abs=0.04)
    assert rows[8]["area_over_half"] == pytest.approx(0.5, abs=0.04)


def test_a_heart_without_scar_has_none() -> None:
    found = measure(np.zeros(len(SLAB.nodes_mm), dtype=bool))
    assert (found.share == 0).all()
    row = found.by_segment(np.full(len(SLAB.nodes_mm), 1))[1]
    assert row == {"transmurality_mean": 0, "transmurality_max": 0, "area_over_half": 0}


def test_thick_enough_to_be_a_wall() -> None:
    assert SLAB.nodes_mm[:, 2].max() == pytest.approx(THICK_MM)
