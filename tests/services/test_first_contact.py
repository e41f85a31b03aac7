"""A server that does not answer yet is given up in seconds at a terminal, and waited for in a pod of a run."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardioscar.errors import UnreachableError
from cardioscar.services import first_contact
from cardioscar.services.store import client as s3_client
from cardioscar.services.store.object_store import Store
from cardioscar.services.tracking import client as mlflow_client
from cardioscar.services.tracking import patience as mlflow_patience
from cardioscar.services.tracking.client import connect
from tests.integration.fault_proxy import Answer, FaultProxy, Reset, Rule, s3_error
from tests.services.store.s3 import point_at, small_parts

SERVICES = Path(mlflow_client.__file__).parents[1]


@pytest.fixture
def proxy(s3_endpoint, bucket) -> Iterator[FaultProxy]:
    """SeaweedFS behind a proxy, which the environment names."""
    with FaultProxy("127.0.0.1", int(s3_endpoint.rpartition(":")[2])) as proxy:
        point_at(proxy.url)
        yield proxy


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.delenv("KFP_POD_NAME", raising=False)
    monkeypatch.setattr(s3_client, "_FIRST_PATIENCE_S", 0.3)
    monkeypatch.setattr(mlflow_client, "_PROBE_PAUSES_S", (0.0, 0.01))
    monkeypatch.setattr(mlflow_client, "_PROBE_PAUSE_S", 0.05)


@pytest.mark.parametrize("fault", [Reset(), s3_error(503, "ServiceUnavailable")], ids=str)
def test_a_store_that_starts_with_the_run_is_waited_for_in_a_pod(proxy, bucket, monkeypatch, fault):
    proxy.rules = [Rule(fault)]
    with pytest.raises(UnreachableError):
        Store(small_parts()).files(bucket)
    monkeypatch.setenv("KFP_POD_NAME", "trial-1234-system-container-impl")
    comes = threading.Timer(1.5, proxy.rules.clear)
    comes.start()
    assert Store(small_parts()).files(bucket) == []
    comes.join()


def test_an_mlflow_server_that_starts_with_the_run_is_waited_for_in_a_pod(http_server, monkeypatch):
    answers = iter([503] * 5)

    def answer(handler):
        status = next(answers, 200)
        handler.send_response(status)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    target = http_server(answer)
    with pytest.raises(UnreachableError, match="it answers HTTP 503"):
        connect(target)
    monkeypatch.setenv("KFP_POD_NAME", "trial-1234-system-container-impl")
    connect(target)


def test_patience_in_a_pod_has_an_end(http_server, monkeypatch):
    monkeypatch.setenv("KFP_POD_NAME", "trial-1234-system-container-impl")
    monkeypatch.setattr(first_contact, "IN_A_POD_S", mlflow_client._PROBE_DEADLINE_S + 0.5)
    target, started = http_server(lambda handler: handler.connection.close()), time.monotonic()
    with pytest.raises(UnreachableError):
        connect(target)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "fault",
    [s3_error(500, "InternalError"), s3_error(503, "SlowDown"), Answer(502, b"<p>", "text/html"), Reset()],
    ids=str,
)
def test_each_request_may_fail_twice(proxy, bucket, fault):
    """Whatever it asks for: the same kind of request is broken twice in a row, then let through."""
    store, place = Store(small_parts()), bucket / "trial"
    for deed in (
        lambda: store.write(place / "P001/status.json", b"{}"),
        lambda: store.files(place),
        lambda: store.exists(place / "P001/status.json"),
        lambda: store.read(place / "P001/status.json"),
    ):
        left = [2]

        def twice(left=left) -> bool:
            left[0] -= 1
            return left[0] >= 0

        proxy.rules = [Rule(fault, when=lambda *request: twice())]
        deed()
        assert left[0] < 0
    assert store.read(place / "P001/status.json") == b"{}"


def test_every_call_of_mlflow_is_repeated_or_looked_after():
    """A method of its client is in a list of `mlflow_patience`, or is called inside `once`, which looks again."""
    known = mlflow_patience._AS_THEY_ARE | mlflow_patience._GONE_IS_DONE | {"once", "repeat"}
    created, found = {"create_run", "create_logged_model", "log_outputs", "create_model_version"}, set()
    for path in (SERVICES / "tracking").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "client":
                    found.add(node.func.attr)
    assert found - known <= created, found - known - created
    assert {"log_batch", "search_runs", "download_artifacts", "set_terminated"} <= known


def test_every_call_of_the_store_goes_through_its_patience():
    """A method of boto3's client is handed to `connection.call`, by name or in a function that is handed to it."""
    paths = [path for path in sorted((SERVICES / "store").glob("*.py")) if path.stem != "client"]
    assert len(paths) > 8
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            text = ast.unparse(function)
            uses = "client." in text.replace("connection.client.", "client.")
            handed = re.search(r"connection.call\(|_pages\(", text) or function.name in (
                "_get",
                "_send",
                "send",
                "_send_parts",
            )
            assert not uses or handed, f"{path.stem}.{function.name}"
