"""The script for ParaView run against a stand-in of `paraview.simple` that does with pyvista what its filters do.

It shows that the script runs, and what its pipeline makes of a map; that ParaView itself takes it is not tested here.
"""

from __future__ import annotations

import runpy
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.formats.vtk_files import write_vtk
from cardioscar.report.scar3d.paraview import write_paraview_state
from cardioscar.report.style import SCAR_CMAP, UNCERTAINTY_CMAP
from tests.scar3d.exports.maps import tube

KNOWN = {
    "reader": {"FileName", "registrationName"},
    "contour": {"Input", "registrationName", "ContourBy", "Isosurfaces"},
    "clip": {"Input", "registrationName", "ClipType"},
    "plane": {"Origin", "Normal"},
    "view": {"Background", "UseColorPaletteForBackground", "CameraFocalPoint", "CameraPosition", "CameraViewUp"},
    "display": {"Opacity", "AmbientColor", "DiffuseColor"},
    "colours": {"RGBPoints", "ColorSpace", "NanColor"},
}
"""Properties that the script may set, as the documentation of ParaView 5 names them."""


class Proxy:
    """One that refuses what it does not know, as ParaView's do."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self.__dict__["kind"], self.__dict__["settings"] = kind, {}
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in KNOWN[self.kind]:
            raise AttributeError(f"{self.kind} has no {name}")
        self.settings[name] = Proxy("plane") if name == "ClipType" and value == "Plane" else value

    def __getattr__(self, name: str) -> Any:
        return self.settings[name]

    def UpdatePipeline(self) -> None:  # noqa: N802 - ParaView's name
        self.output()

    def ResetCamera(self, closest: bool) -> None:  # noqa: N802
        assert closest is False

    def SetScalarBarVisibility(self, view: Proxy, shown: bool) -> None:  # noqa: N802
        assert view.kind == "view"
        assert shown

    def output(self) -> pv.DataSet:
        if self.kind == "reader":
            return pv.read(self.FileName[0])
        source = self.Input.output()
        if self.kind == "contour":
            association, name = self.ContourBy
            assert association == "POINTS"
            return source.contour(self.Isosurfaces, scalars=name)
        return source.clip(normal=self.ClipType.Normal, origin=self.ClipType.Origin, invert=True)


class Simple(types.ModuleType):
    """Stands in for `paraview.simple`."""

    def __init__(self) -> None:
        super().__init__("paraview.simple")
        self.shown: list[tuple[Proxy, Proxy, Proxy]] = []
        self.coloured: dict[int, str | None] = {}
        self.colours: dict[str, Proxy] = {}
        self.places: dict[int, Proxy] = {}
        self.drawn = False
        for name, kind in (("XMLUnstructuredGridReader", "reader"), ("Contour", "contour"), ("Clip", "clip")):
            setattr(self, name, lambda kind=kind, **settings: Proxy(kind, **settings))

    def CreateView(self, kind: str) -> Proxy:  # noqa: N802
        assert kind == "RenderView"
        return Proxy("view")

    def CreateLayout(self, name: str) -> Any:  # noqa: N802
        return types.SimpleNamespace(SplitHorizontal=lambda cell, share: (cell, share))

    def AssignViewToLayout(self, view: Proxy, layout: Any, hint: int) -> None:  # noqa: N802
        self.places[hint] = view

    def GetColorTransferFunction(self, name: str) -> Proxy:  # noqa: N802
        return self.colours.setdefault(name, Proxy("colours"))

    def Show(self, source: Proxy, view: Proxy) -> Proxy:  # noqa: N802
        self.shown.append((source, view, Proxy("display")))
        return self.shown[-1][2]

    def ColorBy(self, display: Proxy, value: tuple[str, str] | None) -> None:  # noqa: N802
        self.coloured[id(display)] = value[1] if value else None

    def RenderAllViews(self) -> None:  # noqa: N802
        self.drawn = True


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Simple, pv.UnstructuredGrid]:
    mesh = tube()
    write_vtk(tmp_path / "scar.vtu", mesh.grid)
    write_paraview_state(
        tmp_path / "state.py", "scar.vtu", nodes_mm=mesh.nodes_mm,
        uncertainty=np.asarray(mesh.grid.point_data["scar_uncertainty"]), long_axis=np.array([0, 0, 1.0]),
        scar_direction=np.array([1.0, 0, 0]), threshold=0.55,
    )  # fmt: skip
    simple = Simple()
    package = types.ModuleType("paraview")
    monkeypatch.setitem(sys.modules, "paraview", package)
    monkeypatch.setitem(sys.modules, "paraview.simple", simple)
    runpy.run_path(str(tmp_path / "state.py"))
    return simple, mesh.grid


def test_the_pipeline_is_the_map_its_scar_and_a_cut(opened: tuple[Simple, pv.UnstructuredGrid]) -> None:
    simple, grid = opened
    (wall, left, on_wall), (scar, same, on_scar), (cut, right, on_cut) = simple.shown
    assert simple.places == {1: left, 2: right}
    assert same is left
    assert [simple.coloured[id(one)] for one in (on_wall, on_scar, on_cut)] == [
        "scar_probability", None, "scar_uncertainty",
    ]  # fmt: skip
    assert wall.output().n_cells == grid.n_cells
    surface = scar.output()
    assert np.asarray(surface.point_data["scar_probability"]) == pytest.approx(0.55, abs=1e-5)
    assert surface.n_cells > 50
    half = cut.output()
    assert 0.4 * grid.n_cells < half.n_cells < 0.7 * grid.n_cells
    assert half.bounds[1] == pytest.approx(0, abs=0.05)  # what lies towards the viewer is taken away
    assert right.CameraPosition[0] > 60
    assert right.CameraViewUp == [0, 0, 1]
    assert simple.drawn


def test_the_colours_are_ours(opened: tuple[Simple, pv.UnstructuredGrid]) -> None:
    simple, grid = opened
    top = float(np.max(grid.point_data["scar_uncertainty"]))
    for name, colours, end in (("scar_probability", SCAR_CMAP, 1.0), ("scar_uncertainty", UNCERTAINTY_CMAP, top)):
        rows = np.array(simple.colours[name].RGBPoints).reshape(-1, 4)
        assert (rows[0, 0], rows[-1, 0]) == (0, pytest.approx(end, rel=1e-3))
        for value, *rgb in rows:
            assert rgb == pytest.approx(colours(value / end)[:3], abs=0.01)


def test_a_map_without_uncertainty_shows_its_probability_twice(tmp_path: Path) -> None:
    nodes = tube().nodes_mm
    write_paraview_state(
        tmp_path / "state.py", "scar.vtu", nodes_mm=nodes, uncertainty=None, long_axis=np.eye(3)[2],
        scar_direction=np.eye(3)[0], threshold=0.5,
    )  # fmt: skip
    assert "scar_uncertainty" not in (tmp_path / "state.py").read_text(encoding="utf-8")
