"""What a subject's file claims in memory is that subject's fault: one row, and the others go on."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.formats import nifti_files, vtk_files
from cardioscar.imaging.labels import Label
from cardioscar.stages.scar3d import preprocess

MakeCohort = Callable[..., Path]
MESSAGE = "expected a file that can be read in the memory there is, found a larger one"


def no_memory(*args: object, **keywords: object) -> None:
    raise MemoryError


@pytest.mark.parametrize(
    ("file", "module", "function"),
    [("labels.nii.gz", nifti_files, "read_exactly"), ("mesh.vtu", vtk_files, "_wrapped")],
)
def test_a_reader_without_memory_is_a_failed_row(
    file: str, module: object, function: str, make_cohort: MakeCohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = make_cohort("P001", "P002")
    real, marked = getattr(module, function), cohort / "P001" / file

    def sometimes(*args: object, **keywords: object) -> object:
        return no_memory() if marked in args else real(*args, **keywords)

    monkeypatch.setattr(module, function, sometimes)
    rows = preprocess.run(cohort, ["P001", "P002"], tmp_path / "out")
    assert [row.outcome for row in rows] == ["failed", "ok"]
    assert rows[0].error is not None
    assert rows[0].error.message == f"{file}: {MESSAGE}"


def test_labels_of_a_hundred_kilobytes_that_fill_a_thorax(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort, shape = make_cohort("P001", "P002"), (700, 700, 150)
    path = cohort / "P001" / "labels.nii.gz"
    header = bytearray(gzip.decompress(path.read_bytes())[:352])
    struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(bytes(header))
        for _ in range(shape[2]):
            stream.write(bytes([Label.MYOCARDIUM]) * (shape[0] * shape[1]))
    assert path.stat().st_size < 500_000
    (cohort / "P001" / "mesh.vtu").unlink()
    rows = preprocess.run(cohort, ["P001", "P002"], tmp_path / "out")
    assert [row.outcome for row in rows] == ["failed", "ok"]
    assert rows[0].error is not None
    assert rows[0].error.message.startswith(
        "labels.nii.gz: expected labels in a box of at most 67108864 voxels, found "
    )


@pytest.mark.parametrize("apart", [5_000, 1e5, 1e9, 1e300])
def test_two_cells_far_apart_are_no_layer_of_any_size(apart: float, make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort("P001", "P002", files=("mesh.vtu", "labels.nii.gz"))
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
    points = np.vstack([corners, np.add(corners, (apart, apart, 0))])
    layer = pv.UnstructuredGrid(np.array([4, 0, 1, 2, 3, 4, 4, 5, 6, 7]), np.array([9, 9], dtype=np.uint8), points)
    layer.cell_data["ScalarValue"] = np.zeros(2)
    (cohort / "P001" / "scar").mkdir()
    layer.save(cohort / "P001" / "scar" / "layer_1.vtk")
    options = {"target": "layers", "slice_thickness_mm": 8.0}
    [row] = preprocess.run(cohort, ["P001"], tmp_path / "out", options)
    assert row.error is not None
    assert row.error.kind == "geometry"
    assert row.error.message.startswith("a file of scar: expected ")
