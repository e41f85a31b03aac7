"""`cardioscar export`: each form of a finished map, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable, cohort_json
from cardioscar.stages.scar3d.columns import COLUMNS
from tests.commands.conftest import Said
from tests.finished_run import Run
from tests.scar3d.exports.maps import series, tube

Cardioscar = Callable[..., Said]
METRICS = {"threshold": 0.5, "doubt_range": [0.25, 0.75], "input": {"slice_thickness_mm": 8.0}}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Output of a run whose one map is a formula."""
    folder = tmp_path / "out" / "results" / "P-001"
    folder.mkdir(parents=True)
    write_mesh(folder / "scar.vtu", tube())
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    (folder / "status.json").write_text("{}")
    table = CohortTable(CohortSummary(accepted=True, max_failed_fraction=0.1), (CohortRow("P-001", "ok"),), COLUMNS)
    (folder.parent / "cohort.json").write_text(cohort_json(table))
    return tmp_path / "out"


def shifted(results: Path, i: float) -> None:
    facts = {
        "slice_shifts_mm": {"2": {"i": i, "j": 0.0, "finding": "applied"}, "1": {"i": 9, "j": 9, "finding": "small"}}
    }
    place = results / "work" / "preprocess" / "P-001"
    place.mkdir(parents=True, exist_ok=True)
    (place / "preprocess.json").write_text(json.dumps(facts))


def test_all_forms_of_a_map_of_dicom_images(results: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    images, out = series(tmp_path / "lge"), tmp_path / "forms"
    shifted(results, 3.2)
    forms = ("dicom-seg", "parametric-map", "nifti", "shells", "opencarp", "paraview")
    said = cardioscar("export", results, "P-001", "--to", *forms, "-o", out, "--image", images)
    assert (said.code, said.err) == (0, "")
    assert [line.split(":")[0] for line in said.out.splitlines()] == [f"P-001 {form}" for form in forms]
    names = sorted(path.name for path in (out / "P-001").iterdir())
    assert names == sorted(
        [
            *("scar_seg.dcm", "scar_probability_map.dcm", "scar_uncertainty_map.dcm"),
            *("scar_probability.nii.gz", "scar_uncertainty.nii.gz", "scar.vtu", "paraview_state.py"),
            *("scar.pts", "scar.elem", "scar.lon", "scar_endo.vtx", "scar_epi.vtx"),
            *(f"depth_{n}0.0.vtp" for n in range(1, 10)),
        ]
    )
    image, found = read_volume(images), read_volume(out / "P-001" / "scar_probability.nii.gz")
    np.testing.assert_allclose(found.affine, image.affine, atol=1e-4)
    shifted(results, 0.0)
    still = tmp_path / "still"
    assert cardioscar("export", results, "P-001", "--to", "nifti", "-o", still, "--image", images).code == 0
    other = read_volume(still / "P-001" / "scar_probability.nii.gz")
    # the slice that was moved before the map was made is seen where the heart lies in its picture
    np.testing.assert_allclose(found.values[2:, :, 2], other.values[:-2, :, 2], atol=1e-6)
    np.testing.assert_array_equal(found.values[..., 1], other.values[..., 1])
    again = cardioscar("export", results, "P-001", "--to", "nifti", "-o", out, "--image", images)
    assert again.code == 0  # its own files it may replace


def test_a_map_without_image_and_its_facts(finished: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("export", finished.out, "P001", "--to", "nifti", "shells", "--depths", "50", "-o", tmp_path / "o")
    assert said.code == 0
    assert "cubic voxels of" in said.out
    mesh = read_mesh(finished.result() / "scar.vtu", own=True)
    volume = read_volume(tmp_path / "o" / "P001" / "scar_probability.nii.gz")
    index = np.rint(volume.mm_to_index(mesh.nodes_mm)).astype(int)
    inside = volume.values[tuple(index.T)]
    assert np.corrcoef(inside, np.asarray(mesh.grid.point_data["scar_probability"]))[0, 1] > 0.7
    facts = pv.read(finished.result() / "scar.vtu").field_data
    assert facts["length_unit_m"] == pytest.approx(0.001)
    assert bytes(facts["subject_utf8"]).decode() == "P001"
    assert len(facts["cardioscar_version"]) == 3


def test_bids_is_a_dataset_of_its_own(finished: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    for subject in ("P001", "P002"):
        assert cardioscar("export", finished.out, subject, "--to", "bids", "-o", tmp_path / "b").code == 0
    assert len((tmp_path / "b" / "participants.tsv").read_text().splitlines()) == 3
    assert (tmp_path / "b" / "sub-P002" / "anat" / "sub-P002_label-scar_probseg.nii.gz").is_file()
    said = cardioscar("export", finished.out, "P001", "--to", "bids", "nifti", "-o", tmp_path / "b")
    assert said.code == 2
    assert "bids alone" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("P-001", "--to", "dicom-seg"), "P-001: expected the DICOM series that dicom-seg refers to (--image FOLDER)"),
        (("P-001", "--to", "parametric-map", "--image", "FILE"), "expected a folder of the DICOM series"),
        (("P-999", "--to", "nifti"), "P-999: expected a subject of these results (P-001), found none of that name"),
        (("P-001", "--to", "nifti", "--image", "nowhere.nii.gz"), "nowhere.nii.gz: expected"),
        (("P-001", "--to", "shells", "--depths", "120"), "depths: expected depths above 0 and below 100 %, found 120"),
    ],
)
def test_what_cannot_be_exported_is_named(
    words: tuple[str, ...], said: str, results: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    from cardioscar.imaging.formats.volume_files import write_volume

    write_volume(tmp_path / "lge.nii.gz", read_volume(series(tmp_path / "lge")))
    named = [str(tmp_path / "lge.nii.gz") if word == "FILE" else word for word in words]
    found = cardioscar("export", results, *named, "-o", tmp_path / "forms")
    assert found.code == 2
    assert said in found.err


def test_results_and_files_of_others_are_never_written_over(
    results: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    said = cardioscar("export", results, "P-001", "--to", "opencarp", "-o", results / "results")
    assert said.code == 2
    assert "that of a run's results" in said.err
    assert "that of a run's results" in cardioscar("export", results, "P-001", "--to", "shells", "-o", results).err
    beside = tmp_path / "published" / "P-001"  # a folder of results that no table sums up yet
    shutil.copytree(results / "results" / "P-001", beside)
    said = cardioscar("export", results, "P-001", "--to", "opencarp", "-o", beside.parent)
    assert (said.code, "results of a run" in said.err) == (2, True)
    mine = tmp_path / "forms" / "P-001"
    mine.mkdir(parents=True)
    (mine / "scar.pts").write_text("mine")
    assert cardioscar("export", results, "P-001", "--to", "opencarp", "-o", tmp_path / "forms").code == 2
    assert (mine / "scar.pts").read_text() == "mine"
