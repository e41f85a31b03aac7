"""Each lint stays silent on the golden pipeline and speaks when that is broken in its way."""

import warnings

import pytest

pytest.importorskip("kfp")

from pipelines.ir import find
from pipelines.lints import LINTS, MAX_SPEC_BYTES, lint

SHARD, LOOP = "comp-reconstruct-shard", "comp-for-loop-1"


def container(ir, name):
    return ir.pipeline["deploymentSpec"]["executors"][f"exec-{name}"]["container"]


def settings(ir, name):
    return ir.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][f"exec-{name}"]


def inputs(ir, dag):
    return ir.component(dag)["inputDefinitions"]["parameters"]


def task(ir, name, dag=SHARD):
    return ir.component(dag)["dag"]["tasks"][name]


def replace_source(ir, name, old, new):
    command = container(ir, name)["command"]
    assert old in command[-1]
    command[-1] = command[-1].replace(old, new)


BREAKS = {
    "a loop that does not declare the memory": (
        lambda ir: inputs(ir, LOOP).pop("pipelinechannel--memory"),
        "undeclared_channels: comp-for-loop-1/reconstruct-shard: uses 'pipelinechannel--memory'",
    ),
    "a shard that does not declare its node selector": (
        lambda ir: inputs(ir, SHARD).pop("node_selector"),
        "undeclared_channels: comp-reconstruct-shard/train: uses 'node_selector'",
    ),
    "a shard that does not declare the name of a secret": (
        lambda ir: inputs(ir, SHARD).pop("mlflow_secret"),
        "undeclared_channels: comp-reconstruct-shard/evaluate: uses 'mlflow_secret'",
    ),
    "a task that does not receive its CPU limit": (
        lambda ir: task(ir, "infer")["inputs"]["parameters"].pop("pipelinechannel--cpu"),
        "undeclared_channels: comp-reconstruct-shard/infer: its container uses 'pipelinechannel--cpu'",
    ),
    "a loop without its items": (
        lambda ir: task(ir, "for-loop-1", "root")["inputs"]["parameters"].pop("pipelinechannel--list-subjects-Output"),
        "undeclared_channels: root/for-loop-1: loops over 'pipelinechannel--list-subjects-Output'",
    ),
    "an accelerator limit that is a number": (
        lambda ir: inputs(ir, SHARD)["accelerator_limit"].update(parameterType="NUMBER_INTEGER"),
        "numeric_resources: comp-reconstruct-shard/train: resource 'accelerator_limit' has type NUMBER",
    ),
    "no memory limit": (
        lambda ir: container(ir, "preprocess")["resources"].pop("resourceMemoryLimit"),
        "missing_limits: comp-reconstruct-shard/preprocess: has no memory limit",
    ),
    "no resources": (
        lambda ir: container(ir, "list-subjects").pop("resources"),
        "missing_limits: root/list-subjects: has no CPU limit",
    ),
    "no accelerator": (
        lambda ir: container(ir, "train")["resources"].pop("accelerator"),
        "unplaced_gpu_tasks: comp-reconstruct-shard/train: has no accelerator type and limit",
    ),
    "no node selector": (
        lambda ir: settings(ir, "train").pop("nodeSelector"),
        "unplaced_gpu_tasks: comp-reconstruct-shard/train: has no node selector parameter",
    ),
    "a node selector that cannot be changed": (
        lambda ir: settings(ir, "train").update(nodeSelector={"labels": {"gpu": "yes"}}),
        "unplaced_gpu_tasks: comp-reconstruct-shard/train: has no node selector parameter",
    ),
    "no tolerations": (
        lambda ir: settings(ir, "train").pop("tolerations"),
        "unplaced_gpu_tasks: comp-reconstruct-shard/train: has no tolerations parameter",
    ),
    "shared memory on a disk": (
        lambda ir: settings(ir, "train")["emptyDirMounts"][0].pop("medium"),
        "unplaced_gpu_tasks: comp-reconstruct-shard/train: has no memory-backed /dev/shm",
    ),
    "a GPU task of another name": (
        lambda ir: ir.component(SHARD)["dag"]["tasks"].update(fit=ir.component(SHARD)["dag"]["tasks"].pop("train")),
        "unplaced_gpu_tasks: train or reconstruct or segment or quantify or study-scar: expected a task of this name",
    ),
    "pip at run time": (
        lambda ir: container(ir, "infer")["command"].insert(0, "python3 -m pip install kfp==2.17.0"),
        "run_time_installs: comp-reconstruct-shard/infer: installs packages at run time",
    ),
    "a large spec": (
        lambda ir: ir.pipeline["pipelineInfo"].update(description="x" * MAX_SPEC_BYTES),
        "large_specs: spec: has",
    ),
    "a long argument": (
        lambda ir: container(ir, "train")["args"].append("x" * (128 * 1024 + 1)),
        "large_specs: comp-reconstruct-shard/train: argument of 131073 bytes",
    ),
    "the tag latest": (
        lambda ir: container(ir, "train").update(image="cardioscar:latest"),
        "floating_images: comp-reconstruct-shard/train: image 'cardioscar:latest'",
    ),
    "a port is no tag": (
        lambda ir: container(ir, "train").update(image="localhost:5000/cardioscar"),
        "floating_images: comp-reconstruct-shard/train: image 'localhost:5000/cardioscar'",
    ),
    "a default image without a tag": (
        lambda ir: inputs(ir, "root")["task_image"].update(defaultValue="cardioscar"),
        "floating_images: root: task_image: image 'cardioscar'",
    ),
    "cached training": (
        lambda ir: task(ir, "train").update(cachingOptions={"enableCache": True}),
        "wrong_caching: comp-reconstruct-shard/train: is cached",
    ),
    "cached listing": (
        lambda ir: task(ir, "list-subjects", "root").update(cachingOptions={"enableCache": True}),
        "wrong_caching: root/list-subjects: is cached",
    ),
    "cached reading without a fingerprint": (
        lambda ir: task(ir, "preprocess")["inputs"]["parameters"].pop("fingerprint"),
        "wrong_caching: comp-reconstruct-shard/preprocess: is cached, but receives no fingerprint",
    ),
    "a secret's value": (
        lambda ir: container(ir, "train").update(env=[{"name": "AWS_SECRET_ACCESS_KEY", "value": "s3cr3t"}]),
        "secret_values: comp-reconstruct-shard/train: AWS_SECRET_ACCESS_KEY has its value in the spec",
    ),
    "a parameter for a password": (
        lambda ir: inputs(ir, "root").update(mlflow_password={"description": "x", "parameterType": "STRING"}),
        "secret_values: root: parameter 'mlflow_password' asks for a secret's value",
    ),
    "a parameter without description": (
        lambda ir: inputs(ir, "root")["seed"].pop("description"),
        "undescribed_parameters: root: parameter 'seed' has no description",
    ),
    "items of a loop that are taken for texts": (
        lambda ir: inputs(ir, LOOP)["pipelinechannel--list-subjects-Output-loop-item"].update(parameterType="STRING"),
        "mistyped_inputs: comp-for-loop-1/reconstruct-shard: 'subjects' receives STRING, ",
    ),
    "a number for a text": (
        lambda ir: inputs(ir, "comp-evaluate")["experiment"].update(parameterType="NUMBER_DOUBLE"),
        "mistyped_inputs: comp-reconstruct-shard/evaluate: 'experiment' receives STRING, comp-evaluate declares NUMBER",
    ),
    "a loop over a list whose items have no type": (
        lambda ir: replace_source(ir, "list-subjects", "-> list[list[str]]", "-> list"),
        "untyped_loops: root/for-loop-1: loops over an untyped list of list-subjects",
    ),
}


