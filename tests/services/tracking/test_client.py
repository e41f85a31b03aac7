"""A server that is dead, stalls or storms ends in a clear message in time; nothing secret is said."""

from __future__ import annotations

import os
import sys
import time

import pytest

from cardioscar.errors import InputError, PlatformError, UnreachableError
from cardioscar.services.tracking import client as mlflow_client
from cardioscar.services.tracking import patience as mlflow_patience
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.recording import record_subject


@pytest.fixture
def impatient(monkeypatch):
    """Settings of a user who waits less than we do."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(mlflow_patience, "PATIENCE_S", {"silent": 1.0, "busy": 1.0})
    monkeypatch.setattr(mlflow_client, "_PROBE_DEADLINE_S", 1.5)
    monkeypatch.setattr(mlflow_client, "_PROBE_PAUSES_S", (0.0, 0.1))


@pytest.mark.parametrize("uri", ["", "mlflow.db", "http://", "ftp://host/x", "sqlite://", "file:///tmp/mlruns"])
def test_other_addresses_are_refused_without_repeating_them(uri):
    with pytest.raises(InputError) as caught:
        TrackingTarget(uri)
    assert caught.value.finding == "another form"


@pytest.mark.parametrize("name", ["", " trial", "a/b", "o'neil", "x" * 129, "trial\n"])
def test_an_experiment_name_that_is_unsafe_in_a_filter_is_refused(name):
    with pytest.raises(InputError, match="cohort name"):
        TrackingTarget("http://host:5000", name)


def test_neither_label_nor_repr_shows_credentials_or_folders(tmp_path):
    server = TrackingTarget("https://ann:p%40ss@host:5000/mlflow?token=abc", "trial")
    assert server.label == "https://host:5000/mlflow"
    assert "p%40ss" not in repr(server)
    assert "abc" not in repr(server)
    local = TrackingTarget.local(tmp_path / "Smith_John")
    assert local.label == "mlflow.db"
    assert "Smith" not in repr(local)


def test_a_dead_port_is_reported_without_credentials(make_record, dead_port):
    target = TrackingTarget(f"http://ann:s3cret@127.0.0.1:{dead_port}")
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="connection refused") as caught:
        record_subject(target, make_record())
    assert time.monotonic() - started < 10
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_an_unknown_host_is_reported(make_record, impatient):
    with pytest.raises(UnreachableError, match=r"host name is unknown|no answer within"):
        record_subject(TrackingTarget("http://no-such-host.invalid:5000"), make_record())


def test_a_server_that_accepts_and_never_answers_is_reported(make_record, impatient, stalling_port):
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer within"):
        record_subject(TrackingTarget(f"http://127.0.0.1:{stalling_port}"), make_record())
    assert time.monotonic() - started < 4


def test_a_server_that_sends_single_bytes_is_reported(http_server, make_record, impatient):
    def drip(handler):
        for _ in range(40):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.1)

    started = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer within"):
        record_subject(http_server(drip), make_record())
    assert time.monotonic() - started < 4


def test_a_storm_of_errors_is_reported_and_its_retry_after_is_not_obeyed(http_server, make_record, impatient):
    def storm(handler):
        healthy = handler.path == "/health"
        handler.send_response(200 if healthy else 503)
        handler.send_header("Retry-After", "3600")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    started = time.monotonic()
    with pytest.raises(UnreachableError, match="HTTP 503") as caught:
        record_subject(http_server(storm), make_record())
    assert time.monotonic() - started < 5
    assert "s3cret" not in str(caught.value)


def test_a_broken_server_is_seen_by_the_probe(http_server, impatient):
    def broken(handler):
        handler.send_error(502)

    with pytest.raises(UnreachableError, match="HTTP 502"):
        connect(http_server(broken))


def test_refused_access_names_the_settings_to_check(http_server, make_record, impatient):
    def forbid(handler):
        handler.send_response(200 if handler.path == "/health" else 403)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with pytest.raises(UnreachableError, match=r"HTTP 403.*MLFLOW_TRACKING_USERNAME"):
        record_subject(http_server(forbid), make_record())


def test_a_short_interruption_is_survived(http_server, impatient):
    calls = []

    def recover(handler):
        calls.append(handler.path)
        handler.send_response(503 if len(calls) == 1 else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    assert connect(http_server(recover)) is not None
    assert calls == ["/health", "/health"]


def test_settings_of_the_user_are_kept(http_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)

    def healthy(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    connect(http_server(healthy))
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"


@pytest.mark.slow
def test_with_default_settings_the_worst_server_costs_under_30_seconds(http_server, make_record):
    """The worst is one that is healthy, and then stalls at every call."""

    def stall(handler):
        if handler.path != "/health":
            time.sleep(25)
            return
        time.sleep(3)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    started = time.monotonic()
    with pytest.raises(UnreachableError, match="does not answer in time"):
        record_subject(http_server(stall), make_record())
    assert time.monotonic() - started < 30


def test_missing_mlflow_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(PlatformError, match=r"cardioscar\[tracking\]"):
        connect(TrackingTarget("http://127.0.0.1:5000"))
    with pytest.raises(PlatformError, match=r"cardioscar\[laptop\]"):
        connect(TrackingTarget.local(tmp_path))


def test_the_small_client_names_the_extra_that_a_local_store_needs(monkeypatch, tmp_path):
    monkeypatch.setattr(mlflow_client.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PlatformError, match=r"cardioscar\[laptop\]"):
        connect(TrackingTarget.local(tmp_path))


def test_a_file_that_is_no_store_is_reported_at_once(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"not a database" * 100)
    started = time.monotonic()
    with pytest.raises(PlatformError, match=r"mlflow\.db: file is not a database"):
        connect(TrackingTarget.local(tmp_path))
    assert time.monotonic() - started < 5


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match=r"mlflow\.db") as caught:
        connect(TrackingTarget.local(tmp_path / "file" / "folder"))
    assert str(tmp_path) not in str(caught.value)


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        connect(TrackingTarget.local(tmp_path), create=False)
    assert not list(tmp_path.iterdir())


def test_messages_lose_credentials_and_folders():
    from mlflow.exceptions import MlflowException

    target = TrackingTarget("http://ann:p%40ss@host:5000?token=abc")
    text = "cannot use http://ann:p%40ss@host:5000/api?token=abc with p@ss in /home/smith/data/run.db"
    with pytest.raises(UnreachableError) as caught, answering(target):
        raise MlflowException(text)
    for secret in ("p%40ss", "p@ss", "abc", "smith"):
        assert secret not in str(caught.value)


def test_messages_about_a_local_store_lose_its_folder(tmp_path):
    from mlflow.exceptions import MlflowException

    target = TrackingTarget.local(tmp_path / "John Smith")
    folder = tmp_path / "John Smith" / "mlartifacts"
    with pytest.raises(PlatformError) as caught, answering(target):
        raise MlflowException(f"cannot read {folder}/a or {folder.as_uri()}/b")
    assert "Smith" not in str(caught.value)


def test_a_full_disk_is_the_platforms_fault(store):
    with pytest.raises(PlatformError, match="No space left"), answering(store):
        raise OSError(28, "No space left on device", "/home/smith")
