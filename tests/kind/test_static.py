"""What can be known about the kind tests without a cluster: files parse, names agree, scripts are sound."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.kind import cluster

HERE, ROOT = cluster.HERE, cluster.ROOT
SCRIPTS = sorted(HERE.glob("*.sh"))
VALUES = yaml.safe_load((HERE / "values.yaml").read_text(encoding="utf-8"))


def rendered() -> list[dict]:
    """The chart as up.sh installs it."""
    pytest.importorskip("helm_python")
    from tests.charts.rendering import merged, resources

    tags = {"images": {name: {"tag": tag} for name, tag in {"stage": "x-cpu", "train": "x-cpu", "mlflow": "x"}.items()}}
    return resources(merged(VALUES, tags), name=cluster.PINS["RELEASE"])


def test_versions_are_pinned():
    pins = cluster.PINS
    assert re.fullmatch(r"v\d+\.\d+\.\d+", pins["KIND_VERSION"])
    assert re.fullmatch(r"kindest/node:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", pins["NODE_IMAGE"])
    constraint = re.search(r'"kfp==([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert constraint is not None
    assert pins["KFP_VERSION"] == constraint[1]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script):
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_source_what_is_there(script):
    text = script.read_text(encoding="utf-8")
    for name in re.findall(r"\$HERE/(\w[\w.-]+)|dirname \"\$0\"\)/([\w.-]+)", text):
        assert (HERE / "".join(name)).is_file()
    for target in re.findall(r"make ([a-z-]+)", text):
        assert re.search(rf"^{target}:", (HERE / "kind.mk").read_text(encoding="utf-8"), re.MULTILINE)


def test_make_runs_files_that_are_there():
    text = (HERE / "kind.mk").read_text(encoding="utf-8")
    assert "tests/kind/kind.mk" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^(kind-[a-z]+):", text, re.MULTILINE)) == ["kind-down", "kind-test", "kind-up"]
    for path in re.findall(r"tests/kind/[\w.]+sh", text):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize(("script", "tool"), [("up.sh", "kind"), ("down.sh", "kind")])
def test_a_missing_tool_is_named_before_anything_is_done(script, tool, tmp_path):
    for name in ("bash", "dirname", "git", "cd"):
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        [shutil.which("bash") or "bash", str(HERE / script)], env={"PATH": str(tmp_path)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert f"kind: {tool} is not installed" in done.stderr


STAND_IN = """#!{python}
import os, pathlib, sys
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
log = pathlib.Path(os.environ["LOG"])
with log.open("a") as stream:
    stream.write(" ".join([name, *words]).replace(chr(10), " ") + chr(10))
line = " ".join(words)
said = {{"kind version": "kind v0.33.0 go1.25 linux/amd64"}}.get(f"{{name}} {{line}}", "")
if name == "kubectl" and "jsonpath" in line:
    # the node offers its GPU once its status has been patched
    patched = "patch node" in log.read_text()
    said = os.environ.get("GPU_NODE", "cardioscar-worker") if "--selector" in line else "1" if patched else ""
if line == "get nodes --output name":
    said = os.environ.get("NODES", "node/cardioscar-control-plane" + chr(10) + "node/cardioscar-worker")
print(said)
folder = next((w.partition("=")[2] for w in words if w.startswith("--from-file=")), None)
if folder:
    files = {{p.name: p.read_text() for p in pathlib.Path(folder).iterdir()}}
    assert pathlib.Path(folder).stat().st_mode & 0o077 == 0
    assert all(len(text) > 20 for key, text in files.items() if key != "username"), files.keys()
    log.with_name(words[words.index("generic") + 1]).write_text(repr(files))
fail = os.environ.get("FAIL", "")
sys.exit(1 if "get secret" in line or (fail and fail in line) else 0)
"""


def up(folder: Path, **variables: str) -> tuple[subprocess.CompletedProcess, list[str]]:
    """Run up.sh with stand-ins for the tools; what it said, and every command line that it used."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in cluster.TOOLS:
        (tools / tool).write_text(STAND_IN.format(python=sys.executable))
        (tools / tool).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "LOG": str(folder / "log"),
        "KIND_BUILD": str(folder / "build"),
    }
    done = subprocess.run(
        ["bash", str(HERE / "up.sh")], env=environment | variables, capture_output=True, text=True, check=False
    )
    return done, (folder / "log").read_text(encoding="utf-8").splitlines()