def test_the_golden_pipeline_is_clean(ir):
    assert lint(ir) == []


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_pipeline_is_found(ir, name):
    damage, finding = BREAKS[name]
    damage(ir)
    findings = lint(ir)
    assert [line for line in findings if line.startswith(finding)], findings


def test_every_lint_has_a_pipeline_that_it_finds():
    assert {rule.__name__ for rule in LINTS} == {finding.partition(":")[0] for _, finding in BREAKS.values()}


@pytest.mark.parametrize(
    "reference", ["cardioscar:0.1.0-cpu", "localhost:5000/cardioscar:1.2", "a/b@sha256:" + "a" * 64]
)
def test_fixed_images_are_accepted(ir, reference):
    container(ir, "train")["image"] = reference
    assert lint(ir) == []


def test_the_bug_of_kubeflow_that_the_nested_pipeline_avoids_is_caught(tmp_path):
    """A memory limit used directly in a loop compiles without a word; the lint is what tells."""
    from kfp import compiler, dsl

    from pipelines.ir import IR
    from pipelines.lints import undeclared_channels

    @dsl.component(base_image="python:3.11", install_kfp_package=False)
    def work(item: str):
        """Do nothing."""

    @dsl.pipeline(name="direct")
    def direct(memory: str = "1Gi"):
        with dsl.ParallelFor(["a", "b"]) as item:
            work(item=item).set_memory_limit(memory)

    compiler.Compiler().compile(direct, str(tmp_path / "direct.yaml"))
    found = list(undeclared_channels(IR.parse((tmp_path / "direct.yaml").read_text(encoding="utf-8"))))
    assert found
    assert "memory" in found[0]


