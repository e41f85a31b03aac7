"""Servers for a measurement, on loopback: PostgreSQL of this machine's installation, and MLflow in front of it."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cardioscar.errors import PlatformError, UnreachableError
from cardioscar.services.tracking.client import TrackingTarget, connect

START_S = 120.0
"""Time after which a server that does not answer counts as not started."""

POOL = "40"
"""Connections to the database that MLflow keeps, and as many more under load."""


def free_port() -> int:
    """A port on loopback that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL server with an empty database and default durability.

    Yields:
        Its address without driver: `127.0.0.1:PORT/postgres` with credentials before it.

    Raises:
        PlatformError: If PostgreSQL is not installed or does not start.
    """
    initdb, control = _program("initdb"), _program("pg_ctl")
    with tempfile.TemporaryDirectory(prefix="cardioscar-postgres-") as name:
        folder, port, password = Path(name), free_port(), secrets.token_hex(12)
        (folder / "password").write_text(password, encoding="utf-8")
        as_user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)

        def do(*words: str) -> None:
            # to a file: the server keeps its standard output open, and a pipe would never end
            with (folder / "said").open("w+", encoding="utf-8") as said:
                if subprocess.run([*as_user, *words], cwd=folder, stdout=said, stderr=said, check=False).returncode:
                    said.seek(0)
                    raise PlatformError(f"PostgreSQL: {said.read()[-300:]}")

        data = folder / "data"
        do(
            initdb, "--pgdata", str(data), "--username=mlflow", f"--pwfile={folder / 'password'}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale",
        )  # fmt: skip
        settings = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} -c max_connections=200"
        do(control, "start", "--pgdata", str(data), "--wait", "--log", str(data / "log"), "-o", settings)
        try:
            yield f"mlflow:{password}@127.0.0.1:{port}/postgres"
        finally:
            do(control, "stop", "--pgdata", str(data), "--mode=fast")


@contextlib.contextmanager
def mlflow_server(
    database: str, artifacts: str, port: int = 0, workers: int = 1
) -> Iterator[tuple[TrackingTarget, int]]:
    """Start an MLflow server that also hands artifacts through.

    Args:
        database: For SQLAlchemy, `postgresql+psycopg://…` or `sqlite:///…`.
        artifacts: Folder, or `s3://` prefix whose endpoint and keys stand in the environment.
        port: Port; 0 takes a free one.
        workers: Processes of the server.

    Yields:
        The server, as soon as it answers, and the id of its process group.

    Raises:
        PlatformError: If it does not start.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--artifacts-destination", artifacts, "--workers", str(workers)]
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": POOL,
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": POOL,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        target = TrackingTarget(f"http://127.0.0.1:{port}")
        try:
            _await(process, target, log)
            yield target, process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _await(process: subprocess.Popen[bytes], target: TrackingTarget, log: object) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            connect(target)
            return
        except UnreachableError:
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)  # type: ignore[attr-defined]
                raise PlatformError(f"MLflow did not start: {log.read()[-300:]}") from None  # type: ignore[attr-defined]
            time.sleep(0.5)


def _program(name: str) -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or (str(installed[0]) if installed else None)
    if found is None:
        raise PlatformError(f"PostgreSQL is not installed: no {name}")
    return found
