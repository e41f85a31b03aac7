"""Surfaces of equal depth, against the formula of the map and the area of a tube."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.mesh_facts import with_facts
from cardioscar.imaging.formats.vtk_files import read_vtk, write_vtk
from cardioscar.scar3d.exports.shells import DEPTHS, depth_shell
from tests.scar3d.exports.maps import INNER, OUTER, probability, tube


@pytest.mark.parametrize("percent", [10.0, 35.0, 90.0])
def test_a_shell_lies_at_its_depth_and_carries_the_map(percent: float, tmp_path: Path) -> None:
    mesh = tube()
    shell = depth_shell(mesh, percent)
    points = np.asarray(shell.points, float)
    radius = INNER + percent / 100 * (OUTER - INNER)
    assert np.hypot(points[:, 0], points[:, 1]) == pytest.approx(radius, abs=0.05)
    assert np.asarray(shell.point_data["transmural"]) == pytest.approx(percent / 100, abs=1e-6)
    np.testing.assert_allclose(shell.point_data["scar_probability"], probability(points), atol=2e-5)
    assert set(np.unique(shell.point_data["scar_binary"])) == {0, 1}
    assert shell.area == pytest.approx(2 * np.pi * radius * 60, rel=0.01)
    write_vtk(tmp_path / "shell.vtp", with_facts(shell, "S001"))
    read = read_vtk(tmp_path / "shell.vtp")
    assert (read.n_points, read.n_cells) == (shell.n_points, shell.n_cells)
    assert read.field_data["length_unit_m"] == pytest.approx(0.001)
    assert bytes(read.field_data["subject_utf8"]).decode() == "S001"
    with pytest.raises(InputError, match=r"the ending \.vtp"):
        write_vtk(tmp_path / "shell.vtu", shell)


def test_depths_are_those_of_layers() -> None:
    assert tuple(10.0 * n for n in range(1, 10)) == DEPTHS


@pytest.mark.parametrize(
    ("name", "percent", "said"),
    [
        ("transmural", 50.0, "found none of that name (a wall without LV coordinates has no depth)"),
        ("scar_probability", 50.0, "point data 'scar_probability'"),
        ("", 100.0, "a depth above 0 and below 100 %, found 100 %"),
    ],
)  # fmt: skip
def test_what_has_no_shell_is_refused(name: str, percent: float, said: str) -> None:
    mesh = tube()
    if name:
        del mesh.grid.point_data[name]
    with pytest.raises(GeometryError, match=re.escape(said)):
        depth_shell(mesh, percent)