def _loop(tmp_path, returned, taken="str"):
    """What the lints of types say of a loop over what a component returns."""
    from pipelines.ir import IR
    from pipelines.type_lints import mistyped_inputs, untyped_loops

    signature = f"(found: dsl.OutputPath({returned}))" if taken == "path" else f"() -> {returned}"
    output, item = ("found", "str") if taken == "path" else ("Output", taken)
    (tmp_path / "loop_of_the_test.py").write_text(
        f"""
from typing import Dict, List
from kfp import compiler, dsl

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def make{signature}:
    return []

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def work(item: {item}):
    pass

@dsl.pipeline(name="loop")
def loop():
    with dsl.ParallelFor(make().outputs["{output}"]) as item:
        work(item=item)

compiler.Compiler().compile(loop, {str(tmp_path / "loop.yaml")!r})
""",
        encoding="utf-8",
    )
    import runpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(str(tmp_path / "loop_of_the_test.py"))
    ir = IR.parse((tmp_path / "loop.yaml").read_text(encoding="utf-8"))
    return [*mistyped_inputs(ir), *untyped_loops(ir)]


@pytest.mark.parametrize(
    ("returned", "taken"), [("list", "str"), ("List", "str"), ("list", "list"), ("list", "dict"), ("list", "path")]
)
def test_an_untyped_list_that_is_looped_over_is_caught(tmp_path, returned, taken):
    """It compiles without a word, `kfp.local` runs it, and the driver of a cluster refuses what is no text."""
    findings = _loop(tmp_path, returned, taken)
    assert "root/for-loop-1: loops over an untyped list of make; declare the type of its items" in findings
    if taken in ("list", "dict"):
        assert any("receives STRING" in line for line in findings)


@pytest.mark.parametrize(
    ("returned", "taken"),
    [("List[str]", "str"), ("list[int]", "int"), ("list[list[str]]", "list"), ("List[Dict[str, str]]", "dict")],
)
def test_a_typed_list_may_be_looped_over(tmp_path, returned, taken):
    assert _loop(tmp_path, returned, taken) == []


@pytest.mark.parametrize(("raw", "finding"), [('["a", "b"]', []), ('["a", 1]', ["NUMBER_INTEGER, STRING"])])
def test_items_that_stand_in_the_pipeline_have_the_declared_type(ir, raw, finding):
    from pipelines.type_lints import untyped_loops

    task(ir, "for-loop-1", "root")["parameterIterator"]["items"] = {"raw": raw}
    inputs(ir, LOOP)["pipelinechannel--list-subjects-Output-loop-item"]["parameterType"] = "STRING"
    found = list(untyped_loops(ir))
    assert [line.partition("declared STRING, found ")[2] for line in found] == finding


def test_find_reaches_every_depth():
    assert list(find([{"x": {"x": 1}}], "x")) == [{"x": 1}, 1]
