"""Segmentations beside their truth: scores, how empty is scored, files, and what cannot be scored."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.commands import lge
from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.stages.lge.evaluate import evaluate
from tests.lge.inference.stand_in import heart

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])


def put(folder: Path, subject: str, name: str, labels: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    (folder / subject).mkdir(parents=True, exist_ok=True)
    write_volume(folder / subject / f"{name}.nii.gz", Volume(labels, affine))


@pytest.fixture
def cohort(tmp_path: Path) -> tuple[Path, Path]:
    """Three subjects: as drawn, half of the scar found, and scar-free on both sides; with probabilities and draws."""
    results, truth = tmp_path / "results", tmp_path / "truth"
    drawn = heart((60, 60, 4), center=(30.0, 30.0))
    half = heart((60, 60, 4), center=(30.0, 30.0), scar=0.125)
    free = heart((60, 60, 4), center=(30.0, 30.0), scar=0.0)
    for subject, found, true in (("P001", drawn, drawn), ("P002", half, drawn), ("P003", free, free)):
        put(results, subject, "labels", found)
        put(results, subject, "scar_probability", np.where(found == Label.SCAR, 1.0, 0.0).astype(np.float32))
        put(truth, subject, "labels", true)
        scar_ml = float((found == Label.SCAR).sum()) * 0.018
        said = {"scar_ml_low": scar_ml - 0.5, "scar_ml_high": scar_ml + 0.5, "scar_draws_ml": [scar_ml]}
        (results / subject / "metrics.json").write_text(json.dumps(said))
    return results, truth


def test_scores_figures_and_files(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    results, truth = cohort
    found = evaluate(results, truth, tmp_path / "out")
    assert found.failed == {}
    rows = {one.subject: one for one in found.scores}
    assert [rows["P001"].regions[name].dice for name in ("wall", "cavity", "scar")] == [1, 1, 1]
    assert rows["P002"].regions["scar"].dice == pytest.approx(2 / 3, abs=0.02)
    assert np.isnan(rows["P003"].regions["scar"].dice)
    assert rows["P001"].ece == rows["P003"].ece == 0
    missing = rows["P002"].regions["scar"].truth_ml - rows["P002"].regions["scar"].found_ml
    assert rows["P002"].crps_ml == pytest.approx(missing)
    assert [rows[f"P00{n}"].covered for n in (1, 2, 3)] == [True, False, True]
    said = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert said["summary"]["both_empty"] == 1
    assert said["summary"]["dice"]["scar"]["subjects"] == 2
    assert said["summary"]["dice"]["scar"]["median"] == pytest.approx(5 / 6, abs=0.02)
    assert said["summary"]["scar_bland_altman_ml"]["bias"] == pytest.approx(-missing / 3, rel=1e-3)
    assert said["summary"]["coverage"] == pytest.approx(2 / 3, abs=1e-4)
    assert "left out of median and mean" in said["empty_rule"]
    with (tmp_path / "out" / "evaluation.csv").open(newline="") as stream:
        table = {row["subject"]: row for row in csv.DictReader(stream)}
    assert float(table["P002"]["dice_scar"]) == pytest.approx(rows["P002"].regions["scar"].dice, abs=1e-4)
    assert table["P003"]["dice_scar"] == ""
    page = (tmp_path / "out" / "evaluation.html").read_text()
    assert page.count("<img") == 2
    assert "Scar missed altogether: 0" in page


def test_slices_that_the_truth_does_not_label_can_be_left_out(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    results, truth = cohort
    drawn = heart((60, 60, 4), center=(30.0, 30.0))
    drawn[..., 3] = 0
    put(truth, "P001", "labels", drawn)
    whole = {one.subject: one for one in evaluate(results, truth, tmp_path / "a").scores}["P001"]
    part = {one.subject: one for one in evaluate(results, truth, tmp_path / "b", labelled_slices=True).scores}["P001"]
    assert whole.regions["wall"].dice == pytest.approx(6 / 7, abs=0.01)
    assert part.regions["wall"].dice == 1
    assert part.crps_ml is None


def test_what_cannot_be_scored_is_a_row_and_the_others_go_on(
    cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, truth = cohort
    put(truth, "P002", "labels", heart((60, 60, 4), center=(30.0, 30.0)), AFFINE @ np.diag([1, 1, 1.7, 1]))
    put(truth, "P003", "labels", np.zeros((60, 60, 4), np.uint8))
    put(truth, "P004", "labels", heart((60, 60, 4), center=(30.0, 30.0)))
    words = ["evaluate", str(results), "--truth", str(truth), "-o", str(tmp_path / "out")]
    assert lge.main("lge", words) == 0
    shown = capsys.readouterr().out
    assert "P002 not scored: labels.nii.gz: expected labels in the frame of labels.nii.gz" in shown
    assert "P003 not scored: labels.nii.gz: expected pixels of the wall (myocardium or scar), found none" in shown
    assert "P004 not scored: not segmented" in shown
    assert "median Dice: wall 1.000, cavity 1.000, scar 1.000" in shown
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["failed"].keys() == {"P002", "P003", "P004"}


def test_a_damaged_subject_is_a_row_and_the_others_go_on(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    results, truth = cohort
    (results / "P002" / "metrics.json").write_text('{"scar_ml_low": [], "scar_ml_high": {}}')
    found = evaluate(results, truth, tmp_path / "out")
    assert found.failed == {"P002": "TypeError"}
    assert [one.subject for one in found.scores] == ["P001", "P003"]


@pytest.mark.parametrize("known", [False, True], ids=["without truth", "with truth"])
def test_folders_named_after_people_are_named_nowhere(cohort: tuple[Path, Path], tmp_path: Path, known: bool) -> None:
    results, truth = cohort
    drawn = heart((60, 60, 4), center=(30.0, 30.0))
    put(results, "Smith_John", "labels", drawn)
    if known:
        put(truth, "Smith_John", "labels", drawn)
    found = evaluate(results, truth, tmp_path / "out")
    assert "looks like a person's name" in found.failed["row-4"]
    assert len(found.scores) == 3
    for name in ("evaluation.json", "evaluation.csv", "evaluation.html"):
        assert "Smith" not in (tmp_path / "out" / name).read_text()


def test_nothing_to_score_is_refused(cohort: tuple[Path, Path], tmp_path: Path) -> None:
    results, truth = cohort
    with pytest.raises(InputError, match="expected a folder with <subject>/labels.nii.gz, found none"):
        evaluate(truth.parent / "nowhere", truth, tmp_path / "out")
    put(tmp_path / "others", "X001", "labels", heart((60, 60, 4), center=(30.0, 30.0)))
    with pytest.raises(InputError, match="truth: expected truth of a subject that was segmented, found none"):
        evaluate(results, tmp_path / "others", tmp_path / "out")
    assert not (tmp_path / "out").exists()