def test_up_takes_its_steps_in_order(tmp_path):
    done, lines = up(tmp_path)
    assert done.returncode == 0, done.stderr
    image = (tmp_path / "build" / "image").read_text().strip()
    tag = image.removeprefix("cardioscar:").removesuffix("-cpu")
    apply = "kubectl apply --kustomize github.com/kubeflow/pipelines/manifests/kustomize"
    steps = [
        f"kind create cluster --name cardioscar --config {HERE}/cluster.yaml --image {cluster.PINS['NODE_IMAGE']}",
        "kubectl taint nodes cardioscar-worker nvidia.com/gpu=present:NoSchedule",
        "kubectl patch node cardioscar-worker --subresource=status",
        f"kind load docker-image --name cardioscar cardioscar:{tag}-cpu cardioscar-mlflow:{tag}",
        f"{apply}/cluster-scoped-resources?ref=2.17.0",
        "kubectl wait --for=condition=established",
        f"{apply}/env/platform-agnostic?ref=2.17.0",
        "kubectl --namespace kubeflow rollout status deployment/ml-pipeline ",
        "kubectl --namespace kubeflow create secret generic cardioscar-mlflow-admin",
        "kubectl --namespace kubeflow create secret generic cardioscar-mlflow ",
        f"helm upgrade --install cardioscar {ROOT}/charts/cardioscar --namespace kubeflow",
    ]
    found = [[number for number, line in enumerate(lines) if line.startswith(step)] for step in steps]
    assert [step for step, numbers in zip(steps, found, strict=True) if len(numbers) != 1] == []
    assert found == sorted(found)
    settings = lines[found[-1][0]].split("--set-string ")[1].split()[0].split(",")
    assert dict(one.split("=", 1) for one in settings) == {
        "images.pullPolicy": "Never",
        "images.stage.repository": "cardioscar", "images.stage.tag": f"{tag}-cpu",
        "images.train.repository": "cardioscar", "images.train.tag": f"{tag}-cpu",
        "images.mlflow.repository": "cardioscar-mlflow", "images.mlflow.tag": tag,
        "kubeflow.apiUrl": VALUES["kubeflow"]["apiUrl"],
        "objectStore.endpoint": VALUES["objectStore"]["endpoint"],
    }  # fmt: skip


def test_up_puts_no_password_on_a_command_line_and_leaves_none_behind(tmp_path):
    (tmp_path / "scratch").mkdir()
    done, lines = up(tmp_path, TMPDIR=str(tmp_path / "scratch"))
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "scratch").iterdir())
    said = done.stdout + done.stderr + "\n".join(lines)
    for name in ("cardioscar-mlflow-admin", "cardioscar-mlflow"):
        values = ast.literal_eval((tmp_path / name).read_text())
        assert all(value not in said for key, value in values.items() if key != "username")


def checkout(folder: Path) -> Path:
    """Manifests as those of Kubeflow Pipelines: one base of their own, and three of another repository."""
    argo = "https://github.com/argoproj/argo-workflows/manifests"
    for name, resources in {
        "env/platform-agnostic": ["../../third-party/argo/installs/namespace"],
        "third-party/argo/installs/namespace": ["../../base", f"{argo}/namespace-install/rbac?ref=v4.0.5"],
        "third-party/argo/base": [f"{argo}/base/workflow-controller?ref=v4.0.5&timeout=60s", "local.yaml"],
        "cluster-scoped-resources": [f'"{argo}/base/crds/minimal?ref=v4.0.5"'],
    }.items():
        path = folder / "kustomize" / name / "kustomization.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("resources:\n# see https://github.com/argoproj\n" + "".join(f"- {one}\n" for one in resources))
    (folder / "kustomize/third-party/argo/base/local.yaml").write_text("kind: ConfigMap\n")
    for name in ("namespace-install/rbac", "base/workflow-controller", "base/crds/minimal"):
        path = folder / "remotes/argo-workflows/manifests" / name / "kustomization.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("resources: []\n")
    return folder


