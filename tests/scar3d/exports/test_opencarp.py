"""The mesh for openCARP read by a reader that shares no code with its writer: a tube, a phantom, and a real heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import GeometryError
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.scar3d.exports.opencarp import write_map_opencarp
from tests import carp_reader
from tests.finished_run import Run
from tests.scar3d.exports.maps import tube


def checked(stem: Path, mesh: LVMesh) -> carp_reader.CarpMesh:
    """What must hold of every wall: its size in µm, its cells, unit directions at right angles, both surfaces."""
    read = carp_reader.read(stem)
    np.testing.assert_allclose(read.points_um, mesh.nodes_mm * 1000, atol=0.51)
    assert len(read.tetrahedra) == mesh.grid.n_cells
    assert np.abs(read.signed_volumes_ml()).sum() == pytest.approx(mesh.volume_ml, rel=1e-4)
    assert np.linalg.norm(read.fibres, axis=1) == pytest.approx(1, abs=2e-6)
    assert np.linalg.norm(read.sheets, axis=1) == pytest.approx(1, abs=2e-6)
    assert np.einsum("ij,ij->i", read.fibres, read.sheets) == pytest.approx(0, abs=3e-6)
    depth = np.asarray(mesh.grid.point_data["transmural"])
    assert depth[read.surfaces["endo"]].max() < 0.01
    assert depth[read.surfaces["epi"]].min() > 0.99
    means = np.asarray(mesh.grid.point_data["scar_probability"], float)[read.tetrahedra].mean(axis=1)
    assert set(np.unique(read.regions)) <= {1, 2, 3, 4}
    plain = np.abs(means - 0.5) > 1e-6
    np.testing.assert_array_equal((read.regions == 3)[plain & (read.regions != 4)],
                                  (means > 0.5)[plain & (read.regions != 4)])  # fmt: skip
    return read


def helix(read: carp_reader.CarpMesh, centre: np.ndarray, axis: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Angle of fibres over the direction around the axis, degrees, from positions and the axis alone."""
    offset = (read.points_um[read.tetrahedra].mean(axis=1) / 1000 - centre)[chosen]
    outward = offset - np.outer(offset @ axis, axis)
    outward /= np.linalg.norm(outward, axis=1)[:, None]
    around = np.cross(axis, outward)
    fibre = read.fibres[chosen]
    return np.degrees(np.arctan2(fibre @ axis, np.einsum("ij,ij->i", fibre, around)))


def test_a_tube_has_the_angles_of_the_rule(tmp_path: Path) -> None:
    mesh = tube()
    tags = write_map_opencarp(tmp_path / "scar", mesh, threshold=0.5, likely=0.75)
    read = checked(tmp_path / "scar", mesh)
    assert sum(tags.values()) == mesh.grid.n_cells
    depth = np.asarray(mesh.grid.point_data["transmural"])[read.tetrahedra].mean(axis=1)
    for low, high in ((0.1, 0.2), (0.45, 0.55), (0.8, 0.9)):
        chosen = (depth > low) & (depth < high)
        expected = 40 - 90 * depth[chosen]
        assert np.abs(helix(read, np.zeros(3), np.array([0, 0, 1.0]), chosen) - expected).max() < 3
        outward = read.points_um[read.tetrahedra].mean(axis=1)[chosen] * [1, 1, 0]
        outward /= np.linalg.norm(outward, axis=1)[:, None]
        lean = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", read.sheets[chosen], outward), -1, 1)))
        assert np.abs(lean - np.abs(-65 + 90 * depth[chosen])).max() < 4


def test_a_wall_without_coordinates_is_refused(tmp_path: Path) -> None:
    mesh = tube()
    del mesh.grid.point_data["transmural"]
    with pytest.raises(GeometryError, match=r"scar\.vtu: expected LV coordinates, from which fibres follow"):
        write_map_opencarp(tmp_path / "scar", mesh, threshold=0.5, likely=0.75)


def test_a_phantom(finished: Run, tmp_path: Path) -> None:
    mesh = read_mesh(finished.result() / "scar.vtu", own=True)
    write_map_opencarp(tmp_path / "scar", mesh, threshold=0.5, likely=0.75)
    checked(tmp_path / "scar", mesh)


@pytest.mark.real
@pytest.mark.slow
def test_a_real_heart_built_from_its_labels(data_dir: Path, tmp_path: Path) -> None:
    from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
    from cardioscar.imaging.formats.volume_files import read_labels
    from cardioscar.imaging.labels import Label
    from cardioscar.imaging.meshing.from_labels import mesh_from_labels

    labels = read_labels(data_dir / "sunnybrook_lge_infarct_annotations" / "labels.nii.gz")
    mesh = mesh_from_labels(labels, edge_mm=3.0)
    found = lv_coordinates(mesh)
    for name, values in found.stored().items():
        mesh.grid.point_data[name] = values
    index = np.clip(np.rint(labels.mm_to_index(mesh.nodes_mm)).astype(int), 0, np.array(labels.values.shape) - 1)
    mesh.grid.point_data["scar_probability"] = (labels.values[tuple(index.T)] == Label.SCAR).astype(np.float32)
    write_map_opencarp(tmp_path / "scar", mesh, threshold=0.5, likely=0.75)
    read = checked(tmp_path / "scar", mesh)
    assert (read.regions == 3).any()
    centre = mesh.nodes_mm.mean(axis=0)
    depth = np.asarray(mesh.grid.point_data["transmural"])[read.tetrahedra].mean(axis=1)
    height = np.asarray(mesh.grid.point_data["apicobasal"])[read.tetrahedra].mean(axis=1)
    middle = (height > 0.4) & (height < 0.8)
    for low, high in ((0.0, 0.2), (0.4, 0.6), (0.8, 1.0)):
        chosen = middle & (depth > low) & (depth < high)
        expected = np.median(40 - 90 * depth[chosen])
        assert abs(np.median(helix(read, centre, found.long_axis, chosen)) - expected) < 8
