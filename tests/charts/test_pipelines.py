"""The compiled pipelines reach KFP with the images of the release, and find its endpoints and secrets."""

from __future__ import annotations

import difflib
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import tyro
import yaml

from tests.charts.rendering import (
    CHART,
    chart,
    command,
    container,
    environment,
    merged,
    nested,
    of_kind,
    process_environment,
    texts,
    values,
)

GOLDEN = Path(__file__).resolve().parents[1] / "pipelines" / "golden"
NAME = "reconstruct_cohort.yaml"


def uploaded(given=None):
    (found,) = [c for c in of_kind("ConfigMap", given) if c["metadata"]["name"].endswith("-pipelines")]
    return found["data"]


def parameters(text):
    pipeline = next(yaml.safe_load_all(text))
    return pipeline["root"]["inputDefinitions"]["parameters"]


def arguments(given=None):
    upload = container("upload", given)
    assert upload["command"] == ["cardioscar", "pipeline", "upload"]
    return upload["args"]


def test_the_chart_carries_the_compiled_pipelines():
    assert sorted(p.name for p in CHART.glob("files/pipelines/*")) == sorted(p.name for p in GOLDEN.glob("*.yaml"))
    for path in GOLDEN.glob("*.yaml"):
        assert (CHART / "files" / "pipelines" / path.name).read_text("utf-8") == path.read_text("utf-8")


def test_the_pipelines_fit_into_a_configmap():
    assert sum(len(text.encode()) for text in uploaded().values()) < 1_000_000


def test_only_the_default_images_differ_from_the_compiled_pipeline():
    given = values("airgapped")
    text = uploaded(given)[NAME]
    golden = (GOLDEN / NAME).read_text(encoding="utf-8")
    changed = [line[1:].strip() for line in difflib.ndiff(golden.splitlines(), text.splitlines()) if line[0] == "+"]
    mirror = "registry.hospital.example:5000/mirror/cardioscar@sha256:"
    assert changed == [f"defaultValue: {mirror}{'1' * 64}", f"defaultValue: {mirror}{'2' * 64}"]
    assert parameters(text)["task_image"]["defaultValue"] == mirror + "1" * 64
    assert parameters(text)["train_image"]["defaultValue"] == mirror + "2" * 64


@pytest.mark.parametrize("name", [path.name for path in sorted(GOLDEN.glob("*.yaml"))])
def test_the_run_form_offers_the_names_of_the_site(name):
    site = merged(
        nested("objectStore.credentials.roles.runs", "s3-of-runs"),
        merged(
            nested("mlflow.auth.client.existingSecret", "mlflow-of-runs"),
            nested("pipelines.endpointsConfigMap", "places"),
        ),
    )
    offered = parameters(uploaded(site)[name])
    names = {key: offered[key]["defaultValue"] for key in ("s3_secret", "mlflow_secret", "endpoints")}
    assert names == {"s3_secret": "s3-of-runs", "mlflow_secret": "mlflow-of-runs", "endpoints": "places"}
    assert parameters(uploaded(values("production"))[name])["s3_secret"]["defaultValue"] == "s3-of-runs"
    assert parameters(uploaded(values("trial"))[name])["s3_secret"]["defaultValue"] == "mlpipeline-minio-artifact"
    # where pods have an identity the secret is looked for under its usual name, and may be absent
    assert parameters(uploaded(values("aws"))[name])["s3_secret"]["defaultValue"] == "cardioscar-s3-runs"


def test_without_settings_the_pipeline_is_uploaded_as_it_was_compiled():
    assert list(yaml.safe_load_all(uploaded()[NAME])) == list(
        yaml.safe_load_all((GOLDEN / NAME).read_text(encoding="utf-8"))
    )


def test_the_upload_names_every_file_the_host_and_a_version():
    host = chart().values["kubeflow"]["apiUrl"]
    *files, option, address, flag, version = arguments()
    assert files == [f"/pipelines/{name}" for name in sorted(uploaded())]
    assert (option, address, flag) == ("--host", host, "--version")
    assert version.startswith(chart().metadata["appVersion"] + "-")
    mounts = {mount["mountPath"]: mount for mount in container("upload")["volumeMounts"]}
    assert mounts["/pipelines"]["readOnly"] is True


