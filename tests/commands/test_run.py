"""`cardioscar run`, and the stages one by one."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.commands.run_workflow import tracking
from tests.commands.conftest import Said

Cardioscar = Callable[..., Said]
QUICK = ("--steps", 15, "--samples", 3, "--no-figures", "--device", "cpu", "--seed", 4)


@pytest.fixture(scope="module")
def run_output(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output of a run of the good subject with one slice in two hidden."""
    from cardioscar.cli import main

    out = tmp_path_factory.mktemp("run") / "out"
    words = ["run", cohort, "-o", out, "--subjects", "P001", "--holdout", "odd", "--tracking-uri", "off", "-j1", *QUICK]
    assert main([str(word) for word in words]) == 0
    return out


def test_a_rejected_cohort_has_its_results_and_code_1(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    said = cardioscar("run", cohort, "-o", out, "-j", 1, "--tracking-uri", "off", *QUICK)
    assert said.code == 1
    assert said.err.splitlines()[-1] == ("cardioscar: 1 of 2 subjects failed (50%), more than max_failed_fraction 10%")
    reason = "labels.nii.gz: expected a complete file, found gzip data that end early (truncated)"
    assert f"P002 failed in preprocess: {reason}\n" in said.out
    assert f"cohort report  {out / 'results' / 'cohort.html'}\n" in said.out
    assert f"first subject  {out / 'results' / 'P001' / 'report.html'}\n" in said.out
    assert (out / "results" / "cohort.html").is_file()
    assert (out / "results" / "P001" / "report.html").is_file()
    assert "preprocess P002: failed: labels.nii.gz" in (out / "run.log").read_text()
    # a pipe gets no cursor movements and a line for each failure
    assert "\x1b" not in said.out + said.err
    assert "P002 preprocess failed" in said.err

    again = cardioscar("run", cohort, "-o", out, "-j", 1, "--tracking-uri", "off", *QUICK, "--max-failed-fraction", 0.5)
    assert again.code == 0
    assert "1 of 2 subjects unchanged; reconstruct " in again.out


def test_the_stages_one_by_one_give_the_same_map(
    run_output: Path, cohort: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    groups, order, fields, scars, reports = (tmp_path / name for name in ("g", "s", "f", "m", "r"))
    fit = ("--steps", 15, "--device", "cpu", "--seed", 4)
    answers = [
        cardioscar("preprocess", cohort, "-o", groups, "--holdout", "odd", "--subjects", "P001"),
        cardioscar("group-sort", groups, "-o", order),
        cardioscar("train", order, "-o", fields, *fit),
        cardioscar("infer", groups, order, fields, "-o", scars, "--samples", 3, "--device", "cpu", "--seed", 4),
        cardioscar(
            "evaluate", cohort, groups, order, fields, scars, "-o", reports, "--no-figures",
            "--results", tmp_path / "results",
        ),
    ]  # fmt: skip
    assert [said.code for said in answers] == [0] * 5
    assert (scars / "P001" / "scar.vtu").read_bytes() == (run_output / "work/infer/P001/scar.vtu").read_bytes()
    metrics = [json.loads((f / "P001" / "metrics.json").read_text()) for f in (reports, run_output / "results")]
    assert metrics[0]["heldout"] == metrics[1]["heldout"]
    assert metrics[0]["truth"] == metrics[1]["truth"]

    said = cardioscar("summarize-cohort", "--json", cohort, tmp_path / "results", "--subjects", "P001")
    assert said.code == 0
    assert json.loads(said.out)["verdict"] == "accepted"
    said = cardioscar("summarize-cohort", cohort, tmp_path / "results")
    assert said.code == 1
    assert json.loads(cardioscar("list-subjects", cohort, "--shard-size", 1).out) == [["P001"], ["P002"]]


def test_a_stage_with_a_failed_subject_ends_well(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("preprocess", cohort, "-o", tmp_path / "g", "--subjects", "P002")
    assert (said.code, said.out) == (0, "")
    assert "preprocess P002: failed: labels.nii.gz: expected a complete file" in said.err
    assert json.loads((tmp_path / "g" / "P002" / "status.json").read_text())["outcome"] == "failed"


@pytest.mark.parametrize("wanted", ["P009", "../P001", "P001,P009"])
def test_a_stage_takes_the_subjects_of_its_artifact_alone(
    wanted: str, run_output: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    said = cardioscar("group-sort", run_output / "work" / "preprocess", "-o", tmp_path / "s", "--subjects", wanted)
    assert said.code == 2
    assert said.err.startswith("cardioscar: subjects: expected ids of preprocess (1 subject), found ")
    assert not (tmp_path / "s").exists()


def test_flags_win_over_the_configuration_file(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("preprocess: {holdout: odd, edge_mm: 2}\ntrain: {steps: 900, hidden: 16}\n")
    words = ("run", cohort, "-o", tmp_path / "out", "--subjects", "P001", "-j", 1, "--tracking-uri", "off", *QUICK)
    assert cardioscar(*words, f"--config={tmp_path / 'settings.yaml'}", "--holdout", "even").code == 0
    used = {
        stage: json.loads((tmp_path / "out" / "work" / stage / "P001" / "status.json").read_text())["config"]
        for stage in ("preprocess", "train")
    }
    assert (used["preprocess"]["holdout"], used["preprocess"]["edge_mm"]) == ("even", 2.0)
    assert (used["train"]["steps"], used["train"]["hidden"], used["train"]["seed"]) == (15, 16, 4)


def test_where_runs_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking("off", tmp_path) == ""
    assert tracking("http://server:5000", tmp_path) == "http://server:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other:5000")
    assert tracking("", tmp_path) == "http://other:5000"
    assert tracking("off", tmp_path) == ""


def test_a_cohort_is_not_called_like_a_person(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    named = tmp_path / "Doe_Jane_1950"
    shutil.copytree(cohort / "P001", named / "P001")
    said = cardioscar("run", named, "-o", tmp_path / "out", "-j", 1, "--tracking-uri", "off", *QUICK)
    assert said.code == 0
    assert "call the cohort 'cohort': the name of its folder may be a person's" in said.err
    pages = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(b"Doe_Jane" in page for page in pages)  # three letters alone occur in compressed data
    assert b"<h1>cohort</h1>" in (tmp_path / "out" / "results" / "cohort.html").read_bytes()


def test_subjects_one_by_one_fill_one_table(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    """As the README does: a cohort, then one subject of it, into the same output."""
    out = tmp_path / "out"
    words = ("-o", out, "-j", 1, "--tracking-uri", "off", *QUICK, "--max-failed-fraction", 1)
    assert cardioscar("run", cohort, *words).code == 0
    said = cardioscar("run", cohort / "P001", *words)
    assert said.code == 0
    assert "and 1 subject of earlier runs in cohort.csv\n" in said.out
    assert "P002 failed" not in said.out
    page = (out / "results" / "cohort.html").read_text()
    assert "P002" in page
    assert f"<h1>{cohort.name}</h1>" in page  # of the cohort, not of its subject


def test_a_damaged_result_is_one_row(run_output: Path, cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    shutil.copytree(run_output / "results", tmp_path / "results")
    (tmp_path / "results" / "P001" / "metrics.json").write_text("{}")
    said = cardioscar("summarize-cohort", cohort, tmp_path / "results", "--subjects", "P001")
    assert said.code == 1
    assert said.err.splitlines()[-1] == ("cardioscar: 1 of 1 subject failed (100%), more than max_failed_fraction 10%")
    assert "not the one that its status.json names" in (tmp_path / "results" / "cohort.csv").read_text()


@pytest.mark.parametrize("name", ["50%20x", "why?", "a b & c", "Prüfung #1", "it's"])
def test_an_output_may_have_any_name(name: str, cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    """MLflow's store and artifacts lie in it, and the line that shows them can be pasted into a shell."""
    pytest.importorskip("mlflow")
    out = tmp_path / name
    said = cardioscar("run", cohort, "-o", out, "--subjects", "P001", "-j", 1, *QUICK)
    assert said.code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]
    assert {"mlartifacts", "mlflow.db", "results", "run.log", "work"} <= {p.name for p in out.iterdir()}
    [line] = [line for line in said.out.splitlines() if line.startswith("MLflow")]
    uri = shlex.split(line)[-1]
    assert cardioscar("registry", "find", "--tracking-uri", uri, "--output", "json").out.count('"P001"') == 1
    by_hand = f"sqlite:///{out}/mlflow.db"
    said = cardioscar("registry", "load", "P001", "-o", tmp_path / "field", "--tracking-uri", by_hand)
    assert "hashes agree" in said.out