def test_up_takes_manifests_from_folders_without_the_network(tmp_path):
    folder = checkout(tmp_path / "mirror")
    done, lines = up(
        tmp_path, KFP_MANIFESTS=str(folder / "kustomize"), KFP_REMOTES=str(folder / "remotes"), KFP_IMAGES="a:1 b:2",
        NODE_IMAGE="mirror/node:1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    copy = tmp_path / "build/manifests"
    assert f"kubectl apply --kustomize {copy}/kustomize/env/platform-agnostic" in lines
    assert "kind load docker-image --name cardioscar b:2" in lines
    assert any("--image mirror/node:1 " in line for line in lines)
    # every base is a folder that is there, whatever named it
    todo, seen = [copy / "kustomize" / name for name in ("env/platform-agnostic", "cluster-scoped-resources")], set()
    while todo:
        path = todo.pop().resolve()
        seen.add(path.relative_to(copy.resolve()).as_posix())
        for resource in yaml.safe_load((path / "kustomization.yaml").read_text())["resources"]:
            assert "github.com" not in resource
            target = path / resource
            assert target.exists(), resource
            todo += [target] if target.is_dir() else []
    assert {
        "remotes/argo-workflows/manifests/base/crds/minimal",
        "remotes/argo-workflows/manifests/namespace-install/rbac",
        "remotes/argo-workflows/manifests/base/workflow-controller",
    } <= seen
    assert "github.com" in (folder / "kustomize/third-party/argo/base/kustomization.yaml").read_text()  # not touched


@pytest.mark.parametrize("remotes", [False, True])
def test_what_is_missing_without_the_network_is_named(tmp_path, remotes):
    folder = checkout(tmp_path / "mirror")
    shutil.rmtree(folder / "remotes/argo-workflows/manifests/base")
    given = {"KFP_REMOTES": str(folder / "remotes")} if remotes else {}
    done, lines = up(tmp_path, KFP_MANIFESTS=str(folder / "kustomize"), **given)
    assert done.returncode == 1
    named = [line.strip() for line in done.stderr.splitlines() if "github.com" in line]
    assert len(named) == (2 if remotes else 3)
    assert "https://github.com/argoproj/argo-workflows/manifests/base/crds/minimal?ref=v4.0.5" in named
    assert not [line for line in lines if line.startswith("kubectl apply")]


IMAGES = {
    "CARDIOSCAR_IMAGE": "registry.example:5000/heart/cardioscar:7-{target}",
    "CARDIOSCAR_MLFLOW_IMAGE": "m/mlflow:7",
}


def test_up_takes_a_cluster_that_is_there_and_needs_one_node(tmp_path):
    given = {"CARDIOSCAR_KUBECONFIG": str(tmp_path / "kubeconfig"), "CARDIOSCAR_NAMESPACE": "ml", "NODES": "node/one"}
    done, lines = up(tmp_path, **IMAGES, **given, GPU_NODE="one")
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in lines} == {"kubectl", "helm"}
    assert not [line for line in lines if "taint" in line or line.startswith("kubectl apply")]
    assert any(line.startswith("kubectl patch node one ") for line in lines)
    assert "Kubeflow Pipelines is there" in done.stdout
    settings = dict(one.split("=", 1) for one in lines[-1].split("--set-string ")[1].split()[0].split(","))
    assert lines[-1].startswith("helm upgrade --install cardioscar")
    assert "--namespace ml " in lines[-1]
    assert settings["images.stage.repository"] == "registry.example:5000/heart/cardioscar"
    assert (settings["images.train.tag"], settings["images.mlflow.tag"]) == ("7-cpu", "7")
    assert settings["images.pullPolicy"] == "IfNotPresent"
    assert settings["objectStore.endpoint"] == "http://seaweedfs.ml.svc.cluster.local:8333"
    assert (tmp_path / "build/image").read_text() == "registry.example:5000/heart/cardioscar:7-cpu\n"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "CARDIOSCAR_IMAGE and CARDIOSCAR_MLFLOW_IMAGE: expected the images of this cluster, found none"),
        ({**IMAGES, "GPU_NODE": ""}, "no node has the label nvidia.com/gpu.present=true"),
    ],
)
def test_what_a_given_cluster_lacks_is_named(tmp_path, variables, message):
    done, lines = up(tmp_path, CARDIOSCAR_KUBECONFIG=str(tmp_path / "kubeconfig"), **variables)
    assert done.returncode != 0
    assert message in done.stderr
    assert not [line for line in lines if line.startswith("helm") or "patch node" in line]


