"""What `make component` writes is a component like those that are there."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import types

import pytest

pytest.importorskip("kfp")

from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from components.metadata import load_metadata
from components.readme import write_readmes
from components.scaffold import load, main, scaffold
from tests.components import test_components as lints


@pytest.fixture(params=RECONSTRUCT.names)
def made(request, tmp_path):
    stage = RECONSTRUCT[request.param]
    folder = scaffold(stage, "evaluation", tmp_path)
    return stage, folder, load(folder)


def test_it_passes_the_lints_of_components(made):
    _, folder, component = made
    lints.test_modules_import_only_kfp_and_the_image_name((folder, component))
    lints.test_bodies_are_thin((folder, component))
    lints.test_every_input_is_described((folder, component))
    lints.test_nothing_is_installed_when_a_component_starts((folder, component))
    assert load_metadata(folder / "metadata.yaml").name == folder.name
    assert write_readmes([(folder, component, component.python_func)], check=True) == []


def test_it_is_formatted_and_clean(made):
    _, folder, _ = made
    config = str(lints.REPOSITORY / "pyproject.toml")
    for command in (["format", "--check"], ["check", "--extend-ignore", "PLC0415,UP007,UP045,D417,INP001"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", config, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_defaults_are_those_of_the_stage_and_reach_it(made, monkeypatch):
    stage, _, component = made
    received = []
    defaults = {field.name: field.default for field in dataclasses.fields(stage.config)}
    lints.replace_stage(monkeypatch, stage.name, lambda *values, **named: received.append((values, named)))
    artifacts = {
        name: types.SimpleNamespace(path=name) for name in (*stage.reads, stage.writes) if name != COHORT
    }  # fmt: skip
    publishing = {"results_uri": "r", "run_id": "run-1"} if stage.publishes else {}
    cohort = {"cohort_uri": COHORT} if COHORT in stage.reads else {}
    component.python_func(**cohort, subjects=["a"], **artifacts, **publishing)
    (((*values,), named),) = received
    n = len(stage.reads)
    assert values[: n + 2] == [*stage.reads, ["a"], stage.writes]
    assert values[n + 2]
    assert values[n + 2] == {name: defaults[name] for name in values[n + 2]}
    assert (values[n + 3 :], named) == ([Recording("r", "", "cardioscar", "run-1")] if publishing else [], {})
    with pytest.raises(TypeError, match="multiple values for keyword argument"):
        component.python_func(
            **cohort, subjects=["a"], **artifacts, **publishing, options={next(iter(values[n + 2])): 1}
        )


def test_settings_that_no_form_can_show_are_left_to_the_options(tmp_path):
    component = load(scaffold(RECONSTRUCT["train"], "training", tmp_path))
    shown = inspect.signature(component.python_func).parameters
    assert {"seed", "method", "steps"} <= shown.keys()
    assert "freeze" not in shown  # a tuple


def test_what_is_there_is_not_written_over(tmp_path, capsys):
    folder = scaffold(RECONSTRUCT["train"], "training", tmp_path)
    (folder / "component.py").write_text("mine")
    with pytest.raises(FileExistsError):
        scaffold(RECONSTRUCT["train"], "training", tmp_path)
    assert (folder / "component.py").read_text() == "mine"
    with pytest.raises(SystemExit):
        main(["train", "training"])
    assert "training/train is there already" in capsys.readouterr().err


def test_a_stage_that_the_workflow_has_not_is_refused_by_name(capsys):
    assert isinstance(RECONSTRUCT["train"], Stage)
    with pytest.raises(SystemExit):
        main(["trian", "training"])
    assert "expected a stage of" in capsys.readouterr().err
