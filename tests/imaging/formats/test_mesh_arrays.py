from __future__ import annotations

import logging

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.formats.mesh_arrays import RESULTS, clean_arrays, may_be_passed_on, put_result

PEOPLE = (
    "jane_doe",
    "mrn_00482913",
    "smith.john",
    "Jane_Doe_scar",
    "born_14_3_65",
    "garcia",
    "tag_of_miller",
    "region_1965",
)
USUAL = (
    "elemTag",
    "fiber",
    "sheet_2",
    "Normals",
    "uvc_rho",
    "gmsh:physical",
    "GlobalNodeId",
    "LAT",
    "array_3",
    "thickness",
)


@pytest.fixture
def grid() -> pv.UnstructuredGrid:
    return pv.ImageData(dimensions=(3, 3, 3)).cast_to_unstructured_grid()


@pytest.mark.parametrize("name", PEOPLE)
def test_no_name_of_a_person_is_a_word_of_the_vocabulary(name: str) -> None:
    assert not may_be_passed_on(name)


@pytest.mark.parametrize("name", USUAL)
def test_usual_names_stay(name: str) -> None:
    assert may_be_passed_on(name)


def test_values_stay_under_numbers(grid: pv.UnstructuredGrid) -> None:
    grid.point_data["array_1"] = np.arange(27.0)
    for n, name in enumerate(PEOPLE[:3]):
        grid.point_data[name] = np.full(27, float(n))
    grid.cell_data["jane_doe"] = np.arange(8)
    grid.cell_data["note"] = np.array(["Jane Doe"] * 8)
    grid.field_data["patient"] = ["Jane Doe"]
    clean_arrays(grid)
    assert set(grid.point_data) == {"array_1", "array_2", "array_3", "array_4"}
    assert grid.point_data["array_1"][5] == 5
    assert [grid.point_data[f"array_{n}"][0] for n in (2, 3, 4)] == [0, 1, 2]
    assert (set(grid.cell_data), set(grid.field_data)) == ({"array_1"}, set())


@pytest.mark.parametrize(
    "name", [*RESULTS, "AHA_Segment", "scar_truth", "scar_mine", "channel_7", "Scar-Transmurality"]
)
def test_what_comes_under_names_of_results_goes(
    name: str, grid: pv.UnstructuredGrid, caplog: pytest.LogCaptureFixture
) -> None:
    grid.point_data[name], grid.point_data["scar"] = np.ones(27), np.ones(27)
    with caplog.at_level(logging.INFO):
        clean_arrays(grid, source="mesh.vtu")
    assert set(grid.point_data) == {"scar"}
    [said] = caplog.messages
    assert said.startswith("mesh.vtu: values that it brings under names of our results are left out: ")
    assert "mine" not in said


def test_marks_of_ghosts_go(grid: pv.UnstructuredGrid) -> None:
    grid.cell_data["vtkGhostType"] = np.zeros(8, dtype=np.uint8)
    clean_arrays(grid)
    assert not set(grid.cell_data)


def test_a_result_must_be_on_the_list(grid: pv.UnstructuredGrid) -> None:
    put_result(grid.point_data, "scar_certainty", np.zeros(27, dtype=np.uint8))
    with pytest.raises(KeyError, match="scar_certainties"):
        put_result(grid.point_data, "scar_certainties", np.zeros(27))
