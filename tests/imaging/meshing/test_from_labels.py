from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.meshing.from_labels import mesh_from_labels, mesh_from_surface, mesh_quality
from cardioscar.imaging.meshing.wall_shape import slice_wall
from cardioscar.imaging.tetrahedra import boundary_faces, tetrahedra_of
from cardioscar.imaging.volume import Volume
from tests.imaging.lv_shells import labelled_shell, wall_ml


def read_labels(path: Path) -> Volume:
    image = SimpleITK.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return Volume(SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0), affine, path.name)


def is_watertight(mesh: LVMesh) -> bool:
    faces = boundary_faces(tetrahedra_of(mesh.grid))
    edges = np.sort(faces[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2), axis=1)
    return bool((np.unique(edges, axis=0, return_counts=True)[1] == 2).all())


@pytest.mark.parametrize(
    ("shape", "edge_mm"),
    [
        ({}, 3.0),
        ({"axis": 0}, 2.0),
        ({"axis": 1, "rotation": Rotation.from_euler("xyz", [30, -50, 70], degrees=True)}, 2.0),
        ({"spacing": (1.0, 1.0, 10.0)}, 3.0),
        ({"spacing": (1.0, 2.0, 8.0)}, 2.5),
        ({"outer_mm": 24.0, "inner_mm": 20.0}, 2.0),  # a wall of two edges
        ({"wall_label": 3, "blood_label": 0}, 3.0),  # all scar, cavity not labelled
    ],
)
def test_mesh_holds_the_labelled_volume_in_good_cells(shape, edge_mm):
    labels = labelled_shell(**shape)
    mesh = mesh_from_labels(labels, edge_mm=edge_mm)
    quality = mesh_quality(mesh)
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.005)
    assert is_watertight(mesh)
    assert quality.n_inverted == 0
    # 0.1 is what the angles guaranteed by isosurface stuffing (10.7° to 164.8°) come to.
    assert quality.worst > 0.1
    assert mesh.edge_mm == pytest.approx(edge_mm, rel=0.1)


def test_mesh_lies_where_the_labels_are():
    labels = labelled_shell(rotation=Rotation.from_euler("zx", [40, 25], degrees=True))
    mesh = mesh_from_labels(labels, edge_mm=2.0)
    index = labels.mm_to_index(mesh.nodes_mm)
    slices = np.flatnonzero((labels.values == 1).any(axis=(0, 1)))
    # Caps are flat and half a slice beyond the end slices.
    assert index[:, 2].min() == pytest.approx(slices[0] - 0.5, abs=1e-6)
    assert index[:, 2].max() == pytest.approx(slices[-1] + 0.5, abs=1e-6)
    # Inner nodes near the middle of a slice are on wall voxels.
    inner = np.ones(mesh.n_nodes, dtype=bool)
    inner[boundary_faces(tetrahedra_of(mesh.grid))] = False
    at = np.round(index[inner & (np.abs(index[:, 2] - np.round(index[:, 2])) < 0.15)]).astype(int)
    assert (labels.values[tuple(at.T)] == 1).mean() > 0.97


def test_rotated_labels_give_the_rotated_mesh():
    turn = Rotation.from_euler("xyz", [10, 80, -35], degrees=True)
    plain, turned = (mesh_from_labels(labelled_shell(rotation=r), edge_mm=3.0) for r in (None, turn))
    origin = np.array([12.0, -40.0, 7.0])
    assert np.allclose(turn.apply(plain.nodes_mm - origin) + origin, turned.nodes_mm, atol=1e-6)


def test_same_labels_give_the_same_mesh():
    first, second = (mesh_from_labels(labelled_shell(), edge_mm=3.0) for _ in range(2))
    assert np.array_equal(first.nodes_mm, second.nodes_mm)
    assert np.array_equal(first.grid.cell_connectivity, second.grid.cell_connectivity)


def test_unlabelled_slice_is_interpolated_and_logged(caplog):
    labels = labelled_shell(spacing=(1.4, 1.4, 5.0))
    gap = labels.values.copy()
    gap[:, :, 8] = 0
    mesh = mesh_from_labels(replace(labels, values=gap), edge_mm=3.0)
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.01)
    assert "slices 8 hold no wall" in caplog.text


def test_displaced_slices_are_joined_without_thinning():
    # Two rings, the upper one shifted by more than the thickness of the wall.
    grid = np.mgrid[:80, :80]
    values = np.zeros((80, 80, 2), dtype=np.uint8)
    for k, shift in enumerate((0, 8)):
        radius = np.hypot(grid[0] - 36 - shift, grid[1] - 40)
        values[:, :, k] = np.where(radius < 20, 2, np.where(radius < 26, 1, 0))
    labels = Volume(values, np.diag([1.0, 1.0, 10.0, 1.0]), "labels.nii.gz")
    mesh = mesh_from_labels(labels, edge_mm=2.0)
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.005)
    between = mesh.nodes_mm[np.abs(mesh.nodes_mm[:, 2] - 5) < 1]
    radius = np.hypot(between[:, 0] - 40, between[:, 1] - 40)
    assert radius.min() > 18.5
    assert radius.max() < 27.5


