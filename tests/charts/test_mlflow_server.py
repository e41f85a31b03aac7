"""The rendered MLflow container, started on this machine: who gets in, and how a wrong secret is told."""

from __future__ import annotations

import configparser
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode

import pytest

from tests.charts.rendering import (
    command,
    container,
    environment,
    merged,
    nested,
    of_kind,
    process_environment,
    run,
    values,
)

ADMIN = ("cardioscar-mlflow-admin", "username"), ("cardioscar-mlflow-admin", "password")
SECRETS = {
    ADMIN[0]: "chief",
    ADMIN[1]: "marker%40of-the-admin",
    ("cardioscar-mlflow-admin", "flask-secret-key"): "marker-of-the-key",
    ("cardioscar-mlflow", "username"): "stages",
    ("cardioscar-mlflow", "password"): "marker-of-the-client",
    ("cardioscar-mlflow-database", "uri"): "postgresql+psycopg://mlflow:marker%40pw@127.0.0.1:1/mlflow",
    ("cardioscar-s3-mlflow", "accesskey"): "a",
    ("cardioscar-s3-mlflow", "secretkey"): "b",
    ("mlpipeline-minio-artifact", "accesskey"): "a",
    ("mlpipeline-minio-artifact", "secretkey"): "b",
}
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@pytest.fixture
def stub(tmp_path):
    """A folder with a program `mlflow` that tells its arguments in place of a server."""
    program = tmp_path / "bin" / "mlflow"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program.parent


def serve(folder, stub, given=None, replaced=None):
    """Run the server's start, up to where `mlflow` takes over."""
    known = SECRETS | (replaced or {})
    server = container("mlflow", given)
    variables = process_environment(folder, environment(server, known))
    variables |= {"PATH": f"{stub}{os.pathsep}{variables['PATH']}", "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini")}
    return subprocess.run(command(server), env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_the_settings_of_the_users_database_are_written_at_the_start(tmp_path, stub):
    done = serve(tmp_path, stub)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "auth.ini"
    assert path.stat().st_mode & 0o777 == 0o600
    written = configparser.ConfigParser()
    written.read(path, encoding="utf-8")
    assert written["mlflow"]["database_uri"] == SECRETS["cardioscar-mlflow-database", "uri"]
    assert written["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert written["mlflow"]["auth_cache_ttl_seconds"] == "60"
    assert SECRETS[ADMIN[1]] not in path.read_text(encoding="utf-8")


def test_the_server_gets_its_arguments_and_no_secret_among_them(tmp_path, stub):
    done = serve(tmp_path, stub)
    assert done.stdout.split() == [
        "server",
        "--app-name=basic-auth",
        "--host=0.0.0.0",
        "--port=5000",
        "--workers=2",
        "--artifacts-destination=s3://cardioscar-mlflow/artifacts",
    ]
    assert "marker" not in done.stdout + done.stderr


def test_a_restart_writes_the_settings_again(tmp_path, stub):
    assert serve(tmp_path, stub).returncode == 0
    assert serve(tmp_path, stub, nested("mlflow.auth.defaultPermission", "READ")).returncode == 0
    assert "default_permission = READ" in (tmp_path / "auth.ini").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("cardioscar-mlflow-database", "uri"), "postgres://u:marker@h/d", "expected the scheme .*, found postgres"),
        (("cardioscar-mlflow-database", "uri"), "marker", "expected the scheme .*, found another one"),
        (("cardioscar-mlflow-database", "uri"), "", "MLFLOW_BACKEND_STORE_URI: expected a value, found none"),
        (ADMIN[1], "markershort", "MLFLOW_AUTH_ADMIN_PASSWORD: expected 12 characters or more"),
        (ADMIN[0], " ", "MLFLOW_AUTH_ADMIN_USERNAME: expected a value, found none"),
    ],
)
def test_a_wrong_secret_ends_the_start_with_its_name_and_not_its_value(tmp_path, stub, place, value, message):
    done = serve(tmp_path, stub, replaced={place: value})
    assert done.returncode == 1
    assert "marker" not in done.stdout + done.stderr
    assert re.search(message, done.stderr)


