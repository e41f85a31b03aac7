"""The containers of the Helm chart, as rendered and as confined, in the project's images against real servers."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("helm_python")

from tests.charts.rendering import container, environment
from tests.integration.ceph import Ceph
from tests.integration.counts import Counts
from tests.integration.engine import Engine, free_ports
from tests.integration.postgres import Postgres

pytestmark = pytest.mark.integration

POLICY = {
    "enabled": True,
    "requireTls": False,
    "principals": {"stages": ["arn:aws:iam:::user/stages"], "mlflow": ["arn:aws:iam:::user/mlflow"]},
}


class Release:
    """A release whose containers run on this machine in place of a cluster's nodes."""

    def __init__(self, engine: Engine, images: dict[str, str], ceph: Ceph, postgres: Postgres, port: int) -> None:
        self.engine, self.images, self.port = engine, images, port
        self.url = f"http://127.0.0.1:{port}"
        self.values = {
            "objectStore": {"endpoint": ceph.url, "init": {"policy": POLICY, "versioning": True}},
            "mlflow": {"extraAllowedHosts": [f"127.0.0.1:{port}"]},
        }
        self.secrets = {
            **{
                (f"cardioscar-s3-{role}", key): value
                for role in ("mlflow", "buckets")
                for key, value in (("accesskey", ceph.access_key), ("secretkey", ceph.secret_key))
            },
            ("cardioscar-mlflow-database", "uri"): postgres.uri,
            ("cardioscar-mlflow-admin", "username"): "chief",
            ("cardioscar-mlflow-admin", "password"): "marker-of-the-admin",
            ("cardioscar-mlflow-admin", "flask-secret-key"): "marker-of-the-key",
            ("cardioscar-mlflow", "username"): "stages",
            ("cardioscar-mlflow", "password"): "marker-of-the-client",
        }

    def container(self, name: str) -> tuple[list[str], dict[str, Any]]:
        """Command of a container, and how the engine has to confine it to do as the chart says."""
        given = container(name, self.values)
        context = given["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        places = {"/tmp": "mode=0700,uid=65532", "/run/mlflow": "mode=0700,uid=65532,size=1m"}
        variables = environment(given, self.secrets)
        if "MLFLOW_TRACKING_URI" in variables:
            variables["MLFLOW_TRACKING_URI"] = self.url
        arguments = [
            {"--host=0.0.0.0": "--host=127.0.0.1", "--port=5000": f"--port={self.port}"}.get(argument, argument)
            for argument in given["args"]
        ]
        return given["command"] + arguments, {
            "environment": variables,
            "user": "65532:65532",
            "read_only": True,
            "cap_drop": context["capabilities"]["drop"],
            "security_opt": ["no-new-privileges"],
            "tmpfs": {mount["mountPath"]: places[mount["mountPath"]] for mount in given["volumeMounts"]},
            "mem_limit": given["resources"]["limits"]["memory"].removesuffix("i").lower(),
            "network_mode": "host",
        }

    def output(self, name: str, image: str) -> tuple[int, str]:
        """Run a Job's container to its end; its exit code and what it said."""
        command, options = self.container(name)
        code, said = self.engine.output(self.images[image], command, **options)
        assert "marker" not in said
        return code, said


@pytest.fixture(scope="module")
def release(
    engine: Engine, stage_image: str, mlflow_image: str, ceph: Ceph, postgres: Postgres, counts: Counts
) -> Iterator[Release]:
    """Everything of a release, in the order of its hooks: migration, server, buckets, user of the stages."""
    made = Release(engine, {"stage": stage_image, "mlflow": mlflow_image}, ceph, postgres, free_ports(1)[0])
    for name, image in (("migrate", "mlflow"), ("init-buckets", "stage")):
        code, said = made.output(name, image)
        assert code == 0, said
    command, options = made.container("mlflow")
    clock = time.perf_counter()
    server = engine.run(mlflow_image, "chart-mlflow", command=command, **options)
    while True:
        try:
            with urllib.request.urlopen(f"{made.url}/health", timeout=2) as answer:
                if answer.status == 200:
                    break
        except OSError:
            server.reload()
            assert server.status in {"created", "running"}, server.logs(tail=30).decode()
            assert time.perf_counter() - clock < 300
            time.sleep(0.3)
    counts.add("servers", "MLflow of the chart", seconds_to_start=time.perf_counter() - clock)
    yield made
    assert "marker" not in server.logs().decode()
    server.stop(timeout=60)
    server.reload()
    assert server.attrs["State"]["ExitCode"] == 0


def test_the_smoke_test_passes_once_the_user_of_the_stages_is_made(release):
    before, said = release.output("smoke", "stage")
    assert before == 1
    assert "with the credentials of the stages: expected status 200, found 401" in said
    code, said = release.output("add-client", "mlflow")
    assert code == 0, said
    code, said = release.output("smoke", "stage")
    assert code == 0, said
    assert said.count("can be listed") == 3


def test_jobs_run_again_and_change_nothing(release):
    for name, image, said_then in (
        ("migrate", "mlflow", "the tables are up to date"),
        ("init-buckets", "stage", "bucket cardioscar-mlflow: is there"),
        ("add-client", "mlflow", "MLflow user of the stages: "),
    ):
        code, said = release.output(name, image)
        assert code == 0, said
        assert said_then in said


def test_a_run_of_the_stages_puts_its_artifacts_into_the_bucket_of_mlflow(release, ceph):
    code, said = release.output("add-client", "mlflow")
    assert code == 0, said
    program = (
        "import mlflow; mlflow.set_experiment('chart'); run = mlflow.start_run(); mlflow.log_text('slices', 'a.txt');"
        "print(mlflow.artifacts.load_text(run.info.artifact_uri + '/a.txt'))"
    )
    variables = {
        "MLFLOW_TRACKING_URI": release.url,
        "MLFLOW_TRACKING_USERNAME": "stages",
        "MLFLOW_TRACKING_PASSWORD": release.secrets["cardioscar-mlflow", "password"],
    }
    code, said = release.engine.output(
        release.images["stage"], ["python", "-c", program], environment=variables, network_mode="host"
    )
    assert code == 0, said
    assert "slices" in said
    stored = ceph.objects("cardioscar-mlflow", "artifacts")
    assert [body for key, body in stored.items() if key.endswith("/a.txt")] == [b"slices"]


def test_buckets_have_what_the_values_ask_for(release, ceph):
    client = ceph.client()
    for name in ("cardioscar-cohorts", "cardioscar-results", "cardioscar-mlflow"):
        assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        (rule,) = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert "Objects" in client.get_bucket_policy(Bucket=name)["Policy"]
