"""The same records through a real tracking server, and by several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from cardioscar.errors import UnreachableError
from cardioscar.services.tracking import patience as mlflow_patience
from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.recording import record_subject
from cardioscar.stages.scar3d.workflow import SCAR_FIELD

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path, dead_port) -> Iterator[TrackingTarget]:
    """A tracking server on loopback; it needs about 12 s to start."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(dead_port)]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--workers", "1"]
    command += ["--artifacts-destination", str(tmp_path / "server-artifacts")]
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, start_new_session=True, **quiet)
    target = TrackingTarget(f"http://127.0.0.1:{dead_port}")
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                connect(target)
                break
            except UnreachableError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.5)
        yield target
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def test_a_server_records_finds_and_loads(server, make_record, tmp_path, capfd):
    first = record_subject(server, make_record())
    assert record_subject(server, make_record()).reused
    low = record_subject(server, make_record("P002", metrics={"dice": 0.4}, qc="review"))
    record_subject(server, make_record("P003", qc="fail"))

    assert [row.version for row in registry.find(server, SCAR_FIELD)] == [low.version, first.version]
    assert [row.subject for row in registry.find(server, SCAR_FIELD, dice_below=0.5)] == ["P002"]
    assert [row.subject for row in registry.find(server, SCAR_FIELD, qc="pass")] == ["P001"]
    assert registry.show(server, SCAR_FIELD, "P001")["artifacts"] == ["figures", "report.html"]
    folder = registry.load(server, SCAR_FIELD, subject="P001", destination=tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {"field.safetensors", "field.json"}
    assert capfd.readouterr() == ("", "")


CREATIONS = ["experiments/create", "runs/create", "logged-models", "runs/outputs", "model-versions/create"]


def test_a_server_whose_answers_to_creations_get_lost_holds_one_of_each(
    server, make_record, http_server, cohort, monkeypatch
):
    """All goes through a proxy that lets the first creation of each kind happen and cuts the line before the answer."""
    monkeypatch.setattr(mlflow_patience, "FIRST_PAUSE_S", 0.01)
    lost = []

    def forward(handler):
        kind = handler.path.partition("?")[0].rpartition("/mlflow/")[2]
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
        answer = requests.request(handler.command, server.uri + handler.path, data=body, headers=headers, timeout=30)
        if handler.command == "POST" and answer.ok and kind in CREATIONS and kind not in lost:
            lost.append(kind)
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(answer.status_code)
        handler.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        handler.send_header("Content-Length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)

    proxy = http_server(forward)
    target = TrackingTarget(proxy.uri.replace("ann:s3cret@", ""), cohort)
    got = record_subject(target, make_record())
    assert sorted(lost) == sorted(CREATIONS)

    client = connect(server)
    experiment = client.get_experiment_by_name(cohort).experiment_id
    (run,) = client.search_runs([experiment])
    (model,) = client.search_logged_models([experiment])
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert (got.run_id, got.model_id, got.version) == (run.info.run_id, model.model_id, int(version.version))
    assert (run.info.status, model.status, len(run.outputs.model_outputs)) == ("FINISHED", "READY", 1)


def _record(folder, record) -> int:
    return record_subject(TrackingTarget.local(folder), record).version


def test_processes_that_open_a_new_store_at_once_do_not_break_it(tmp_path, make_record):
    work = [(tmp_path / "shared", make_record(f"P00{i}")) for i in range(3)]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        versions = pool.starmap(_record, work)
    assert sorted(versions) == [1, 2, 3]