def test_the_environment_is_what_was_measured_to_be_needed():
    found = environment(container("mlflow", values("production")), _Named())
    assert found["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert found["MLFLOW_SQLALCHEMYSTORE_POOL_SIZE"] == found["MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW"] == "40"
    assert found["MLFLOW_S3_ENDPOINT_URL"] == found["AWS_ENDPOINT_URL_S3"] == "https://s3.example.org"
    assert found["MLFLOW_BACKEND_STORE_URI"] == "secret mlflow-postgres/sqlalchemy-uri"
    mounts = {m["mountPath"]: m["name"] for m in container("mlflow")["volumeMounts"]}
    assert mounts["/run/mlflow"] == "settings"
    assert found["MLFLOW_AUTH_CONFIG_PATH"].startswith("/run/mlflow/")
    (deployment,) = of_kind("Deployment")
    volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    assert volumes["settings"]["emptyDir"]["medium"] == "Memory"


class _Named(dict):
    def __missing__(self, key):
        return f"secret {key[0]}/{key[1]}"


class Server:
    """The running server, and the values it was rendered with."""

    def __init__(self, given, url, folder, process):
        self.given, self.url, self.folder, self.process = given, url, folder, process

    def status(self, path, user=None, host=None):
        request = urllib.request.Request(self.url + path)
        if user:
            request.add_header("Authorization", "Basic " + b64encode(":".join(user).encode()).decode())
        if host:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code
        except OSError:
            return 0

    def run(self, name, **changes):
        known = SECRETS | {("cardioscar-mlflow", "password"): changes.pop("password", "marker-of-the-client")}
        return run(container(name, self.given), known, self.folder, MLFLOW_TRACKING_URI=self.url, **changes)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("flask_wtf", reason="MLflow's auth extra is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("mlflow")
    given = merged(values("trial"), {"mlflow": {"extraAllowedHosts": [f"127.0.0.1:{port}"]}})
    database = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db"}
    for _ in range(2):
        migrated = run(container("migrate", given), SECRETS, folder, **database)
        assert migrated.returncode == 0, migrated.stderr[-2000:]
    rendered = container("mlflow", given)
    variables = process_environment(folder, environment(rendered, SECRETS) | database)
    variables["MLFLOW_AUTH_CONFIG_PATH"] = str(folder / "auth.ini")
    line = command(rendered, host="127.0.0.1", port=str(port), artifacts_destination=str(folder / "artifacts"))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(line, env=variables, stdout=log, stderr=log, start_new_session=True)
    running = Server(given, f"http://127.0.0.1:{port}", folder, process)
    try:
        end = time.monotonic() + 240  # the start-up probe gives it 300 s
        while running.status("/health") != 200:
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < end
            time.sleep(0.5)
        yield running
        process.terminate()
        assert process.wait(60) == 0  # within the pod's grace
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.mark.slow
def test_strangers_stay_out_and_the_administrator_gets_in(server):
    admin = (SECRETS[ADMIN[0]], SECRETS[ADMIN[1]])
    assert server.status("/health") == 200
    assert server.status(SEARCH) == 401
    assert server.status(SEARCH, ("chief", "another password")) == 401
    assert server.status(SEARCH, ("admin", "password1234")) == 401
    assert server.status(SEARCH, admin) == 200


@pytest.mark.slow
def test_hosts_that_are_not_named_are_refused(server):
    admin = (SECRETS[ADMIN[0]], SECRETS[ADMIN[1]])
    for host in ("cs-cardioscar-mlflow:5000", "cs-cardioscar-mlflow.kubeflow.svc.cluster.local"):
        assert server.status(SEARCH, admin, host) == 200
    assert server.status(SEARCH, admin, "evil.example.org") == 403
    assert server.status("/health", host="10.0.0.7:5000") == 200  # as probes ask


@pytest.mark.slow
def test_the_user_of_the_stages_is_made_once_and_follows_its_secret(server):
    for password, said in (
        ("marker-of-the-client", "made, or its password changed"),
        ("marker-of-the-client", "is there"),
        ("marker-of-a-new-one", "made, or its password changed"),
        ("marker-of-the-client", "made, or its password changed"),
    ):
        done = server.run("add-client", password=password)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr
        assert "marker" not in done.stderr
        assert server.status(SEARCH, ("stages", password)) == 200
    assert server.status(SEARCH, ("stages", "marker-of-a-new-one")) == 401
    assert server.status("/api/2.0/mlflow/experiments/get?experiment_id=0", ("stages", "marker-of-the-client")) == 403


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"password": "short"}, "client secret: expected a password of 12 characters or more, found fewer"),
        ({"CLIENT_USERNAME": "chief"}, "client secret: its user name is the administrator's"),
        ({"ADMIN_PASSWORD": "marker-but-wrong"}, "admin secret: MLflow refuses its name or password"),
    ],
)
def test_a_wrong_secret_of_a_user_is_named(server, changes, message):
    done = server.run("add-client", **changes)
    assert done.returncode == 1
    assert message in done.stderr
    assert "marker" not in done.stderr


def test_a_server_that_does_not_come_is_named(tmp_path, unused_tcp_port):
    address = f"http://127.0.0.1:{unused_tcp_port}"
    done = run(container("add-client"), SECRETS, tmp_path, MLFLOW_TRACKING_URI=address, PATIENCE_S="0.1")
    assert done.returncode == 1
    assert done.stderr == "MLflow: expected an answer within 0.1 s, found status none\n"


@pytest.mark.slow
def test_the_log_holds_no_secret(server):
    log = (server.folder / "log").read_text(encoding="utf-8")
    assert "Application startup complete" in log
    assert "marker" not in log
