"""The compiled cohort pipeline: equal to its golden file, and with the properties that it is there for."""

from __future__ import annotations

import ast
import dataclasses
import os
import random
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import yaml

pytest.importorskip("kfp")

from kfp.components import load_component_from_text

from cardioscar.services.kubeflow import run_size as preflight
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from pipelines.argo_size import argo_size, compressed_bytes, counts
from pipelines.compile import PIPELINES, SIZES, compile_pipeline, main
from pipelines.groups import PLACES, in_order
from pipelines.readme import main as readme_main

REPOSITORY = Path(__file__).resolve().parents[2]


def compile_command(*arguments, **environment):
    clean = {key: value for key, value in os.environ.items() if key != "CARDIOSCAR_IMAGE"}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.compile", *arguments],
        cwd=REPOSITORY,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_golden_file_is_current():
    done = compile_command("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_golden_file_that_is_not_current_is_found(tmp_path, capsys):
    assert main(["--check", "--output", str(tmp_path)]) == 1
    lines = [f"{tmp_path.name}/{name}.yaml: is not current; run python -m pipelines.compile" for name in PIPELINES]
    assert capsys.readouterr().err.splitlines() == lines


def test_a_site_compiles_with_its_own_image(tmp_path):
    site = "registry.example/heart/cardioscar:7-{target}"
    done = compile_command("--output", str(tmp_path), CARDIOSCAR_IMAGE=site)
    assert done.returncode == 0, done.stderr
    spec = next(yaml.safe_load_all((tmp_path / "reconstruct_cohort.yaml").read_text(encoding="utf-8")))
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["task_image"]["defaultValue"] == "registry.example/heart/cardioscar:7-cpu"
    assert parameters["train_image"]["defaultValue"] == "registry.example/heart/cardioscar:7-cuda"


def test_a_site_image_without_a_tag_is_not_compiled(tmp_path):
    done = compile_command("--output", str(tmp_path), CARDIOSCAR_IMAGE="cardioscar")
    assert done.returncode == 1
    assert "floating_images" in done.stderr
    assert not list(tmp_path.iterdir())


def test_compiling_twice_gives_the_same_text():
    assert compile_pipeline("reconstruct_cohort").dump() == compile_pipeline("reconstruct_cohort").dump()


def test_the_sdk_reads_the_choices_back(ir):
    loaded = load_component_from_text(ir.dump())
    literals = loaded.pipeline_spec.root.input_definitions.parameters["method"].literals
    assert [value.string_value for value in literals] == ["fourier", "reference"]


def test_every_default_is_one_of_its_choices(ir):
    parameters = ir.parameters("root")
    choices = {name: spec["literals"] for name, spec in parameters.items() if "literals" in spec}
    assert set(choices) == {"target", "label_table", "method", "device", "projection", "accelerator_limit"}
    assert all(parameters[name]["defaultValue"] in values for name, values in choices.items())


def test_pipeline_defaults_are_those_of_the_components(ir):
    """A setting must not depend on whether it passes through the pipeline."""
    outer = ir.parameters("root")
    for task in ir.tasks():
        if task.dag != "comp-reconstruct-shard":
            continue
        declared = ir.parameters(task.component)
        for name, given in task.spec["inputs"]["parameters"].items():
            source = given.get("componentInputParameter")
            if name in declared and "defaultValue" in declared[name] and source in outer:
                assert outer[source]["defaultValue"] == declared[name]["defaultValue"], f"{task.name}: {name}"


def test_what_a_task_may_repeat_and_what_it_may_not(ir):
    retried = {task.name for task in ir.tasks() if "retryPolicy" in task.spec}
    assert retried == {"preprocess", "group-sort", "train", "infer", "evaluate"}


def test_credentials_come_from_secrets_that_may_be_absent(ir):
    reached = {}
    for task, _ in ir.container_tasks():
        settings = ir.kubernetes(task)
        assert all(entry["optional"] for entry in settings.get("secretAsEnv", []) + settings.get("configMapAsEnv", []))
        variables = {key["envVar"] for entry in settings.get("secretAsEnv", []) for key in entry["keyToEnv"]}
        reached[task.name] = variables
    s3 = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    mlflow = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}
    assert reached == {
        "list-subjects": s3 | mlflow,
        "preprocess": s3 | mlflow,
        "group-sort": set(),
        "train": s3 | mlflow,
        "infer": set(),
        "evaluate": s3 | mlflow,
        "summarize-cohort": s3 | mlflow,
    }


