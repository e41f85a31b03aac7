"""One real local MLflow store for the session, and records to put into it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import numpy as np
import pytest

from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests.services.store.s3 import bucket, emulated_endpoint, s3, s3_endpoint  # noqa: F401 - fixtures

_numbers = count(1)


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Put back the environment that `connect` completes, and hide a run that some platform injected."""
    before = dict(os.environ)
    os.environ.pop("MLFLOW_RUN_ID", None)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> TrackingTarget:
    """The local store; making its tables takes over a second, so all tests share it."""
    before = dict(os.environ)
    target = TrackingTarget.local(tmp_path_factory.mktemp("store #1"))
    connect(target)
    os.environ.clear()
    os.environ.update(before)
    return target


@pytest.fixture
def cohort() -> str:
    """A cohort name that no other test has."""
    return f"cohort {next(_numbers)}"


@pytest.fixture
def make_record(tmp_path, cohort) -> Callable[..., SubjectRecord]:
    """Make a record of one small field; any of its parts can be replaced."""
    from safetensors.numpy import save_file

    def make(subject: str = "P001", *, weight: float = 0.5, **parts) -> SubjectRecord:
        folder = tmp_path / f"{subject}-{weight}"
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        save_file({"weight": np.full((4, 4), weight, dtype=np.float32)}, folder / "weights.bin")
        (folder / "description.txt").write_text('{"architecture": "fourier"}')
        (folder / "page.html").write_text("<p>report</p>")
        (folder / "figures" / "bullseye.png").write_bytes(b"png")
        whole = {
            "kind": SCAR_FIELD,
            "subject": subject,
            "cohort": cohort,
            "run_key": run_key(subject, {"mesh.vtu": "aa"}, "bb", f"0.1.0-{cohort}-{weight}"),
            "qc": "pass",
            "started_ms": 1_700_000_000_000,
            "files": {"field.safetensors": folder / "weights.bin", "field.json": folder / "description.txt"},
            "metrics": {"dice": 0.8, "scar_volume_ml": 7.5},
            "params": {"steps": 300},
            "artifacts": {"report.html": folder / "page.html", "figures": folder / "figures"},
        }
        return SubjectRecord(**(whole | parts))

    return make


class _Silent(BaseHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass

    def _answer(self) -> None:
        self.server.answer(self)


for _method in ("GET", "POST", "PUT", "PATCH"):
    setattr(_Silent, f"do_{_method}", _Silent._answer)


@pytest.fixture
def http_server() -> Callable[..., TrackingTarget]:
    """Start a server on loopback that answers each request by a function of the handler."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> TrackingTarget:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
        server.daemon_threads = True
        server.answer = answer
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return TrackingTarget(f"http://ann:s3cret@127.0.0.1:{server.server_port}", "trial")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def stalling_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@pytest.fixture
def dead_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
