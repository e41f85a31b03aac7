"""A stage's counts reach the gateway, name no subject, and cost nothing where the gateway fails."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.shard import metrics as shard_metrics
from cardioscar.shard.loop import Work, run_shard
from tests.toy_stage import toy

pytest.importorskip("prometheus_client")


@dataclass(frozen=True)
class Config:
    pass


@dataclass
class Gateway:
    url: str = ""
    code: int = 200
    pushes: list[tuple[str, str, str, str]] = field(default_factory=list)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A Pushgateway on loopback that keeps method, path, login and body of each push."""
    found = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.pushes.append((self.command, self.path, self.headers.get("Authorization", ""), body))
            self.send_response(found.code)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("CARDIOSCAR_PUSHGATEWAY", found.url)
    yield found
    server.shutdown()
    server.server_close()


def work(job: Work) -> None:
    (job.out / "value.txt").write_text(job.subject)
    if job.subject == "b2":
        raise InputError("lge.nii", "a scan", "none")


def samples(body: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in body.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_a_shard_pushes_its_counts_and_names_no_subject(tmp_path: Path, gateway: Gateway) -> None:
    run_shard(toy("sum"), ["a1", "b2", "c3"], tmp_path, Config(), work)
    [(method, path, login, body)] = gateway.pushes
    assert (method, login) == ("PUT", "")
    assert path.startswith("/metrics/job/cardioscar/")
    assert "/stage/sum" in path
    found = samples(body)
    counts = {outcome: found[f'cardioscar_subjects{{outcome="{outcome}"}}'] for outcome in ("ok", "failed", "skipped")}
    assert counts == {"ok": 2, "failed": 1, "skipped": 0}
    assert found["cardioscar_shard_subjects"] == 3
    assert found["cardioscar_peak_memory_mib"] > 10
    assert found["cardioscar_shard_seconds"] >= found["cardioscar_subject_seconds_max"] > 0
    assert not any(subject in path + body for subject in ("a1", "b2", "c3"))

    run_shard(toy("sum"), ["a1", "b2", "c3"], tmp_path, Config(), work)
    assert gateway.pushes[1][1] == path
    assert samples(gateway.pushes[1][3])['cardioscar_subjects{outcome="reused"}'] == 2


def test_a_long_shard_pushes_as_it_goes(tmp_path: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_metrics, "_PUSH_EVERY_S", 0.0)
    run_shard(toy("sum"), ["a1", "b2"], tmp_path, Config(), work)
    assert [samples(push[3])['cardioscar_subjects{outcome="ok"}'] for push in gateway.pushes] == [1, 1, 1]
    assert [samples(push[3])['cardioscar_subjects{outcome="failed"}'] for push in gateway.pushes] == [0, 1, 1]


def test_credentials_go_into_the_header_and_nowhere_else(
    tmp_path: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CARDIOSCAR_PUSHGATEWAY", gateway.url.replace("http://", "http://ann:s3cr%2Ft@"))
    gateway.code = 503
    with caplog.at_level(logging.DEBUG):
        run_shard(toy("sum"), ["a1"], tmp_path, Config(), work)
    assert gateway.pushes[0][2] == f"Basic {base64.b64encode(b'ann:s3cr/t').decode()}"
    assert f"metrics are not pushed: Pushgateway {gateway.url}: it answers HTTP 503" in caplog.text
    assert "s3cr" not in caplog.text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "Pushgateway http://127.0.0.1:9: Connection refused"),
        ("nonsense", "CARDIOSCAR_PUSHGATEWAY: expected http://host:port or https://host, found another form"),
        ("file:///etc/passwd", "CARDIOSCAR_PUSHGATEWAY: expected http"),
    ],
)
def test_a_gateway_that_fails_is_one_warning(
    tmp_path: Path, url: str, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CARDIOSCAR_PUSHGATEWAY", url)
    monkeypatch.setattr(shard_metrics, "_PUSH_EVERY_S", 0.0)
    rows = run_shard(toy("sum"), ["a1", "c3"], tmp_path, Config(), work)
    assert [row.outcome for row in rows] == ["ok", "ok"]
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert said in warnings[0]