def test_the_verdict_waits_for_the_loop(ir):
    tasks = ir.component("root")["dag"]["tasks"]
    assert tasks["summarize-cohort"]["dependentTasks"] == ["for-loop-1"]
    assert tasks["for-loop-1"]["iteratorPolicy"] == {"parallelismLimit": 10}


@pytest.mark.parametrize("name", SIZES)
def test_what_a_run_takes_is_what_argo_makes_of_the_compiled_pipeline(name):
    """Bytes are those of the machine at hand within a twentieth, and never less."""
    told, laid_out = dataclasses.asdict(SIZES[name]), dataclasses.asdict(argo_size(compile_pipeline(name)))
    for key, value in laid_out.items():
        if not key.endswith("bytes"):
            assert told[key] == value, key
        else:
            # how well ids compress hangs on where the windows of gzip fall: a byte more or less for each
            assert value <= told[key] <= max(1.05 * value, value + 1.5), key


def test_the_nodes_of_a_run_are_those_that_a_cluster_counted(ir):
    """2 shards on Kubeflow Pipelines 2.17.0 with its stock manifests and Argo 4.0.5."""
    assert counts(ir, [["P001", "P003"], ["P002"]]) == {"Retry": 51, "Pod": 30, "DAG": 21, "TaskGroup": 1}


def test_preflight_knows_the_pipeline_by_default(ir):
    assert dataclasses.asdict(preflight.WorkflowSize()) == dataclasses.asdict(SIZES["reconstruct_cohort"])


@pytest.mark.parametrize("name", SIZES)
def test_the_ids_that_a_run_is_given_are_counted(name):
    """The parameter `subjects` stands in the spec and in the inputs of two tasks."""
    ids = [f"S{random.Random(number).randrange(10**7):07d}" for number in range(600)]
    shards, listed = [ids[i : i + 50] for i in range(0, 600, 50)], ",".join(ids)
    ir = compile_pipeline(name)
    with_ids, without = (compressed_bytes(ir, shards, {"subjects": text}) for text in (listed, ""))
    told = [preflight.RunSize(600, 12, 9_000, listed_bytes=n).workflow_bytes for n in (0, len(listed))]
    assert with_ids + len(listed) - without < told[1] - told[0] < 2.5 * (with_ids + len(listed) - without)


def test_a_summary_takes_what_the_cohort_runs_take(ir):
    """So that the parameters of the runs serve it as they are; the family, which they fix, it is told."""
    taken = compile_pipeline("summarize_cohort").parameters("root")
    listed = ir.component("root")["dag"]["tasks"]["list-subjects"]["inputs"]["parameters"]
    assert taken.pop("family")["defaultValue"] == listed["family"]["runtimeValue"]["constant"] == "reconstruct"
    for name, spec in taken.items():
        outer = ir.parameters("root")[name]
        assert {k: v for k, v in spec.items() if k != "description"} == {
            k: v for k, v in outer.items() if k != "description"
        }, name


@pytest.mark.parametrize("name", SIZES)
def test_the_first_task_is_told_what_a_run_takes(name):
    task = compile_pipeline(name).component("root")["dag"]["tasks"]["list-subjects"]
    given = task["inputs"]["parameters"]["workflow"]["runtimeValue"]["constant"]
    assert preflight.WorkflowSize.of(given) == preflight.WorkflowSize(**dataclasses.asdict(SIZES[name]))


