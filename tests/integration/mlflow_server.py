"""The project's MLflow image with PostgreSQL behind it and artifacts in the object store."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from cardioscar.errors import UnreachableError
from cardioscar.services.tracking.client import TrackingTarget, connect
from tests.integration.ceph import Ceph
from tests.integration.counts import Counts
from tests.integration.engine import HARDENED, Engine, free_ports
from tests.integration.postgres import Postgres


@dataclass(frozen=True)
class MlflowServer:
    """The running server.

    Attributes:
        port: Port on 127.0.0.1.
        bucket: Bucket of its artifacts.
    """

    port: int
    bucket: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def mlflow_server(engine: Engine, mlflow_image: str, ceph: Ceph, postgres: Postgres, counts: Counts) -> MlflowServer:
    """The server, hardened as in a cluster: not root, read-only, no capabilities."""
    server = MlflowServer(free_ports(1)[0], ceph.bucket())
    clock = time.perf_counter()
    container = engine.run(
        mlflow_image, "mlflow",
        command=[
            "mlflow", "server", "--host", "127.0.0.1", "--port", str(server.port), "--workers", "1",
            "--artifacts-destination", f"s3://{server.bucket}/artifacts",
        ],
        network_mode="host",
        environment={
            "MLFLOW_BACKEND_STORE_URI": postgres.uri,
            "MLFLOW_S3_ENDPOINT_URL": ceph.url,
            "AWS_ACCESS_KEY_ID": ceph.access_key,
            "AWS_SECRET_ACCESS_KEY": ceph.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "20",
            "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "20",
        },
        **HARDENED,
    )  # fmt: skip
    while True:
        try:
            connect(TrackingTarget(server.url))
            break
        except UnreachableError:
            container.reload()
            if container.status != "running" or time.perf_counter() - clock > 120:
                pytest.fail(f"MLflow did not start: {container.logs(tail=30).decode(errors='replace')}")
            time.sleep(0.2)
    counts.add("servers", "MLflow", seconds_to_start=time.perf_counter() - clock)
    return server
