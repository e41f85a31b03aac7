from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR, lv_coordinates
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.meshing.from_labels import mesh_from_labels
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.imaging.wall.surfaces import Surface, wall_surfaces
from tests.imaging.lv_shells import ConfocalShell, labelled_shell

X = np.array([1.0, 0.0, 0.0])
angles = st.floats(-180, 180)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(np.angle(np.exp(1j * (a - b))))


@pytest.mark.parametrize("cut_nu", [0.0, 0.5, 0.9])
def test_confocal_shell_against_the_analytic_solution(cut_nu):
    shell = ConfocalShell(cut_nu=cut_nu)
    coords = lv_coordinates(shell.mesh(), septum_direction=X)
    assert coords.apex_closed == (cut_nu == 0)
    assert np.allclose(coords.long_axis, [0, 0, 1], atol=2e-3)
    # Linear elements, five through the wall: largest error measured 0.008, at the pole.
    assert np.abs(coords.transmural - shell.transmural).max() < 0.015
    assert np.abs(coords.transmural - shell.transmural).mean() < 5e-4
    # The analytic height is the one along hyperboloids; the patch about the apex bends levels nearby (0.05 measured).
    assert np.abs(coords.apicobasal - shell.height).max() < 0.06
    # Faces that fall on the limit of two sectors move the centre line by 0.1 mm (0.03 rad at ν = 0.1).
    off_axis = shell.nu > 0.1
    # z × x = y: anterior is at +90°, as the shell's own angle has it.
    assert angle_between(coords.rotational, shell.phi)[off_axis].max() < 0.04


def test_finer_shell_is_closer_to_the_analytic_solution():
    errors = []
    for layers in (3, 6):
        shell = ConfocalShell(layers=layers, rings=8 * layers, sectors=12 * layers)
        errors.append(np.abs(lv_coordinates(shell.mesh(), septum_direction=X).transmural - shell.transmural).mean())
    assert errors[1] < errors[0] / 2.5


@settings(max_examples=10)
@given(turn=st.tuples(angles, angles, angles), shift=st.tuples(*[st.floats(-200, 200)] * 3), cut=st.booleans())
def test_coordinates_move_with_the_heart(turn, shift, cut):
    rotation = Rotation.from_euler("xyz", turn, degrees=True)
    shell = ConfocalShell(layers=2, rings=14, sectors=25, cut_nu=0.5 if cut else 0.0)
    plain = lv_coordinates(shell.mesh(), septum_direction=X)
    moved = lv_coordinates(shell.mesh(rotation, np.array(shift)), septum_direction=rotation.apply(X))
    assert np.allclose(moved.long_axis, rotation.apply(plain.long_axis), atol=5e-3)
    # Slabs and sectors fall differently on the mesh, so the axis may turn by a few mrad.
    assert np.abs(moved.apicobasal - plain.apicobasal).max() < 0.01
    assert np.abs(moved.transmural - plain.transmural).max() < 0.01
    assert angle_between(moved.rotational, plain.rotational)[shell.nu > 0.15].max() < 0.03


@pytest.mark.parametrize("edge_mm", [2.0, 3.0])
def test_mesh_from_labels_is_told_apart(edge_mm):
    labels = labelled_shell()
    mesh = mesh_from_labels(labels, edge_mm=edge_mm)
    surfaces = wall_surfaces(mesh.nodes_mm, tetrahedra_of(mesh.grid))
    position = mesh.nodes_mm - labels.index_to_mm(np.array([[25.5, 25.5, 0.0]]))
    radius = np.hypot(position[:, 0], position[:, 1])
    top = mesh.nodes_mm[:, 2].max()
    base = surfaces.nodes(Surface.BASE)
    assert np.ptp(mesh.nodes_mm[base, 2]) < edge_mm
    high = mesh.nodes_mm[:, 2] > top - 30
    endo, epi = surfaces.nodes(Surface.ENDO), surfaces.nodes(Surface.EPI)
    # Inner half axis 20 mm, outer 30 mm (25.9 mm at 30 mm from the base); the rim is rounded by up to an edge.
    assert radius[endo[high[endo]]].max() < 20 + edge_mm
    assert radius[epi[high[epi]]].min() > 25.5
    assert (surfaces.part != Surface.APICAL_CUT).all()  # the apical slice is solid


def test_sloped_base():
    shell = ConfocalShell(cut_nu=0.5, rings=30)
    points = shell.points.copy()
    # Shear: the base rises by 25° along x, the apex stays.
    weight = (points[:, 2] - points[:, 2].min()) / np.ptp(points[:, 2])
    points[:, 2] += np.tan(np.radians(25)) * points[:, 0] * weight
    coords = lv_coordinates(LVMesh(pv.UnstructuredGrid(shell.cells, points)), septum_direction=X)
    base = np.isclose(shell.nu, np.pi / 2)
    assert np.allclose(coords.apicobasal[base], 1)
    assert np.abs(coords.transmural - shell.transmural).mean() < 0.03
    assert np.degrees(np.arccos(coords.long_axis[2])) < 10