def test_the_fused_pipeline_takes_the_same_parameters_with_the_same_defaults(ir):
    """So that a file of options serves both; only what places the work differs."""
    fused = compile_pipeline("reconstruct_cohort_fused").parameters("root")
    placing = {"train_image", "accelerator_limit", "node_selector", "tolerations"}
    assert fused.keys() == ir.parameters("root").keys()
    for name, spec in ir.parameters("root").items():
        same = {key: value for key, value in spec.items() if key != "description"}
        if name not in placing:
            assert {key: value for key, value in fused[name].items() if key != "description"} == same, name
    assert {name: fused[name]["defaultValue"] for name in placing - {"train_image"}} == {
        "accelerator_limit": "0", "node_selector": {}, "tolerations": [],
    }  # fmt: skip
    assert fused["train_image"]["defaultValue"] == fused["task_image"]["defaultValue"]


def test_settings_reach_the_one_task_by_their_names():
    ir = compile_pipeline("reconstruct_cohort_fused")
    (task,) = [task for task in ir.tasks() if task.name == "reconstruct"]
    given = task.spec["inputs"]["parameters"]
    for name in ir.parameters(task.component):
        expected = {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}
        assert given[name] == (expected if name == "run_id" else {"componentInputParameter": name})


@pytest.mark.parametrize("name", PIPELINES)
def test_every_task_runs_as_the_same_user_and_never_as_root(name):
    ir = compile_pipeline(name)
    contexts = [ir.kubernetes(task)["securityContext"] for task, _ in ir.container_tasks()]
    tasks = {
        "reconstruct_cohort": 7,
        "reconstruct_cohort_fused": 3,
        "segment_cohort": 3,
        "quantify_cohort": 3,
        "plan_cohort": 6,
        "detect_late_activation": 4,
        "summarize_cohort": 1,
        "train_lge": 1,
        "train_lvquant": 1,
        "train_activation": 1,
    }
    assert len(contexts) == tasks[name]
    assert all(found == {"runAsUser": "65532", "runAsGroup": "65532", "runAsNonRoot": True} for found in contexts)


def test_the_readme_is_current():
    assert readme_main(["--check"]) == 0


@pytest.mark.parametrize(
    ("stage", "parameters"),
    [("preprocess", ["target"]), ("train", ["method"]), ("infer", ["projection"])],
)
def test_the_choices_of_the_form_are_those_of_the_stage(ir, stage, parameters):
    hints = typing.get_type_hints(RECONSTRUCT[stage].config)
    for name in parameters:
        assert tuple(ir.parameters("root")[name]["literals"]) == typing.get_args(hints[name])


def test_the_label_tables_of_the_form_are_those_that_there_are(ir):
    from cardioscar.imaging.labels import LABEL_TABLES

    assert sorted(ir.parameters("root")["label_table"]["literals"]) == sorted(LABEL_TABLES)


def test_pipelines_reach_the_package_through_components_only():
    for path in (REPOSITORY / "pipelines").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        # what runs a pipeline here is none: it shows the results as the command line does
        shown = ("cardioscar.results.opening", "cardioscar.results.terminal") if path.name == "local.py" else ()
        assert not [n for n in modules if n.partition(".")[0] == "cardioscar" and n not in shown], path.name


@pytest.mark.parametrize("name", PIPELINES)
def test_the_form_says_group_and_order_of_use_of_each_parameter(name):
    """The form sorts by name: a parameter's description begins with its group."""
    said = compile_pipeline(name).parameters("root")
    for parameter in said:
        number, title, _ = PLACES[parameter]
        required = "" if said[parameter].get("isOptional") else ", required"
        assert said[parameter]["description"].startswith(f"{number} {title}{required}: "), parameter
    assert [one for one in in_order(said) if not said[one].get("isOptional")] == in_order(said)[: sum(
        not spec.get("isOptional") for spec in said.values()
    )]  # fmt: skip
