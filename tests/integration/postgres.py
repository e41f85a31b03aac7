"""A PostgreSQL server of this machine's own installation, on loopback, for the session."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.counts import Counts
from tests.integration.engine import free_ports


@dataclass(frozen=True)
class Postgres:
    """The running server.

    Attributes:
        port: Port on 127.0.0.1.
        password: Of the user `mlflow`.
    """

    port: int
    password: str

    @property
    def uri(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://mlflow:{self.password}@127.0.0.1:{self.port}/postgres"


def _program(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(installed[0]) if installed else None)


@pytest.fixture(scope="session")
def postgres(counts: Counts) -> Iterator[Postgres]:
    """The server with an empty database; skips where PostgreSQL is not installed."""
    initdb, control = _program("initdb"), _program("pg_ctl")
    if initdb is None or control is None:
        pytest.skip("PostgreSQL is not installed (initdb, pg_ctl)")
    # not among pytest's folders: those are closed to other users again whenever a session begins
    folder = Path(tempfile.mkdtemp(prefix="cardioscar-postgres-"))
    server = Postgres(free_ports(1)[0], secrets.token_hex(12))
    (folder / "password").write_text(server.password, encoding="utf-8")
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
    data = folder / "data"

    def do(*words: str) -> None:
        done = subprocess.run([*as_user, *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    clock = time.perf_counter()
    do(
        initdb, "--pgdata", str(data), "--username=mlflow", f"--pwfile={folder / 'password'}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync",
    )  # fmt: skip
    settings = f"-c listen_addresses=127.0.0.1 -p {server.port} -c unix_socket_directories={folder} -c fsync=off"
    do(control, "start", "--pgdata", str(data), "--wait", "--log", str(folder / "log"), "-o", settings)
    counts.add("servers", "PostgreSQL", seconds_to_start=time.perf_counter() - clock)
    try:
        yield server
    finally:
        do(control, "stop", "--pgdata", str(data), "--mode=immediate")
        shutil.rmtree(folder)