def test_short_stack_is_not_mistaken_for_lying_on_its_side():
    shell = ConfocalShell(cut_nu=1.15)  # 26 mm high, 64 mm wide
    coords = lv_coordinates(shell.mesh(), septum_direction=X)
    assert coords.long_axis[2] == pytest.approx(1, abs=1e-3)
    assert not coords.apex_closed


def test_given_axis_is_used():
    axis = np.array([0.1, 0.0, 1.0])
    coords = lv_coordinates(ConfocalShell().mesh(), septum_direction=X, apex_to_base=axis)
    assert np.allclose(coords.long_axis, axis / np.linalg.norm(axis))


def test_septum_defaults_to_the_scanner_axes():
    mesh = ConfocalShell().mesh()
    default, same = lv_coordinates(mesh), lv_coordinates(mesh, septum_direction=RIGHT_ANTERIOR)
    assert default.orientation == "scanner axes"
    assert same.orientation == "given"
    assert np.array_equal(default.rotational, same.rotational)
    toward = mesh.nodes_mm @ default.septum_direction
    assert np.abs(default.rotational[np.argmax(toward)]) < 0.1


def test_septum_along_the_axis_is_refused():
    with pytest.raises(GeometryError, match="a septum beside the long axis"):
        lv_coordinates(ConfocalShell().mesh(), septum_direction=np.array([0.0, 0.0, 1.0]))


def test_other_pieces_take_the_nearest_values(caplog):
    shell = ConfocalShell()
    grid = shell.mesh().grid
    cube = pv.ImageData(dimensions=(3, 3, 3), origin=(60, 0, -5)).cast_to_unstructured_grid()
    both = grid.merge(cube, merge_points=False)
    coords = lv_coordinates(LVMesh(both), septum_direction=X)
    assert "2 pieces" in caplog.text
    for values in (coords.apicobasal, coords.transmural, coords.rotational):
        assert np.isfinite(values).all()
    cube_nodes = np.asarray(both.points)[:, 0] > 59
    assert np.allclose(coords.transmural[cube_nodes], 1)


def test_solid_is_no_ventricle():
    block = pv.ImageData(dimensions=(9, 9, 12), spacing=(5, 5, 5)).cast_to_unstructured_grid()
    with pytest.raises(GeometryError, match="a wall around a cavity"):
        lv_coordinates(LVMesh(block, "block.vtu"))


@pytest.mark.real
def test_real_case(data_dir):
    from tests.imaging.meshing.test_from_labels import read_labels

    labels = read_labels(data_dir / "sunnybrook_lge_infarct_annotations" / "labels.nii.gz")
    mesh = mesh_from_labels(labels, edge_mm=2.0)
    coords = lv_coordinates(mesh)
    for values, low, high in (
        (coords.apicobasal, 0, 1),
        (coords.transmural, 0, 1),
        (coords.rotational, -np.pi, np.pi),
    ):
        assert np.isfinite(values).all()
        assert low <= values.min() < low + 0.01
        assert high - 0.01 < values.max() <= high
    assert not coords.apex_closed
    # Slice 16 is basal: the axis points up the stack, within the tilt of the heart in it.
    assert coords.long_axis[2] > 0.95
    assert np.corrcoef(coords.apicobasal, mesh.nodes_mm[:, 2])[0, 1] > 0.97
    # Transmural against the labels: distance to cavity and to outside, in plane.
    index = np.round(labels.mm_to_index(mesh.nodes_mm)).astype(int)
    inner, outer = (coords.transmural < 0.02), (coords.transmural > 0.98)
    near = np.array(
        [np.bincount(labels.values[i - 2 : i + 3, j - 2 : j + 3, k].ravel(), minlength=4) for i, j, k in index]
    )
    assert (near[inner][:, 2] > 0).mean() > 0.9
    assert (near[outer][:, 0] > 0).mean() > 0.9
    assert (near[inner][:, 0] > 0).mean() < 0.1


def test_stored_coordinates_keep_their_ranges_in_single_precision():
    from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates

    angle = np.array([np.pi, -np.pi, np.nextafter(np.pi, 0), 0.0, 3.0])
    part = np.array([0.0, 1.0, np.nextafter(1.0, 0), 1e-300, 0.5])
    found = LVCoordinates(part, part[::-1], angle, X, X, "given", 0.0, True).stored()
    for name, low, high in (("apicobasal", 0, 1), ("transmural", 0, 1), ("rotational", -np.pi, np.pi)):
        values = found[name]
        assert values.dtype == np.float32
        assert low <= float(values.min())
        assert float(values.max()) <= high
    np.testing.assert_allclose(found["rotational"], angle, atol=1e-6)
