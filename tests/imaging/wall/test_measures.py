from __future__ import annotations

import logging

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.meshing.from_labels import mesh_from_labels
from cardioscar.imaging.wall.long_axis import axis_direction
from cardioscar.imaging.wall.measures import cavities, closed_volume_ml
from cardioscar.imaging.wall.topology import euler_below, wall_topology
from tests.imaging.lv_shells import ConfocalShell, labelled_shell
from tests.imaging.mesh_variants import both_ventricles_mesh

X, Z = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])


@pytest.mark.parametrize("cut_nu", [0.0, 0.5])
def test_cavity_and_thickness_of_a_shell(cut_nu: float) -> None:
    shell = ConfocalShell(cut_nu=cut_nu, layers=4, rings=30, sectors=48)
    measures = lv_coordinates(shell.mesh(), septum_direction=X).measures
    # half an ellipsoid of half axes f sinh μ and f cosh μ, or its part above the flat lid of the cut
    across, along = shell.focus_mm * np.sinh(shell.endo), shell.focus_mm * np.cosh(shell.endo)
    end = np.cos(cut_nu)
    expected = np.pi * across**2 * along * (end - end**3 / 3) / 1000
    assert measures.cavity_ml == pytest.approx(expected, rel=0.01)  # 48 flat sides: 0.3 % of the area
    # distance of the two ellipsoids: 11 mm at the base, 5 mm at the apex
    assert 5 < measures.thickness_mm < 11.1
    assert not measures.torn


def test_open_surfaces_are_closed_by_lids() -> None:
    tube = pv.Cylinder(radius=20, height=50, resolution=90, capping=False, direction=Z).triangulate().clean()
    volume = closed_volume_ml(np.array(tube.points, dtype=float), np.asarray(tube.regular_faces))
    assert volume == pytest.approx(np.pi * 20**2 * 50 / 1000, rel=2e-3)


@pytest.mark.parametrize(("cut_nu", "euler"), [(0.0, 2), (0.5, 0)])
def test_euler_number_of_whole_walls(cut_nu: float, euler: int) -> None:
    mesh = ConfocalShell(cut_nu=cut_nu).mesh()
    topology = wall_topology(mesh)
    assert (topology.parts, topology.surface_euler, topology.open_edges, topology.crowded_faces) == (1, euler, 0, 0)
    assert euler_below(mesh.nodes_mm, mesh.boundary, Z) == euler
    assert (cavities(mesh.nodes_mm, mesh.boundary, Z) == 1).sum() >= 7


def without(mesh: LVMesh, hole: np.ndarray) -> LVMesh:
    """The mesh without the cells that an array marks."""
    return LVMesh(mesh.grid.extract_cells(np.flatnonzero(~hole)), "mesh.vtu")


@pytest.mark.parametrize("holes", [1, 2, 3])
def test_each_hole_through_the_wall_takes_two_from_the_euler_number(
    holes: int, caplog: pytest.LogCaptureFixture
) -> None:
    shell = ConfocalShell(layers=3, rings=24, sectors=36)
    center = shell.mesh().grid.cell_centers().points
    angle, height = np.arctan2(center[:, 1], center[:, 0]), center[:, 2]
    gone = np.zeros(len(center), dtype=bool)
    for n in range(holes):
        gone |= (np.abs(angle - n) < 0.25) & (np.abs(height + 25) < 6)
    torn = without(shell.mesh(), gone)
    topology = wall_topology(torn)
    assert topology.surface_euler == 2 - 2 * holes
    assert euler_below(torn.nodes_mm, torn.boundary, Z) == 2 - 2 * holes
    coordinates = lv_coordinates(torn, septum_direction=X)
    assert coordinates.measures.torn
    assert coordinates.measures.cavity_ml is None
    [said] = [m for m in caplog.messages if "endocardium" in m]
    assert said.startswith("mesh.vtu: endocardium and epicardium are connected (they meet over ")
    assert "% of the height: a hole in the wall?)" in said


def test_a_step_at_the_basal_rim_is_no_hole(caplog: pytest.LogCaptureFixture) -> None:
    """Cells taken from the base leave an arch or a notch there; the wall below is whole."""
    shell = ConfocalShell(layers=3, rings=40, sectors=36)
    center = shell.mesh().grid.cell_centers().points
    angle, height = np.arctan2(center[:, 1], center[:, 0]), center[:, 2] - center[:, 2].max()
    mesh = without(shell.mesh(), (np.abs(angle) < 0.25) & (height < -2.2) & (height > -4.5))
    assert wall_topology(mesh).surface_euler == 0
    assert euler_below(mesh.nodes_mm, mesh.boundary, Z) == 2
    with caplog.at_level(logging.WARNING):
        assert not lv_coordinates(mesh, septum_direction=X).measures.torn
    assert not caplog.messages


def test_two_ventricles_have_two_cavities() -> None:
    labels = labelled_shell()
    left = mesh_from_labels(labels, edge_mm=3.0)
    both = LVMesh(both_ventricles_mesh(labels, [-0.8, -0.6, 0]))
    assert both.volume_ml > left.volume_ml + 20
    for mesh, two in ((left, 0), (both, 4)):
        found = cavities(mesh.nodes_mm, mesh.boundary, axis_direction(mesh.nodes_mm, mesh.boundary))
        assert (found >= 2).sum() >= two
        assert two or (found < 2).all()


def test_parts_and_their_volumes() -> None:
    shell = ConfocalShell().mesh()
    cube = pv.ImageData(dimensions=(3, 3, 3), spacing=(5, 5, 5), origin=(60, 0, -5)).cast_to_unstructured_grid()
    topology = wall_topology(LVMesh(shell.grid.merge(cube, merge_points=False)))
    assert topology.parts == 2
    assert topology.part_ml == pytest.approx((shell.volume_ml, 1.0))
    assert topology.surface_euler == 2
    stray = LVMesh(
        pv.UnstructuredGrid(shell.grid.cells, shell.grid.celltypes, np.vstack([shell.nodes_mm, [[0, 0, 9]]]))
    )
    assert wall_topology(stray).parts == 1
