"""Every component is a thin, typed door whose defaults are those of its stage."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import subprocess
import sys
import types

import pytest
import yaml

pytest.importorskip("kfp")

from cardioscar.shard.stage import COHORT
from cardioscar.stages.families import WORKFLOWS
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.training.trainers import TRAINERS
from components.images import image
from components.metadata import load_metadata
from components.readme import COMPONENTS, components, main

ALL = {folder.name: (folder, component) for folder, component in components()}
REPOSITORY = COMPONENTS.parent
NOT_SETTINGS = {
    "options",
    "cohort_uri",
    "subjects",
    "fingerprint",
    "results_uri",
    "tracking_uri",
    "experiment",
    "run_id",
}


@pytest.fixture(params=sorted(ALL))
def asset(request):
    return ALL[request.param]


def test_the_components_are_those_of_the_pipeline():
    stages = [name for workflow in WORKFLOWS for name in workflow.names]
    trainings = [f"train_{family}" for family in TRAINERS]
    assert sorted(ALL) == sorted([*stages, *trainings, "list_subjects", "reconstruct", "summarize_cohort"])


def test_modules_import_only_kfp_and_the_image_name(asset):
    folder, _ = asset
    tree = ast.parse((folder / "component.py").read_text(encoding="utf-8"))
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported == {"kfp", "components.images"}
    assert not [node for node in tree.body if isinstance(node, ast.Import)]


def test_bodies_are_thin(asset):
    folder, _ = asset
    tree = ast.parse((folder / "component.py").read_text(encoding="utf-8"))
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    body = function.body[1:]
    assert body[-1].end_lineno - body[0].lineno < 40


def test_every_input_is_described(asset):
    _, component = asset
    assert [name for name, given in component.component_spec.inputs.items() if not given.description] == []


def test_nothing_is_installed_when_a_component_starts(asset):
    _, component = asset
    container = component.component_spec.implementation.container
    assert "pip" not in "\n".join(container.command)


@pytest.mark.parametrize("name", RECONSTRUCT.names)
def test_defaults_are_those_of_the_stage(name):
    defaults = {field.name: field.default for field in dataclasses.fields(RECONSTRUCT[name].config)}
    signature = inspect.signature(ALL[name][1].python_func).parameters
    settings = {
        key: parameter.default
        for key, parameter in signature.items()
        if key not in NOT_SETTINGS and parameter.default is not inspect.Parameter.empty
    }
    assert settings
    assert settings == {key: defaults[key] for key in settings}


GIVEN = {
    "preprocess": {"n_sd": 4.0},
    "group_sort": {"batch_nodes": 5},
    "train": {"seed": 3},
    "infer": {"samples": 7},
    "evaluate": {"figures": False},
}
"""A setting of each stage."""


def arguments_of(name):
    """What a component takes besides its artifacts."""
    stage = RECONSTRUCT[name]
    cohort = {"cohort_uri": "c"} if COHORT in stage.reads else {}
    publishing = {"results_uri": "r", "tracking_uri": "t"} if stage.publishes else {}
    return {"subjects": ["a"], **cohort, **publishing, **GIVEN[name]}


def replace_stage(monkeypatch, name, run):
    """Put `run` in place of a stage, and leave the loggers of this process alone."""
    room = "cardioscar.stages" if name in ("list_subjects", "summarize_cohort") else "cardioscar.stages.scar3d"
    stage = types.ModuleType(f"{room}.{name}")
    stage.run = run
    monkeypatch.setitem(sys.modules, stage.__name__, stage)
    monkeypatch.setattr(stage.__name__, stage, raising=False)
    monkeypatch.setattr("cardioscar.logs.configure", lambda **settings: None)


def call(monkeypatch, name, **arguments):
    """Call a component with a stage that notes what it receives; artifacts have their name as path."""
    received = []
    replace_stage(monkeypatch, name, lambda *values, **settings: received.append(values))
    component = ALL[name][1]
    spec = component.component_spec
    artifacts = {
        key: types.SimpleNamespace(path=key)
        for key in inspect.signature(component.python_func).parameters
        if "system." in str({**spec.inputs, **(spec.outputs or {})}[key].type)
    }
    component.python_func(**artifacts, **arguments)
    return received


@pytest.mark.parametrize("name", RECONSTRUCT.names)
def test_a_component_hands_folders_subjects_and_settings_to_its_stage(monkeypatch, name):
    stage = RECONSTRUCT[name]
    leading = [*("c" if one == COHORT else one for one in stage.reads), ["a"], stage.writes]
    ((*first, options),) = [
        values[: len(leading) + 1] for values in call(monkeypatch, name, **arguments_of(name), options={"extra": 1})
    ]
    assert first == leading
    assert options.items() >= {**GIVEN[name], "extra": 1}.items()


@pytest.mark.parametrize(("name", "setting"), [("train", "seed"), ("infer", "samples"), ("preprocess", "n_sd")])
def test_a_setting_given_twice_is_refused_by_name(monkeypatch, name, setting):
    with pytest.raises(TypeError, match=f"multiple values for keyword argument '{setting}'"):
        call(monkeypatch, name, **arguments_of(name), options={setting: 1})


def test_reconstruct_hands_each_stage_its_settings(monkeypatch):
    given = []
    replace_stage(monkeypatch, "reconstruct", lambda *values, **settings: given.append((values, settings)))
    function = ALL["reconstruct"][1].python_func
    places = {"cohort_uri": "c", "subjects": ["a"], "results_uri": "r", "work": types.SimpleNamespace(path="w")}
    function(**places, run_id="run-1", tracking_uri="t", seed=3, n_sd=4.0, train_options={"steps": 5})
    (((cohort, subjects, work, options, recording), named),) = given
    assert (cohort, subjects, work, named) == ("c", ["a"], "w", {})
    assert recording == Recording("r", "t", "cardioscar", "run-1")
    assert list(options) == list(RECONSTRUCT.names)
    assert options["train"] == {"method": "fourier", "seed": 3, "device": "auto", "start_from": "", "steps": 5}
    assert (options["infer"]["seed"], options["preprocess"]["n_sd"], options["evaluate"]) == (3, 4.0, {"figures": True})
    # each is a setting of its stage, and has its default where none is given
    function(**places)
    for name, settings in given[1][0][3].items():
        config = RECONSTRUCT[name].config
        defaults = {field.name: field.default for field in dataclasses.fields(config)}
        assert settings == {key: defaults[key] for key in settings}, name
    with pytest.raises(TypeError, match="multiple values for keyword argument 'seed'"):
        function(**places, train_options={"seed": 1})


def test_summarize_cohort_logs_the_numbers_of_the_summary(monkeypatch):
    logged, given = {}, {}

    def run(*values, **settings):
        given.update(settings, values=values)
        return {"subjects": 4, "failed_fraction": 0.25, "verdict": "accepted"}

    replace_stage(monkeypatch, "summarize_cohort", run)
    ALL["summarize_cohort"][1].python_func(
        cohort_uri="c",
        results_uri="r",
        family="reconstruct",
        run_id="run-1",
        report=types.SimpleNamespace(path="report"),
        table=types.SimpleNamespace(path="table"),
        metrics=types.SimpleNamespace(log_metric=logged.__setitem__),
    )
    assert logged == {"subjects": 4, "failed_fraction": 0.25}
    assert given["values"] == ("c", Recording("r", run_id="run-1"), "report", 0.1, "")
    assert (given["table_csv"], given["family"]) == ("table", RECONSTRUCT)


def test_evaluate_says_for_which_run_it_publishes(monkeypatch):
    given = []
    replace_stage(monkeypatch, "evaluate", lambda *values: given.extend(values))
    paths = {
        name: types.SimpleNamespace(path=name) for name in ("groups", "sorted_groups", "fields", "scars", "results")
    }
    ALL["evaluate"][1].python_func(cohort_uri="c", subjects=["a"], results_uri="r", run_id="run-1", **paths)
    assert given[-1] == Recording("r", run_id="run-1")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("registry.example/cardioscar:1.2-{target}", "registry.example/cardioscar:1.2-cuda"),
        ("cardioscar@sha256:" + "0" * 64, "cardioscar@sha256:" + "0" * 64),
    ],
)
def test_the_image_can_be_given_when_compiling(monkeypatch, reference, expected):
    monkeypatch.setenv("CARDIOSCAR_IMAGE", reference)
    assert image("cuda") == expected


def test_the_default_image_has_the_version_of_the_package(monkeypatch):
    monkeypatch.delenv("CARDIOSCAR_IMAGE", raising=False)
    assert image("cpu") == f"cardioscar:{importlib.metadata.version('cardioscar')}-cpu"


def test_readmes_are_current():
    assert main(["--check"]) == 0


def test_a_readme_that_is_not_current_is_found_and_keeps_what_was_written_by_hand(tmp_path):
    from components.readme import CUSTOM, write_readmes

    folder, component = ALL["train"]
    copy = tmp_path / "train"
    copy.mkdir()
    (copy / "metadata.yaml").write_text((folder / "metadata.yaml").read_text())
    (copy / "README.md").write_text(f"stale\n{CUSTOM}\nNotes by hand.\n")
    asset = [(copy, component, component.python_func)]
    assert write_readmes(asset, check=True) == ["train/README.md: is not current"]
    assert write_readmes(asset, check=False) == []
    assert (copy / "README.md").read_text().endswith(f"{CUSTOM}\nNotes by hand.\n")
    assert write_readmes(asset, check=True) == []


def metadata_files():
    return sorted([*COMPONENTS.glob("*/*/metadata.yaml"), *(REPOSITORY / "pipelines").glob("*/metadata.yaml")])


@pytest.mark.parametrize("path", metadata_files(), ids=lambda path: path.parent.name)
def test_metadata_is_valid(path):
    metadata = load_metadata(path)
    assert metadata.name == path.parent.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "train/metadata.yaml: expected one of the keys .*, found 'colour'"),
        ({"tags": None}, "train/metadata.yaml: tags: expected list, found None"),
        ({"tags": []}, "train/metadata.yaml: tags: expected a list that is not empty"),
        ({"name": "infer"}, "train/metadata.yaml: name: expected train, found 'infer'"),
        ({"stability": "solid"}, "stability: expected alpha or beta or stable, found 'solid'"),
        ({"lastVerified": "yesterday"}, "lastVerified: expected date, found 'yesterday'"),
        ({"dependencies": {}}, "dependencies: expected the key kubeflow"),
        (
            {"dependencies": {"kubeflow": [{"name": "Pipelines"}]}},
            "dependencies.kubeflow: expected the key version",
        ),
        (
            {"owners": {"approvers": ["x"], "fans": ["y"]}},
            "owners: expected approvers or reviewers, found 'fans'",
        ),
    ],
)
def test_invalid_metadata_is_refused_with_its_place(tmp_path, change, message):
    values = yaml.safe_load((COMPONENTS / "training" / "train" / "metadata.yaml").read_text())
    path = tmp_path / "train" / "metadata.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(values | change))
    with pytest.raises(ValueError, match=message):
        load_metadata(path)


def test_a_missing_key_of_the_metadata_is_named(tmp_path):
    path = tmp_path / "train" / "metadata.yaml"
    path.parent.mkdir()
    path.write_text("name: train\n")
    with pytest.raises(ValueError, match="expected the key stability"):
        load_metadata(path)


def test_components_load_without_the_science():
    heavy = "{'torch', 'pyvista', 'mlflow', 'cardioscar'}"
    code = f"import sys; import components.training.train; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.strip() == "[]"


def test_the_platform_knows_the_shared_components_by_their_names():
    from cardioscar.services.kubeflow.task_names import SUMMARIZE_COHORT
    from pipelines.local_runner import LISTING

    assert ALL["summarize_cohort"][1].name == SUMMARIZE_COHORT
    assert ALL["list_subjects"][1].python_func.__name__ == LISTING


@pytest.mark.parametrize("family", TRAINERS)
def test_a_training_hands_its_settings_on_and_its_defaults_are_those_of_the_family(family, monkeypatch):
    given, logged = [], {}
    monkeypatch.setattr("cardioscar.logs.configure", lambda **settings: None)
    monkeypatch.setattr("cardioscar.stages.training.task.run", lambda *values: given.append(values) or {"loss": 0.5})
    function = ALL[f"train_{family}"][1].python_func
    paths = {name: types.SimpleNamespace(path=name) for name in ("network", "page")}
    metrics = types.SimpleNamespace(log_metric=logged.__setitem__)
    function(
        "s3://nets/one", **paths, metrics=metrics, labelled_uri="data", like="shipped", register="net",
        alias="champion", options={"loop": {"steps": 5}},
    )  # fmt: skip
    [(name, uri, network, page, settings, labelled, like, recorded)] = given
    assert (name, uri, network, page, labelled, like) == (family, "s3://nets/one", "network", "page", "data", "shipped")
    assert (recorded.register, recorded.alias, logged) == ("net", "champion", {"loss": 0.5})
    usual = TRAINERS[family].settings()
    assert settings.pop("loop") == {"steps": 5}
    assert settings == {key: getattr(usual, key) for key in settings}
    with pytest.raises(TypeError, match="multiple values for keyword argument 'seed'"):
        function("out", **paths, metrics=metrics, options={"seed": 1})
