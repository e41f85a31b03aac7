"""Subjects that come as an image alone: their wall and scar are found first; those with a wall are untouched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cardioscar.cohort.folder import FolderCohort
from cardioscar.errors import ConfigError, InputError
from cardioscar.imaging.formats.volume_files import read_labels
from cardioscar.imaging.labels import WALL
from cardioscar.metrics.overlap import dice
from cardioscar.shard.status import Status, read_status
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d import preprocess, reconstruct
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from tests.finished_run import OPTIONS, Run, content
from tests.lge.tiny_network import write_subject

FOUND = {"segmenter_views": 2, "heart": "other", "edge_mm": 3.0}


def run(cohort: Path, out: Path, *subjects: str, **options: object) -> list[Status]:
    return preprocess.run(cohort, subjects, out, FOUND | options)


def facts(out: Path, subject: str) -> dict:
    return json.loads((out / subject / "preprocess.json").read_text())


def test_a_subject_without_labels_gets_those_that_are_found(tmp_path: Path, tiny_network: Path) -> None:
    truth = write_subject(tmp_path / "cohort" / "P001", seed=2)
    [row] = run(tmp_path / "cohort", tmp_path / "out", "P001", segmenter=str(tiny_network))
    assert (row.outcome, row.error) == ("ok", None)
    labels = read_labels(tmp_path / "out" / "P001" / "found_labels.nii.gz")
    assert dice(np.isin(truth, WALL).ravel(), np.isin(labels.values, WALL).ravel()) > 0.9
    said = facts(tmp_path / "out", "P001")
    assert said["target"] == "labels"
    assert said["segmenter"]["name"] == "lge-test"
    assert said["segmenter"]["scar_ml_low"] <= said["segmenter"]["scar_ml"] <= said["segmenter"]["scar_ml_high"]
    # what is recorded names the network by what it holds
    assert row.config["segmenter"].startswith("sha256:")
    assert str(tiny_network) not in json.dumps(row.config)
    seen: list[bool] = []
    options = FOUND | {"segmenter": str(tiny_network)}
    preprocess.run(
        tmp_path / "cohort", ["P001"], tmp_path / "out", options, on_done=lambda row, reused: seen.append(reused)
    )
    assert seen == [True]


def test_without_a_segmenter_such_a_subject_is_refused_and_the_others_go_on(finished: Run, tmp_path: Path) -> None:
    other = finished.copy(tmp_path)
    write_subject(other.cohort / "X001", seed=2)
    lone, mine = preprocess.run(
        other.cohort, ["X001", "P001"], other.artifact("preprocess"), OPTIONS["preprocess"] | {"segmenter": "none"}
    )
    assert lone.error is not None
    assert lone.error.message == "X001: expected a mesh.* or a labels.* to build one from, found lge, and no segmenter"
    assert mine.outcome == "ok"


def test_a_segmenter_that_is_not_there_is_refused_before_work_if_somebody_needs_it(
    finished: Run, tmp_path: Path
) -> None:
    config = preprocess.Config(segmenter=str(tmp_path / "nowhere"))
    cohort = FolderCohort(finished.cohort, SCAR3D_LAYOUT)
    preprocess.check_cohort(config, cohort, ["P001"])  # whose wall came along
    write_subject(tmp_path / "cohort" / "X001", seed=2)
    lone = FolderCohort(tmp_path / "cohort", SCAR3D_LAYOUT)
    with pytest.raises(InputError, match="segmenter: expected a folder with"):
        preprocess.check_cohort(config, lone, ["X001"])
    with pytest.raises(ConfigError, match="segmenter_views: expected 1, 2, 4 or 8"):
        preprocess.Config(segmenter_views=3)


@pytest.mark.parametrize("segmenter", ["none", "shipped", "models:/lge@champion", "s3://nowhere/network"])
def test_subjects_with_a_wall_do_not_depend_on_the_segmenter(finished: Run, tmp_path: Path, segmenter: str) -> None:
    """Neither bytes nor recorded settings; nothing is fetched, and what was done is reused."""
    mine = finished.copy(tmp_path)
    before = content(mine.folder("preprocess"))
    seen: list[tuple[Status, bool]] = []
    options = OPTIONS["preprocess"] | {"segmenter": segmenter}
    preprocess.run(mine.cohort, ["P001"], mine.artifact("preprocess"), options, on_done=lambda *row: seen.append(row))
    [(row, reused)] = seen
    assert reused
    assert row.config["segmenter"] == "none"
    assert content(mine.folder("preprocess")) == before
    assert "segmenter" not in facts(mine.artifact("preprocess"), "P001")


def test_torch_is_not_loaded_for_subjects_with_a_wall(finished: Run, tmp_path: Path) -> None:
    code = (
        "import sys; from cardioscar.stages.scar3d import preprocess; "
        f"[row] = preprocess.run({str(finished.cohort)!r}, ['P001'], {str(tmp_path / 'out')!r}); "
        "assert row.outcome == 'ok', row; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_raw_slices_become_a_map_that_says_so(tmp_path: Path, tiny_network: Path) -> None:
    truth = write_subject(tmp_path / "cohort" / "P001", seed=2)
    preprocessing = FOUND | {"segmenter": str(tiny_network)}
    options = OPTIONS | {"preprocess": preprocessing, "evaluate": {"figures": False, "leave_one_out": False}}
    results = Recording(str(tmp_path / "results"), run_id="run-1")
    [row] = reconstruct.run(tmp_path / "cohort", ["P001"], tmp_path / "work", options, results)
    assert (row.outcome, row.error) == ("ok", None)
    published = tmp_path / "results" / "P001"
    metrics = json.loads((published / "metrics.json").read_text())
    voxel_ml = 1.5 * 1.5 * 8 / 1000
    assert metrics["scar"]["volume_ml"] == pytest.approx((truth == 3).sum() * voxel_ml, rel=0.2)
    assert metrics["input"]["segmenter"] == "lge-test"
    page = (published / "report.html").read_text()
    assert "Scar from labels of wall and scar, found by the network lge-test" in page
    assert "found on the LGE slices by a trained network (sha256 " in page
    assert (published / "found_labels.nii.gz").is_file()
    assert read_status(published) is not None
