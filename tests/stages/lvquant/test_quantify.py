"""Cohorts of cines through the workflow: what is published, what each kind of bad input is told, what is recorded."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from cardioscar.commands import lvquant
from cardioscar.errors import InputError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels, write_cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.inference.indices_csv import COLUMNS, read_indices_csv
from cardioscar.lvquant.subject_metrics import read_metrics
from cardioscar.phantom.beating_subject import write_beating_subject
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.local import sqlite_uri
from cardioscar.shard.status import read_status
from cardioscar.stages.lvquant.workflow import QUANTIFIED, QUANTIFY
from cardioscar.stages.recording import Recording
from cardioscar.stages.run.cohort import CohortRun, run_cohort
from tests.imaging.formats.image_bytes import nifti
from tests.imaging.formats.test_cine_files import LONG_AXIS_RAS, MS, VALUES, dicom_folder
from tests.imaging.formats.test_cine_files import MIXED as DICOM
from tests.lvquant.lvquan_files import write_lvquan
from tests.lvquant.tiny_network import COHORT, tiny_bundle

GOOD = ("S001", "S002", "S003", "S004", "S005")

NIFTI = {
    "N001": ({"values": VALUES[..., :1]}, "at least two frames of a beat"),
    "N002": ({"values": VALUES[..., 0]}, "expected a 4D image"),
    "N003": ({"values": VALUES[..., [0, 1, 1, 2]]}, "found frame 2 the same as frame 1"),
    "N004": ({"values": VALUES * [1, 1, 0, 1]}, "a missing frame?"),
    "N005": ({"units": MS, "time_step": 0.2}, "in s they would"),
    "N006": ({"affine": LONG_AXIS_RAS}, "slices along the long axis"),
}
SERIES = {
    f"D{n:03d}": name
    for n, name in enumerate(("missing", "repeated", "sizes", "spacing", "times of two rates", "long axis among them"))
}


@dataclass(frozen=True)
class Done:
    folder: Path
    run: CohortRun
    network: Path

    def result(self, subject: str) -> Path:
        return self.folder / "out" / "results" / subject

    def metrics(self, subject: str) -> dict:
        return json.loads((self.result(subject) / "metrics.json").read_text())

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        with (self.folder / "out" / "results" / "cohort.csv").open(newline="") as stream:
            return {row["subject"]: row for row in csv.DictReader(stream)}

    def uri(self) -> str:
        return sqlite_uri(self.folder / "mlflow.db")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("cines")
    tiny_bundle(folder / "network")
    cohort = folder / "cohort"
    cohort.mkdir()
    _good(cohort)
    for subject, (options, _) in NIFTI.items():
        (cohort / subject).mkdir()
        given = {"affine": np.diag([-1.5, -1.25, 8, 1.0]), "values": VALUES, "time_step": 50.0, "units": MS, **options}
        (cohort / subject / "cine.nii").write_bytes(nifti(given.pop("affine"), given.pop("values"), **given))
    for subject, name in SERIES.items():
        (cohort / subject).mkdir()
        dicom_folder(cohort / subject, **DICOM[name][0])
    _bad_tables(cohort)
    _labels_of_others(cohort)
    settings = {"network": str(folder / "network"), "views": 1, "device": "cpu"}
    recording = Recording(str(folder / "out" / "results"), sqlite_uri(folder / "mlflow.db"), "cines")
    run = run_cohort(
        QUANTIFY, cohort, folder / "out", {"quantify": settings}, jobs=1, recording=recording, max_failed_fraction=1.0
    )
    return Done(folder, run, folder / "network")


def _good(cohort: Path) -> None:
    """A phantom with labels, the same with its slices reversed, with oblong pixels, of one slice, and a table."""
    write_beating_subject(cohort / "S001", COHORT, 0)
    (cohort / "S001" / "truth.json").unlink()
    cine = read_cine(cohort / "S001" / "cine.nii.gz")
    for subject in GOOD[1:]:
        (cohort / subject).mkdir()
    upside_down = cine.affine.copy()
    upside_down[:3, 3] += upside_down[:3, 2] * (cine.slices - 1)
    upside_down[:3, 2] *= -1
    write_cine(cohort / "S002" / "cine.nii.gz", Cine(cine.values[:, :, ::-1], upside_down, cine.times_ms))
    # every second column, mean of two: pixels twice as long along i
    half = cine.values[: cine.values.shape[0] // 2 * 2].astype(np.float32)
    half = (half[::2] + half[1::2]) / 2
    oblong = cine.affine @ np.diag([2.0, 1, 1, 1])
    oblong[:3, 3] += cine.affine[:3, 0] / 2
    write_cine(cohort / "S003" / "cine.nii.gz", Cine(half, oblong, cine.times_ms))
    middle = cine.affine.copy()
    middle[:3, 3] += middle[:3, 2] * 3
    write_cine(cohort / "S004" / "cine.nii.gz", Cine(cine.values[:, :, 3:4], middle, cine.times_ms))
    write_lvquan(cohort / "S005" / "cine.mat", seed=0)
    (cohort / "S005" / "subject.yaml").write_text("beat_ms: 900\n")


def _bad_tables(cohort: Path) -> None:
    for subject in ("M001", "M002"):
        (cohort / subject).mkdir()
        write_lvquan(cohort / subject / "cine.mat", seed=0)
        arrays = {k: v for k, v in loadmat(cohort / subject / "cine.mat").items() if not k.startswith("__")}
        if subject == "M001":
            del arrays["pix_spa"]
        else:
            arrays["endo"] = arrays["endo"][..., :3]
        savemat(cohort / subject / "cine.mat", arrays)


def _labels_of_others(cohort: Path) -> None:
    """Labels one slice further on, a cine that is cut off, and no cine at all."""
    shutil.copytree(cohort / "S001", cohort / "L001")
    cine = read_cine(cohort / "L001" / "cine.nii.gz")
    labels = read_cine_labels(cohort / "L001" / "labels.nii.gz", cine)
    moved = labels.affine.copy()
    moved[:3, 3] += moved[:3, 2]
    write_cine(cohort / "L001" / "labels.nii.gz", Cine(labels.values, moved, labels.times_ms))
    # an epicardium displaced by 20 mm: noticed, and no reason to stop
    shutil.copytree(cohort / "S001", cohort / "L002")
    heart, cavity = labels.values > 0, labels.values == Label.BLOOD_POOL
    shifted = np.roll(heart, 8, axis=0)
    values = np.where(cavity, Label.BLOOD_POOL, np.where(shifted, Label.MYOCARDIUM, Label.BACKGROUND))
    write_cine(cohort / "L002" / "labels.nii.gz", labels.with_values(values.astype(np.uint8)))
    (cohort / "C001").mkdir()
    whole = (cohort / "S001" / "cine.nii.gz").read_bytes()
    (cohort / "C001" / "cine.nii.gz").write_bytes(whole[: len(whole) // 2])
    (cohort / "C002").mkdir()
    shutil.copy(cohort / "S001" / "labels.nii.gz", cohort / "C002")


def test_published_files_are_those_that_were_promised(done: Done) -> None:
    files = {p.relative_to(done.result("S001")).as_posix() for p in done.result("S001").rglob("*") if p.is_file()}
    assert files == {
        "metrics.json", "indices.csv", "labels.nii.gz", "report.html", "run.json", "status.json",
        "figures/cine.webp", "figures/curves.png", "figures/frames.png", "figures/thickening.png",
    }  # fmt: skip


def test_numbers_are_plain_and_have_their_interval_beside(done: Done) -> None:
    found = done.metrics("S001")
    for name in ("lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent", "lv_mass_g"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
    assert found["lv_edv_ml"] - found["lv_esv_ml"] == pytest.approx(found["lv_sv_ml"])
    assert 100 * found["lv_sv_ml"] / found["lv_edv_ml"] == pytest.approx(found["lv_ef_percent"])
    assert len(found["thickening"]) == 16
    assert len(found["volume_ml"]) == len(found["times_ms"]) == COHORT.frames
    assert read_metrics(found).lv_edv_ml == found["lv_edv_ml"]


def test_labels_lie_on_the_cine_frame_by_frame(done: Done) -> None:
    cine = read_cine(done.folder / "cohort" / "S001" / "cine.nii.gz")
    labels = read_cine_labels(done.result("S001") / "labels.nii.gz", cine)
    truth = read_cine_labels(done.folder / "cohort" / "S001" / "labels.nii.gz", cine)
    pool, true = (one.values == Label.BLOOD_POOL for one in (labels, truth))
    assert 2 * (pool & true).sum() / (pool.sum() + true.sum()) > 0.85
    written = read_cine(done.folder / "cohort" / "S001" / "cine.nii.gz").times_ms
    assert written is not None
    assert done.metrics("S001")["times_ms"] == pytest.approx(written.tolist())


def test_indices_are_a_table_of_slices_and_frames(done: Done) -> None:
    text = (done.result("S001") / "indices.csv").read_text().splitlines()
    assert tuple(text[0].split(",")) == COLUMNS
    slices = read_indices_csv(done.result("S001") / "indices.csv")
    cine = read_cine(done.folder / "cohort" / "S001" / "cine.nii.gz")
    assert len(slices) == cine.slices
    volume = sum(np.nan_to_num(measured.indices[:, 0]) for measured, _ in slices) * cine.distance_mm / 1000
    assert volume == pytest.approx(done.metrics("S001")["volume_ml"], abs=1e-2)


def test_labels_beside_the_cine_are_compared_with(done: Done) -> None:
    reference = done.metrics("S001")["reference"]
    assert reference["cavity_dice_ed"] > 0.85
    assert len(reference["frames"]) == COHORT.frames
    row = done.rows["S001"]
    assert float(row["cavity_dice_ed"]) == pytest.approx(reference["cavity_dice_ed"])
    assert float(row["ef_error_points"]) == pytest.approx(
        done.metrics("S001")["lv_ef_percent"] - reference["ef_percent"]
    )


def test_slices_in_reverse_order_give_the_same_numbers(done: Done) -> None:
    one, other = done.metrics("S001"), done.metrics("S002")
    for name in ("lv_edv_ml", "lv_esv_ml", "lv_mass_g"):
        assert other[name] == pytest.approx(one[name], rel=1e-6)
    # the labels are written back in the file's order, the table counts the file's slices
    slices = [line.split(",")[0] for line in (done.result("S002") / "indices.csv").read_text().splitlines()[1:]]
    count = read_cine(done.folder / "cohort" / "S002" / "cine.nii.gz").slices
    assert list(dict.fromkeys(slices)) == [str(k) for k in reversed(range(count))]


def test_oblong_pixels_count_by_their_area(done: Done) -> None:
    one, other = done.metrics("S001"), done.metrics("S003")
    assert other["lv_edv_ml"] == pytest.approx(one["lv_edv_ml"], rel=0.15)


def test_a_single_slice_has_indices_and_no_volume(done: Done) -> None:
    found = done.metrics("S004")
    assert found["lv_edv_ml"] is None
    assert found["ed_frame"] is not None
    assert done.rows["S004"]["outcome"] == "ok"
    assert "A single slice has areas" in (done.result("S004") / "report.html").read_text()


def test_a_table_of_lvquan_is_a_cine_with_labels(done: Done) -> None:
    found = done.metrics("S005")
    assert found["beat_ms"] == pytest.approx(900)  # as subject.yaml says
    assert found["reference"] is not None
    assert read_cine_labels(done.result("S005") / "labels.nii.gz", None).frames == found["frames"]


@pytest.mark.parametrize("subject", NIFTI)
def test_a_nifti_that_is_no_cine_is_one_clear_row(done: Done, subject: str) -> None:
    row = done.rows[subject]
    assert (row["outcome"], row["stage"]) == ("failed", "quantify")
    assert NIFTI[subject][1] in row["error_message"]


@pytest.mark.parametrize("subject", SERIES)
def test_a_series_that_is_no_cine_is_one_clear_row(done: Done, subject: str) -> None:
    row = done.rows[subject]
    assert row["outcome"] == "failed"
    assert DICOM[SERIES[subject]][1] in row["error_message"]


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("M001", "one pixel spacing"),
        ("M002", "endocardial masks"),
        ("C001", "cine.nii.gz"),
        ("C002", "a cine.*"),
    ],
)
def test_other_bad_input_is_one_clear_row(done: Done, subject: str, message: str) -> None:
    row = done.rows[subject]
    assert row["outcome"] == "failed"
    assert message in row["error_message"]
    assert "/" not in row["error_message"]


def test_bad_subjects_cost_the_good_ones_nothing(done: Done) -> None:
    rows = done.rows
    assert {name for name, row in rows.items() if row["outcome"] == "ok"} == {*GOOD, "L001", "L002"}
    assert len(rows) == len(GOOD) + len(NIFTI) + len(SERIES) + 6


def test_labels_that_do_not_fit_are_said_and_cost_the_cine_nothing(done: Done) -> None:
    row = read_status(done.result("L001"))
    assert row is not None
    assert any("nothing to compare with" in text and "contours of other slices?" in text for text in row.warnings)
    assert done.rows["L001"]["qc"] == "review"
    assert done.metrics("L001")["reference"] is None
    assert done.metrics("L001")["lv_edv_ml"] == pytest.approx(done.metrics("S001")["lv_edv_ml"])


def test_a_displaced_epicardium_is_noticed(done: Done) -> None:
    row = read_status(done.result("L002"))
    assert row is not None
    assert any("displaced" in text for text in row.warnings)
    assert done.rows["L002"]["qc"] == "review"
    assert not any("displaced" in text for text in done.metrics("S001")["warnings"])


def test_every_subject_is_a_run_without_a_model(done: Done) -> None:
    client = connect(TrackingTarget(done.uri(), "cines"))
    [experiment] = client.search_experiments(filter_string="name = 'cines'")
    runs = client.search_runs([experiment.experiment_id], f"tags.`cs.kind` = '{QUANTIFIED.run_kind}'")
    assert {run.data.tags["cs.subject"] for run in runs} == {*GOOD, "L001", "L002"}
    one = next(run for run in runs if run.data.tags["cs.subject"] == "S001")
    assert one.data.metrics["lv_edv_ml"] == pytest.approx(done.metrics("S001")["lv_edv_ml"])
    assert one.data.params["quantify.network"].startswith("sha256:")
    assert client.search_registered_models() == []


def test_results_are_held_against_labels(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    out = done.folder / "evaluation"
    words = [str(done.folder / "out"), "--truth", str(done.folder / "cohort"), "-o", str(out)]
    assert lvquant.main("lvquant", ["evaluate", *words]) == 0
    said = json.loads((out / "evaluation.json").read_text())
    shown = capsys.readouterr().out
    assert [row["subject"] for row in said["by_subject"]] == ["L002", "S001", "S005"]
    one = next(row for row in said["by_subject"] if row["subject"] == "S001")
    reference = done.metrics("S001")["reference"]
    assert one["cavity_dice_ed"] == pytest.approx(reference["cavity_dice_ed"])
    assert one["lv_ef_percent_true"] == pytest.approx(reference["ef_percent"])
    assert said["indices"]["measured"]["indices"]["cavity_mm2"]["frames"] > 50
    assert said["indices"]["measured"]["mae"]["areas_mm2"] < said["indices"]["regressed"]["mae"]["areas_mm2"]
    assert "displaced" in shown
    page = (out / "evaluation.html").read_text()
    assert "(other data)" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert len((out / "evaluation.csv").read_text().splitlines()) == 4


def test_a_truth_of_other_frames_is_said_and_costs_nobody_else(done: Done, tmp_path: Path) -> None:
    from cardioscar.stages.lvquant.evaluate import evaluate

    for subject in ("S001", "S002"):
        shutil.copytree(done.folder / "cohort" / "S001", tmp_path / "truth" / subject)
    labels = read_cine_labels(tmp_path / "truth" / "S002" / "labels.nii.gz", None)
    write_cine(tmp_path / "truth" / "S002" / "labels.nii.gz", Cine(labels.values[..., :-1], labels.affine))
    found = evaluate(done.folder / "out", tmp_path / "truth", tmp_path / "out")
    assert [one.subject for one in found.subjects] == ["S001"]
    assert "frames" in found.failed["S002"]
    with pytest.raises(InputError, match="truth: expected labels of 7 subjects"):
        evaluate(done.folder / "out", tmp_path, tmp_path / "out")


def test_a_damaged_result_and_a_folder_named_after_a_person_cost_nobody_else(done: Done, tmp_path: Path) -> None:
    from cardioscar.stages.lvquant.evaluate import evaluate

    for subject in ("S001", "S002", "Smith_John"):
        shutil.copytree(done.result("S001"), tmp_path / "results" / subject)
        shutil.copytree(done.folder / "cohort" / "S001", tmp_path / "truth" / subject)
    (tmp_path / "results" / "S002" / "metrics.json").write_text("[1]")
    found = evaluate(tmp_path / "results", tmp_path / "truth", tmp_path / "out")
    assert [one.subject for one in found.subjects] == ["S001"]
    assert set(found.failed) == {"S002", "row-3"}
    for path in (tmp_path / "out").iterdir():
        assert "Smith" not in path.read_text()


def test_another_network_is_refused_before_any_work(done: Done, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="network"):
        run_cohort(QUANTIFY, done.folder / "cohort", tmp_path / "out", {"quantify": {"network": str(tmp_path)}}, jobs=1)
    assert not (tmp_path / "out" / "work").exists()
