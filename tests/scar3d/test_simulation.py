"""A mesh that is ready to simulate: fibres by a rule, and the nodes of both surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.coordinates.fibres import FibreRule, fibres
from cardioscar.imaging.formats.opencarp import read_opencarp, write_opencarp
from cardioscar.scar3d.simulation import with_fibres, write_surfaces
from tests.report.conftest import ellipsoid_shell


def test_the_angle_turns_evenly_through_the_wall():
    depth = np.array([0.0, 0.25, 0.5, 1.0])
    outward, up = np.tile([2.0, 0, 0], (4, 1)), np.tile([0.3, 0, 0.5], (4, 1))
    along, sheet = fibres(outward, up, depth)
    # outward x, up z: around is z × x = y
    angle = np.degrees(np.arctan2(along[:, 2], along[:, 1]))
    assert angle == pytest.approx([40.0, 17.5, -5.0, -50.0])
    assert along[:, 0] == pytest.approx(0.0, abs=1e-12)
    assert np.einsum("ij,ij->i", along, sheet) == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.norm(along, axis=1) == pytest.approx(1.0)
    assert np.linalg.norm(sheet, axis=1) == pytest.approx(1.0)
    flat, across = fibres(outward, up, depth, FibreRule(0, 0, 0, 0))
    assert flat == pytest.approx(np.tile([0.0, 1, 0], (4, 1)))
    assert across == pytest.approx(np.tile([1.0, 0, 0], (4, 1)))


def test_where_a_gradient_vanishes_directions_are_still_units():
    along, sheet = fibres(np.zeros((2, 3)), np.array([[0, 0, 1.0], [1, 0, 0]]), np.array([0.5, 0.5]))
    assert np.linalg.norm(along, axis=1) == pytest.approx(1.0)
    assert np.einsum("ij,ij->i", along, sheet) == pytest.approx(0.0, abs=1e-12)


@pytest.fixture(scope="module")
def shell():
    grid = ellipsoid_shell(5, 24, 16).grid
    nodes = np.asarray(grid.points, dtype=float)
    grid.point_data["transmural"] = np.clip((_size(nodes) - 1) / (32 / 22 - 1), 0, 1)
    grid.point_data["apicobasal"] = (nodes[:, 2] - nodes[:, 2].min()) / np.ptp(nodes[:, 2])
    return grid


def _size(nodes):
    return np.hypot(nodes[:, 0], nodes[:, 1]) / 22 / np.maximum(np.sqrt(1 - np.clip(nodes[:, 2] / 61, -1, 1) ** 2), 0.2)


def test_fibres_run_around_the_middle_of_a_ventricle(shell, tmp_path):
    grid = with_fibres(shell)
    centres = np.asarray(grid.cell_centers().points)
    middle = np.abs(centres[:, 2]) < 8
    along = np.asarray(grid.cell_data["fiber"])[middle]
    radial = centres[middle] * [1, 1, 0] / np.linalg.norm(centres[middle][:, :2], axis=1)[:, None]
    assert np.abs(np.einsum("ij,ij->i", along, radial)).max() < 0.25  # within the wall
    depth = np.asarray(grid.point_data_to_cell_data().cell_data["transmural"])[middle]
    rise = np.degrees(np.arcsin(along[:, 2]))
    inner, outer = rise[depth < 0.2], rise[depth > 0.8]
    assert 22 < np.median(inner) < 40
    assert -50 < np.median(outer) < -30


def test_opencarp_reads_back_what_was_written(shell, tmp_path):
    grid = with_fibres(shell)
    write_opencarp(tmp_path / "scar", grid, np.ones(grid.n_cells, dtype=int))
    head, *lines = (tmp_path / "scar.lon").read_text().splitlines()
    assert head == "2"  # fibre and sheet
    assert len(lines) == grid.n_cells
    assert all(len(line.split()) == 6 for line in lines)
    back = read_opencarp(tmp_path / "scar.pts")
    assert np.asarray(back.cell_data["fiber"]) == pytest.approx(np.asarray(grid.cell_data["fiber"]), abs=1e-6)
    write_surfaces(tmp_path / "scar", np.asarray(grid.point_data["transmural"]))
    for name, value in (("endo", 0.0), ("epi", 1.0)):
        count, domain, *nodes = (tmp_path / f"scar_{name}.vtx").read_text().splitlines()
        assert domain == "extra"
        assert int(count) == len(nodes) > 100
        assert np.asarray(grid.point_data["transmural"])[list(map(int, nodes))] == pytest.approx(value, abs=1e-3)


def test_a_grid_without_coordinates_stays(shell):
    bare = shell.copy()
    bare.clear_data()
    assert with_fibres(bare) is bare