def test_pieces_apart_from_the_wall_are_dropped_and_logged(caplog):
    labels = labelled_shell()
    speck = labels.values.copy()
    speck[1:4, 1:4, 6:8] = 1
    mesh = mesh_from_labels(replace(labels, values=speck), edge_mm=3.0)
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.01)
    assert "dropped" in caplog.text


def test_a_speck_apart_from_the_wall_is_dropped_without_a_warning(caplog):
    labels = labelled_shell()
    speck = labels.values.copy()
    speck[2:5, 2:5, 7] = 1
    with caplog.at_level(logging.INFO):
        mesh = mesh_from_labels(replace(labels, values=speck), edge_mm=2.5)
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.01)
    [said] = [record for record in caplog.records if "dropped" in record.getMessage()]
    assert said.levelno == logging.INFO


def test_caps_of_a_given_height():
    labels = labelled_shell()
    wall = slice_wall(labels)
    taller = mesh_from_labels(labels, edge_mm=3.0, cap_mm=8.0)
    assert taller.volume_ml == pytest.approx(wall.wall_ml(8.0), rel=0.005)
    assert wall.wall_ml(4.0) == pytest.approx(wall_ml(labels))


@settings(max_examples=8)
@given(
    outer=st.floats(24, 36),
    wall=st.floats(5, 12),
    length=st.floats(60, 95),
    slice_mm=st.floats(5, 10),
    pixel_mm=st.floats(0.8, 2.0),
)
def test_volume_of_any_shell(outer, wall, length, slice_mm, pixel_mm):
    labels = labelled_shell(
        spacing=(pixel_mm, pixel_mm, slice_mm), outer_mm=outer, inner_mm=outer - wall, length_mm=length
    )
    mesh = mesh_from_labels(labels, edge_mm=3.0)
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.03)
    assert mesh_quality(mesh).n_inverted == 0


def with_values(change) -> Volume:
    labels = labelled_shell()
    values = labels.values.copy()
    change(values)
    return replace(labels, values=values)


def no_wall(values):
    values[values == 1] = 0


def one_slice(values):
    values[:, :, :5] = 0
    values[:, :, 6:] = 0


def unknown_label(values):
    values[0, 0, 0] = 9


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (no_wall, "wall .*, found none"),
        (one_slice, r"two slices with wall, found one \(slice 5\)"),
        (unknown_label, r"9 \(1 voxel\)"),
    ],
)
def test_labels_that_cannot_be_meshed(change, finding):
    with pytest.raises(InputError, match=rf"^labels.nii.gz: expected .*{finding}"):
        mesh_from_labels(with_values(change))


@pytest.mark.parametrize("edge_mm", [0.0, -1.0, float("nan"), 0.1])
def test_edge_lengths_that_are_refused(edge_mm):
    with pytest.raises(InputError, match=r"^edge_mm: expected"):
        mesh_from_labels(labelled_shell(), edge_mm=edge_mm)
    with pytest.raises(InputError, match=r"^edge_mm: expected"):
        mesh_from_surface(pv.Sphere(radius=30), edge_mm=edge_mm)


def test_closed_surface_is_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sphere = pv.Sphere(radius=25.0, theta_resolution=24, phi_resolution=24)
    mesh = mesh_from_surface(sphere, edge_mm=6.0)
    assert mesh.volume_ml == pytest.approx(sphere.volume / 1000, rel=0.03)
    assert mesh_quality(mesh).worst > 0.1
    assert np.linalg.norm(mesh.nodes_mm, axis=1).max() < 25.6
    assert not list(tmp_path.iterdir())  # fTetWild litters the current folder


def test_finer_mesh_of_a_surface_is_divided_from_a_coarse_one():
    mesh = mesh_from_surface(pv.Sphere(radius=12.0, theta_resolution=16, phi_resolution=16), edge_mm=2.0)
    assert mesh.edge_mm == pytest.approx(2.0, rel=0.25)
    assert is_watertight(mesh)


def test_open_surface_is_refused_with_the_number_of_open_edges():
    cylinder = pv.Cylinder(radius=20, height=50, resolution=20, capping=False)
    with pytest.raises(GeometryError, match=r"lv\.stl: expected a closed surface, found 40 open edges"):
        mesh_from_surface(cylinder, source="lv.stl")


@pytest.mark.real
def test_open_patient_surface_is_refused(data_dir):
    surface = pv.read(data_dir / "bivme_patient1" / "vtk" / "patient1_LV_ENDOCARDIAL_000.vtk")
    with pytest.raises(GeometryError, match="72 open edges"):
        mesh_from_surface(surface)


@pytest.mark.real
def test_real_case(data_dir):
    labels = read_labels(data_dir / "sunnybrook_lge_infarct_annotations" / "labels.nii.gz")
    mesh = mesh_from_labels(labels, edge_mm=1.5)
    quality = mesh_quality(mesh)
    # 122.46 ml by voxel count
    assert mesh.volume_ml == pytest.approx(wall_ml(labels), rel=0.003)
    assert quality.worst > 0.1
    assert quality.fifth_percentile > 0.4
    assert is_watertight(mesh)
    assert mesh.edge_mm == pytest.approx(1.5, rel=0.05)