def test_the_upload_is_a_command_of_the_stage_image():
    from cardioscar.commands.pipeline import Upload

    parsed = tyro.cli(Upload, args=arguments(values("aws") | {"kubeflow": {"multiUser": True}}))
    assert [file.name for file in parsed.files] == sorted(uploaded())
    assert parsed.access.host == chart().values["kubeflow"]["apiUrl"]
    assert parsed.access.namespace == "kubeflow"
    assert parsed.version == arguments()[-1]


def test_the_version_changes_with_the_pipelines_and_with_nothing_else():
    version = arguments()[-1]
    assert arguments(nested("mlflow.workers", 3))[-1] == version
    assert arguments(nested("images.train.tag", "0.2.0-cuda"))[-1] != version
    assert arguments(nested("pipelines.upload.version", "2026-07"))[-1] == "2026-07"


def test_in_multi_user_mode_each_namespace_of_runs_gets_the_pipelines():
    jobs = [job for job in of_kind("Job", values("aws")) if "pipelines" in job["metadata"]["name"]]
    found = [job["spec"]["template"]["spec"]["containers"][0] for job in jobs]
    assert [c["args"][-2:] for c in found] == [["--namespace", "cardiology"], ["--namespace", "radiology"]]
    assert all({"KF_PIPELINES_SA_TOKEN_PATH"} <= {v["name"] for v in c["env"]} for c in found)


def test_runs_find_the_names_that_the_pipeline_expects():
    expected = parameters((GOLDEN / NAME).read_text(encoding="utf-8"))
    defaults = chart().values
    assert expected["endpoints"]["defaultValue"] == defaults["pipelines"]["endpointsConfigMap"]
    assert expected["mlflow_secret"]["defaultValue"] == defaults["mlflow"]["auth"]["client"]["existingSecret"]
    assert expected["s3_secret"]["defaultValue"] == defaults["objectStore"]["credentials"]["roles"]["runs"]
    _, platform = yaml.safe_load_all((GOLDEN / NAME).read_text(encoding="utf-8"))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    secrets = {key["secretKey"] for e in executors for s in e.get("secretAsEnv", []) for key in s["keyToEnv"]}
    client, keys = defaults["mlflow"]["auth"]["client"], defaults["objectStore"]["credentials"]
    assert secrets == {client["usernameKey"], client["passwordKey"], keys["accessKeyKey"], keys["secretKeyKey"]}
    wanted = {key["configMapKey"] for e in executors for c in e.get("configMapAsEnv", []) for key in c["keyToEnv"]}
    (endpoints,) = [c for c in of_kind("ConfigMap") if c["metadata"]["name"] == "cardioscar-endpoints"]
    assert set(endpoints["data"]) == wanted


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("aws", {"AWS_DEFAULT_REGION": "eu-central-1"}),
        ("ceph", {"AWS_ENDPOINT_URL_S3": "https://rgw.ceph.svc.cluster.local:8443"}),
        ("external-mlflow", {"MLFLOW_TRACKING_URI": "https://mlflow.example.org/lab"}),
    ],
)
def test_endpoints_are_those_of_the_site(scenario, expected):
    given = values(scenario)
    found = [c for c in of_kind("ConfigMap", given) if c["metadata"]["name"] == "cardioscar-endpoints"]
    assert {c["metadata"]["namespace"] for c in found} == set(
        given.get("kubeflow", {}).get("runNamespaces") or ["kubeflow"]
    )
    for one in found:
        assert one["data"].items() >= expected.items()
        assert ("AWS_ENDPOINT_URL_S3" in one["data"]) == (scenario != "aws")


