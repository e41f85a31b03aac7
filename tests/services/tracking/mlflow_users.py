"""An MLflow server with users, as the chart runs it: an empty database, no permission by default, artifacts in S3."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from cardioscar.services.tracking.client import TrackingTarget
from tests.services.store.s3 import ACCESS_KEY, SECRET_KEY, unused_port

ADMIN = ("chief", "password-of-chief")
_SETTINGS = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/users.db
admin_username = {admin[0]}
admin_password = {admin[1]}
auth_cache_ttl_seconds = 60
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@dataclass(frozen=True)
class UsersServer:
    """The running server.

    Attributes:
        address: Its URL without a user.
    """

    address: str

    def target(self, user: str, experiment: str | None = None) -> TrackingTarget:
        """The server as a user sees it."""
        return TrackingTarget(self.address.replace("://", f"://{user}:{password(user)}@"), experiment)

    def ask(self, path: str, user: tuple[str, str] = ADMIN, **body: Any) -> requests.Response:
        """POST to the API."""
        return requests.post(f"{self.address}/api/{path}", auth=user, json=body, timeout=30)

    def add(self, user: str) -> None:
        """Make an ordinary user."""
        assert self.ask("2.0/mlflow/users/create", username=user, password=password(user)).ok

    def grant(self, user: str, kind: str, name: str, permission: str) -> None:
        """Give a user a right to one experiment (by its id) or registered model, as the administrator."""
        answer = self.ask(
            "3.0/mlflow/users/permissions/grant",
            username=user, resource_type=kind, resource_id=name, permission=permission,
        )  # fmt: skip
        assert answer.ok, answer.text


def password(user: str) -> str:
    return f"password-of-{user}"


@pytest.fixture(scope="module")
def users_server(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Iterator[UsersServer]:
    """The server; it takes about 20 s to start."""
    import boto3

    folder = tmp_path_factory.mktemp("users")
    settings = folder / "auth.ini"
    settings.write_text(_SETTINGS.format(folder=folder, admin=ADMIN), encoding="utf-8")
    store = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_S3_ENDPOINT_URL": s3_endpoint,
    }
    client = boto3.client(
        "s3", endpoint_url=s3_endpoint, region_name="us-east-1", aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )  # fmt: skip
    client.create_bucket(Bucket="mlflow-with-users")
    client.close()
    port = unused_port()
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", "s3://mlflow-with-users/artifacts"]
    environment = os.environ | store | {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "key-of-the-tests-key-of-the-tests",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield UsersServer(_answering(f"http://127.0.0.1:{port}", process, folder / "log"))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def _answering(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 180
    while True:
        try:
            if requests.get(f"{address}/health", timeout=2).status_code == 200:
                return address
        except requests.RequestException:
            pass
        assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")[-2000:]
        time.sleep(0.2)
