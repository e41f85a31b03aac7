"""A command of another family: its workflow over a cohort, with every option of `cardioscar run`."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar import cli
from cardioscar.commands.family import family_of
from cardioscar.errors import ConfigError
from cardioscar.services.kubeflow.parameters import PipelinePackage
from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.commands.conftest import Said
from tests.toy_family import command
from tests.toy_family.workflow import AREA

Cardioscar = Callable[..., Said]
OFF = ("--tracking-uri", "off", "-j", 1)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy family's command, beside the others."""
    monkeypatch.setitem(cli.COMMANDS, "toy", ("toy", "beats of a cohort"))
    monkeypatch.setitem(sys.modules, "cardioscar.commands.toy", command)


@pytest.fixture
def cines(tmp_path: Path) -> Path:
    for name, contours in (("C1", "1 2 3"), ("C2", "4"), ("C3", "five")):
        folder = tmp_path / "cines" / name
        folder.mkdir(parents=True)
        (folder / "cine.nii").write_text("voxels")
        (folder / "contours.txt").write_text(contours)
    return tmp_path / "cines"


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "results" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        return {row["subject"]: row for row in csv.DictReader(stream)}


def test_its_workflow_runs_with_the_flags_of_its_stages(cines: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("toy", "quantify", cines, "-o", out, "--factor", 2.5, "--conclude.most", 700, *OFF)
    said = cardioscar(*words)
    assert said.code == 1
    assert said.err.splitlines()[-1] == "cardioscar: 1 of 3 subjects failed (33%), more than max_failed_fraction 10%"
    assert {name: (row["outcome"], row["qc"], row["area_mm2"]) for name, row in table(out).items()} == {
        "C1": ("ok", "review", "900.0"), "C2": ("ok", "pass", "600.0"), "C3": ("failed", "", ""),
    }  # fmt: skip
    assert "C3 failed in measure: contours: expected whole numbers, found another word\n" in said.out
    assert [line.split() for line in said.out.splitlines()[3:5]] == [
        ["C1", "review", "60", "900.0"], ["C2", "pass", "60", "600.0"],
    ]  # fmt: skip
    again = cardioscar(*words, "--max-failed-fraction", 0.5)
    assert (again.code, "2 of 3 subjects unchanged; quantify " in again.out) == (0, True)


def test_settings_come_from_a_file_and_subjects_are_chosen(cines: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("measure: {factor: 3}\n")
    out, store = tmp_path / "out", TrackingTarget.local(tmp_path / "store")
    said = cardioscar(
        "toy", "quantify", cines, "-o", out, "--subjects", "C1", "--config", tmp_path / "s.yaml", "--results",
        tmp_path / "results", "--experiment", "beats", "--tracking-uri", store.uri, "-j", 1,
    )  # fmt: skip
    assert (said.code, f"cohort report  {tmp_path / 'results' / 'cohort.html'}" in said.out) == (0, True)
    assert json.loads((tmp_path / "results" / "C1" / "metrics.json").read_text())["area"] == 1080.0
    assert [(row.subject, row.cohort) for row in registry.find(store, AREA)] == [("C1", "beats")]


def test_one_stage_is_enough(cines: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("toy", "count", cines, "-o", tmp_path / "out", "--least", 2, *OFF)
    assert said.code == 0
    assert {name: row["qc"] for name, row in table(tmp_path / "out").items()} == {
        "C1": "pass", "C2": "review", "C3": "review",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "out" / "work").iterdir() if path.is_dir()} == {"count"}


def test_its_help_speaks_of_it(cardioscar: Cardioscar) -> None:
    said = cardioscar("toy")
    assert said.out == (
        "usage: cardioscar toy quantify|count [OPTIONS]\n\n"
        "  quantify  Measure the beats of a cohort.\n  count     Count the contours of a cohort.\n"
    )
    assert cardioscar("toy", "reconstruct").err == "cardioscar: toy: expected quantify or count, found 'reconstruct'\n"
    text = " ".join(cardioscar("toy", "quantify", "--help").out.replace("│", " ").split())
    for words in (
        "usage: cardioscar toy quantify", "Measure the beats of a cohort on this machine.", "(`cine.*`, `contours.*`)",
        "--factor is short for --measure.factor", "--max-failed-fraction 0…1", "Areas above it ask for a look.",
    ):  # fmt: skip
        assert words in text, words
    assert "scar" not in text.replace("cardioscar", "")


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (("--factor", 2_000), "factor: expected what this machine can hold, found 2000"),
        (("--factor", 3), "factor: expected another number than that of the subjects, found 3"),
        (("--subjects", "C9"), "subjects"),
    ],
)
def test_what_its_stages_refuse_is_said_before_any_work(
    words: tuple[object, ...], finding: str, cines: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    said = cardioscar("toy", "quantify", cines, "-o", tmp_path / "out", *words, *OFF)
    assert said.code == 2
    assert f"cardioscar: {finding}" in said.err
    assert not (tmp_path / "out" / "work").exists()


def test_every_command_has_a_name_of_its_own() -> None:
    from cardioscar.stages.families import WORKFLOWS

    stages = [stage.command for workflow in WORKFLOWS for stage in workflow]
    fixed = [name for name, (module, _) in cli.COMMANDS.items() if module != "stage"]
    assert len({*stages, *fixed, "list-subjects", "summarize-cohort"}) == len(stages) + len(fixed) + 2


@pytest.mark.parametrize(
    ("tells", "family"),
    [
        ({"family": {"runtimeValue": {"constant": "reconstruct"}}}, True),
        ({}, True),
        ({"family": {"runtimeValue": {"constant": "other"}}}, False),
    ],
)
def test_a_pipeline_says_whose_cohort_it_takes(tells: dict[str, object], family: bool) -> None:
    tasks = {"list-subjects": {"inputs": {"parameters": tells}}}
    package = PipelinePackage({"root": {"dag": {"tasks": tasks}}, "pipelineInfo": {"name": "x"}}, {}, "x.yaml")
    if family:
        assert family_of(package) is RECONSTRUCT
    else:
        with pytest.raises(ConfigError, match="family: expected reconstruct.*, found another name"):
            family_of(package)


def test_a_family_that_is_none_is_refused(cardioscar: Cardioscar, cines: Path) -> None:
    said = cardioscar("list-subjects", cines, "--family", "toy")
    assert said.code == 2
    assert re.fullmatch("cardioscar: family: expected reconstruct.*, found another name\n", said.err)