def test_a_cluster_that_was_given_is_not_deleted(tmp_path):
    environment = os.environ | {"CARDIOSCAR_KUBECONFIG": "x", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", str(HERE / "down.sh")], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is deleted" in done.stderr


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("http://seaweedfs.kubeflow.svc.cluster.local:8333", ("seaweedfs", 8333)),
        ("http://store.ml.svc", ("store", 80)),
        ("https://s3.example.org", None),
        ("http://192.0.2.7:9000", None),
    ],
)
def test_a_store_inside_the_cluster_is_reached_through_a_port(address, found):
    assert cluster.in_cluster(address) == found


def suite(folder: Path, **variables: str) -> subprocess.CompletedProcess:
    """The cluster tests in a process of their own, with a kubectl that says no."""
    (folder / "kubectl").write_text("#!/bin/sh\necho the server could not be reached >&2\nexit 1\n")
    (folder / "kubectl").chmod(0o755)
    return subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE / "test_cluster_run.py"), "-q", "-p", "no:cacheprovider"],
        cwd=ROOT, env=os.environ | {"PATH": f"{folder}{os.pathsep}/usr/bin:/bin"} | variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_a_cluster_that_was_named_and_is_not_there_is_an_error(tmp_path):
    done = suite(tmp_path, CARDIOSCAR_KUBECONFIG=str(tmp_path / "kubeconfig"), CARDIOSCAR_NAMESPACE="ml")
    assert done.returncode == 1
    assert "no Kubeflow Pipelines in namespace ml: the server could not be reached" in done.stdout


@pytest.mark.parametrize("fault", [{"FAIL": "rollout status deployment/seaweedfs"}, {"FAIL": "upgrade --install"}])
def test_up_that_fails_keeps_the_state_of_the_cluster(tmp_path, fault):
    done, _ = up(tmp_path, **fault)
    assert done.returncode == 1
    assert "kind: up.sh failed" in done.stderr
    (dump,) = (tmp_path / "build" / "dump").iterdir()
    assert {"workflows.yaml", "events.txt", "pods-described.txt", "logs"} <= {path.name for path in dump.iterdir()}
    assert not (tmp_path / "build" / "image").exists()


def test_the_second_node_is_the_gpu_node():
    nodes = yaml.safe_load((HERE / "cluster.yaml").read_text(encoding="utf-8"))["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker"]
    run = yaml.safe_load((HERE / "run.yaml").read_text(encoding="utf-8"))
    assert nodes[1]["labels"] == run["node_selector"]
    up = (HERE / "up.sh").read_text(encoding="utf-8")
    ((label, value),) = run["node_selector"].items()
    assert f"--selector {label}={value} " in up
    taint = re.search(r"taint nodes \"\$gpu_node\" (\S+)=\w+:(\w+)", up)
    assert taint is not None
    assert {"key": taint[1], "operator": "Exists", "effect": taint[2]} in run["tolerations"]
    assert run["accelerator_type"] == taint[1]


def test_the_run_is_one_that_the_pipeline_takes():
    from cardioscar.services.kubeflow.parameters import PipelinePackage, read_options

    package = PipelinePackage.read(ROOT / "charts/cardioscar/files/pipelines/reconstruct_cohort.yaml")
    given = read_options(HERE / "run.yaml", package)
    package.complete(given | {"cohort_uri": "s3://cardioscar-cohorts/x", "results_uri": "s3://cardioscar-results/x"})
    from cardioscar.config import from_mapping
    from cardioscar.scar3d.field.fit_config import FitConfig

    assert from_mapping(FitConfig, given["train_options"]).steps == 40


def test_the_chart_takes_the_values_and_names_the_loaded_images():
    up = (HERE / "up.sh").read_text(encoding="utf-8")
    loaded = set(re.findall(r"=(cardioscar[a-z-]*):\$TAG(-cpu)?", up))
    assert loaded == {("cardioscar", "-cpu"), ("cardioscar-mlflow", "")}
    images, policies = set(), set()
    for resource in rendered():
        for pod in [resource["spec"]["template"]["spec"]] if "template" in resource.get("spec", {}) else []:
            for container in [*pod.get("initContainers", []), *pod["containers"]]:
                images.add(container["image"])
                policies.add(container["imagePullPolicy"])
    assert images == {"cardioscar:x-cpu", "cardioscar-mlflow:x"}
    assert policies == {"Never"}