def test_the_address_of_mlflow_is_one_that_the_server_admits():
    for given in ({}, nested("mlflow.service.port", 8080), nested("clusterDomain", "hospital.lan")):
        (endpoints,) = [c for c in of_kind("ConfigMap", given) if c["metadata"]["name"] == "cardioscar-endpoints"]
        host = endpoints["data"]["MLFLOW_TRACKING_URI"].removeprefix("http://")
        (admitted,) = [
            v["value"] for v in container("mlflow", given)["env"] if v["name"] == "MLFLOW_SERVER_ALLOWED_HOSTS"
        ]
        assert {host, host.partition(":")[0]} <= set(admitted.split(","))


@pytest.mark.parametrize("port", [5000, 8080])
def test_the_way_in_that_the_notes_show_is_one_that_the_server_admits(port):
    given = nested("mlflow.service.port", port)
    assert f"port-forward service/cs-cardioscar-mlflow 5000:{port}" in texts(given)["NOTES.txt"]
    found = {v["name"]: v.get("value") for v in container("mlflow", given)["env"]}
    assert "localhost:5000" in found["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def test_gpus_are_limited_in_every_namespace_of_runs_where_that_is_wanted():
    given = values("gpu")
    quotas = of_kind("ResourceQuota", given)
    assert {q["metadata"]["namespace"] for q in quotas} == {"cardiology", "radiology"}
    assert all(q["spec"]["hard"] == {"requests.nvidia.com/gpu": "2"} for q in quotas)
    (priority,) = of_kind("PriorityClass", given)
    assert (priority["metadata"]["name"], priority["value"], priority["globalDefault"]) == (
        "scar-training",
        -100,
        False,
    )
    assert of_kind("ResourceQuota") == of_kind("PriorityClass") == []


def test_pipelines_too_large_for_a_configmap_are_refused(tmp_path):
    import shutil

    from helm_python import Chart, HelmError

    copied = shutil.copytree(CHART, tmp_path / "cardioscar")
    (copied / "files" / "pipelines" / "large.yaml").write_text("# " + "x" * 1_000_000, encoding="utf-8")
    with Chart.load(copied) as large:
        with pytest.raises(HelmError, match="files/pipelines: .* a ConfigMap holds 1 MiB"):
            large.render({}, name="cs", namespace="kubeflow")
        off = merged({}, nested("pipelines.upload.enabled", False))
        assert large.render(off, name="cs", namespace="kubeflow")


def test_the_monitoring_system_gets_no_secret():
    (monitor,) = of_kind("ServiceMonitor", values("production"))
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "30s"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (service,) = of_kind("Service", values("production"))
    assert {"name": "metrics", "port": 9090, "targetPort": "metrics"} in service["spec"]["ports"]
    assert "secretKeyRef" not in str(container("metrics", values("production")))
    assert "ServiceMonitor" not in str(texts())
    assert "9090" not in str(texts())


def test_what_the_workers_count_is_served_without_a_login(tmp_path, unused_tcp_port):
    """The container's program, on what a worker of the server left in the folder that both mount."""
    server, served = (container(name, values("production")) for name in ("mlflow", "metrics"))
    (mount,) = [m for m in served["volumeMounts"] if m["name"] == "metrics"]
    assert mount["readOnly"] is True
    assert f"--expose-prometheus={mount['mountPath']}" in server["args"]
    folder = tmp_path / "metrics"
    folder.mkdir()
    count = "from prometheus_client import Counter; Counter('mlflow_requests', 'r', ['status']).labels('200').inc(3)"
    worker = {**process_environment(tmp_path, {}), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", count], env=worker, check=True)
    changes = {"METRICS_FOLDER": str(folder), "METRICS_PORT": str(unused_tcp_port), "METRICS_HOST": "127.0.0.1"}
    variables = process_environment(tmp_path, environment(served, {}) | changes)
    process = subprocess.Popen(command(served), env=variables, stderr=subprocess.PIPE)
    try:
        assert b"metrics: served on port" in process.stderr.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{unused_tcp_port}/metrics", timeout=10) as answer:
            assert 'mlflow_requests_total{status="200"} 3.0' in answer.read().decode()
    finally:
        process.kill()
        process.communicate()
