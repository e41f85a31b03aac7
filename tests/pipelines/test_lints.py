"""Each lint stays silent on the golden pipeline and speaks when that is broken in its way."""

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
        "unplaced_gpu_tasks: train: expected a task of this name",
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


def test_find_reaches_every_depth():
    assert list(find([{"x": {"x": 1}}], "x")) == [{"x": 1}, 1]