def test_the_uploaded_pipeline_offers_the_loaded_image():
    (files,) = [r for r in rendered() if r["kind"] == "ConfigMap" and "reconstruct_cohort.yaml" in r["data"]]
    spec = next(yaml.safe_load_all(files["data"]["reconstruct_cohort.yaml"]))
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert {parameters[name]["defaultValue"] for name in ("task_image", "train_image")} == {"cardioscar:x-cpu"}


def test_services_secrets_buckets_and_ports_are_those_of_the_chart():
    everything = rendered()
    fixtures = (HERE / "conftest.py").read_text(encoding="utf-8")
    services = {r["metadata"]["name"]: r["spec"]["ports"] for r in everything if r["kind"] == "Service"}
    assert 'PortForward("cardioscar-mlflow", 5000' in fixtures
    assert [port["port"] for port in services["cardioscar-mlflow"]] == [5000]
    text = yaml.safe_dump_all(everything)
    up = (HERE / "up.sh").read_text(encoding="utf-8")
    for name, keys in {"cardioscar-mlflow-admin": 3, "cardioscar-mlflow": 2}.items():
        made = re.search(rf"^secret {name} \S+ (.+)$", up, re.MULTILINE)
        assert made is not None
        wanted = set(re.findall(rf"key: (\S+)\n\s+name: {name}$", text, re.MULTILINE))
        assert wanted == {"username", *made[1].split()}
        assert len(wanted) == keys
    tests = (HERE / "test_cluster_run.py").read_text(encoding="utf-8") + fixtures
    for bucket in set(re.findall(r"cardioscar-(?:cohorts|results)", tests)):
        assert bucket in text
    assert f"localhost:{cluster.MLFLOW_PORT}" in text
    (endpoints,) = [r for r in everything if r["metadata"]["name"] == "cardioscar-endpoints"]
    assert endpoints["data"]["AWS_ENDPOINT_URL_S3"] == VALUES["objectStore"]["endpoint"]


def test_the_stumbling_task_is_retried_and_installs_nothing(tmp_path):
    pytest.importorskip("kfp")
    from pipelines.ir import IR
    from pipelines.lints import floating_images, missing_limits, run_time_installs, undeclared_channels
    from tests.kind.stumble import compile_stumble

    compile_stumble("cardioscar:x-cpu", tmp_path / "stumble.yaml")
    ir = IR.parse((tmp_path / "stumble.yaml").read_text(encoding="utf-8"))
    (task,) = ir.tasks()
    assert task.spec["retryPolicy"]["maxRetryCount"] == 2
    assert not task.spec["cachingOptions"]
    rules = (floating_images, missing_limits, run_time_installs, undeclared_channels)
    assert [finding for rule in rules for finding in rule(ir)] == []


def test_cluster_tests_are_marked_and_skip_with_a_reason(tmp_path):
    tree = ast.parse((HERE / "test_cluster_run.py").read_text(encoding="utf-8"))
    (marks,) = [n for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "pytestmark"]  # type: ignore[attr-defined]
    assert "kind" in ast.dump(marks)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE / "test_cluster_run.py"), "-q", "-p", "no:cacheprovider"],
        cwd=ROOT, env=os.environ | {"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    count = sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in tree.body)
    assert f"{count} skipped" in done.stdout
    assert "not installed: docker, kind, kubectl, helm" in done.stdout


def test_a_port_leads_on_after_its_tunnel_broke(tmp_path, monkeypatch):
    """With a kubectl that serves one connection and goes."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f"#!{sys.executable}\nimport socket, sys\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[-1].split(':')[0])))\n"
        "listener.accept()[0].close()\n"
    )
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    import socket
    import time

    with cluster.PortForward("ml-pipeline", 8888) as forward:
        deadline = time.monotonic() + 20
        for _ in range(2):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", forward.local), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)


def test_the_documentation_names_the_commands():
    text = (ROOT / "docs" / "how-to" / "run-a-cohort-on-kubeflow.md").read_text(encoding="utf-8")
    for target in ("make kind-up", "make kind-test", "make kind-down"):
        assert target in text
    assert Path(HERE / "versions.env").name in text
