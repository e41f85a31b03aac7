"""`apply` and `slices`: a map on another mesh, a sparse stack from a dense volume."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.formats.volume_files import read_volume, write_volume
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.volume import Volume
from tests.report.conftest import ellipsoid_shell, septal_scar


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    mesh = ellipsoid_shell(5, 60, 36)
    scar = septal_scar(mesh.nodes_mm)
    mesh.grid.point_data["scar_probability"] = scar.astype(np.float32)
    mesh.grid.point_data["scar_binary"] = (scar >= 0.5).astype(np.uint8)
    path = tmp_path_factory.mktemp("P001") / "scar.vtu"
    write_mesh(path, mesh)
    return path, float(mesh.node_volumes_ml @ (scar >= 0.5))


def test_a_map_is_carried_to_a_coarser_mesh(mapped, cardioscar, tmp_path):
    other = ellipsoid_shell(4, 45, 25)
    write_mesh(tmp_path / "other.vtu", other)
    said = cardioscar("apply", mapped[0].parent, tmp_path / "other.vtu", "-o", tmp_path / "out.vtu")
    assert (said.code, said.err) == (0, "")
    found = read_mesh(tmp_path / "out.vtu", own=True)
    probability = np.asarray(found.grid.point_data["scar_probability"])
    assert np.abs(probability - septal_scar(found.nodes_mm)).mean() < 0.02
    scar = found.node_volumes_ml @ np.asarray(found.grid.point_data["scar_binary"])
    assert scar == pytest.approx(mapped[1], rel=0.1)
    assert f"scar {scar:.2f} ml" in said.out
    assert cardioscar("apply", mapped[0].parent, tmp_path / "other.vtu", "-o", tmp_path / "out.vtu").code == 2


def test_another_heart_is_refused(mapped, cardioscar, tmp_path):
    other = ellipsoid_shell(4, 45, 25)
    other.grid.points = np.add(other.grid.points, (40.0, 0, 0))
    write_mesh(tmp_path / "other.vtu", LVMesh(other.grid))
    said = cardioscar("apply", mapped[0], tmp_path / "other.vtu", "-o", tmp_path / "out.vtu")
    assert said.code == 2
    assert "another heart, frame or unit?" in said.err
    assert not (tmp_path / "out.vtu").exists()


@pytest.mark.parametrize("thick", [1, 3])
def test_a_sparse_stack_lies_where_it_was_cut(thick, cardioscar, tmp_path):
    affine = np.array([[1.0, 0, 0, 5], [0, 1.0, 0, 6], [0, 0, 2.0, 7], [0, 0, 0, 1]])
    values = np.broadcast_to(np.arange(20, dtype=np.float32), (12, 10, 20)).copy()
    write_volume(tmp_path / "dense.nii.gz", Volume(values, affine))
    out = tmp_path / "sparse.nii.gz"
    said = cardioscar("slices", tmp_path / "dense.nii.gz", "-o", out, "--every", 4, "--thick", thick, "--first", 2)
    assert (said.code, said.err) == (0, "")
    found = read_volume(out)
    middle = 2 + (thick - 1) / 2
    assert found.values[0, 0] == pytest.approx(np.arange(found.values.shape[2]) * 4 + middle)
    heights = found.index_to_mm(np.array([[0, 0, k] for k in range(found.values.shape[2])]))[:, 2]
    assert heights == pytest.approx(7 + 2 * found.values[0, 0])  # where the volume had these values


def test_more_than_there_is_cannot_be_cut(cardioscar, tmp_path):
    write_volume(tmp_path / "dense.nii.gz", Volume(np.zeros((8, 8, 5), np.float32), np.diag([1.0, 1, 2, 1])))
    said = cardioscar("slices", tmp_path / "dense.nii.gz", "-o", tmp_path / "s.nii.gz", "--first", 9)
    assert said.code == 2
    assert cardioscar("slices", tmp_path / "dense.nii.gz", "-o", tmp_path / "s.nii.gz", "--thick", 9).code == 2
