"""An MLflow server that is down, slow or busy, or whose answers get lost: every subject is recorded once in the end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pytest

from cardioscar.errors import UnreachableError
from cardioscar.stages.recording import Recording
from tests.integration.counts import Counts
from tests.integration.fault_proxy import Answer, Delay, FaultProxy, Reset, Rule, Truncate, mlflow_error
from tests.integration.finished import SUBJECTS, Finished
from tests.integration.mlflow_server import MlflowServer
from tests.integration.published import recorded, recorded_once

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.usefixtures("endpoint")]

QUEUE_POOL = mlflow_error(400, "BAD_REQUEST", "QueuePool limit of size 5 overflow 10 reached, connection timed out")

FAULTS = {
    "QueuePool 400 to one request in ten": [Rule(QUEUE_POOL, path="/api/", probability=0.1)],
    "503 to one request in ten": [Rule(Answer(503, b"busy"), path="/api/", probability=0.1)],
    "reset before one request in ten": [Rule(Reset(), path="/api/", probability=0.1)],
    "slow: 1 s for one request in ten": [Rule(Delay(1.0), path="/api/", probability=0.1)],
    "answer of runs/create lost": [Rule(Reset(after_bytes=0), path="runs/create", times=2)],
    "answer of logged-models lost": [Rule(Reset(after_bytes=0), method="POST", path="mlflow/logged-models$", times=2)],
    "answer of model-versions/create lost": [Rule(Reset(after_bytes=0), path="model-versions/create", times=2)],
    "artifact uploads break off": [Rule(Truncate(after_bytes=0), method="PUT", path="artifacts", probability=0.3)],
}


@pytest.fixture
def proxy(mlflow_server: MlflowServer) -> Iterator[FaultProxy]:
    """A proxy before the server."""
    with FaultProxy("127.0.0.1", mlflow_server.port, seed=3) as one:
        yield one


def injected(proxy: FaultProxy) -> int:
    """Number of faults done."""
    return sum(n for what, n in proxy.counts.items() if what not in ("pass", "upstream down"))


@pytest.mark.parametrize("name", FAULTS)
def test_each_subject_is_recorded_once_whatever_the_server_does(
    name, proxy, mlflow_server, finished: Finished, tmp_path, counts: Counts
):
    experiment = f"fault-{secrets.token_hex(4)}"
    proxy.rules = FAULTS[name]
    clock = time.perf_counter()
    attempts = 0
    while True:
        attempts += 1
        try:
            finished.again(tmp_path / "out", recording=Recording(tracking=proxy.url, experiment=experiment))
            break
        except UnreachableError as error:  # allowed, in one line; the same command again goes on
            if attempts == 4 or "\n" in str(error):
                raise
    seconds = time.perf_counter() - clock
    assert injected(proxy) > 0
    recorded_once(mlflow_server.url, experiment, SUBJECTS)
    counts.add(
        "tracking fault", name, faults=injected(proxy), requests=len(proxy.requests), seconds=seconds,
        attempts=attempts, recorded_once=len(SUBJECTS),
    )  # fmt: skip


def test_a_run_created_after_its_client_has_left_is_removed_by_the_next_run(
    proxy, mlflow_server, finished: Finished, tmp_path, counts: Counts
):
    experiment = f"late-{secrets.token_hex(4)}"
    proxy.rules = [Rule(Delay(10.0), path="runs/create", times=1)]  # the client leaves after 6 s and creates another
    clock = time.perf_counter()
    finished.again(tmp_path / "out", recording=Recording(tracking=proxy.url, experiment=experiment))
    seconds = time.perf_counter() - clock
    time.sleep(max(0.0, 12.0 - seconds))  # the late one has happened by now
    finished.again(tmp_path / "out", recording=Recording(tracking=proxy.url, experiment=experiment))
    assert injected(proxy) == 1
    recorded_once(mlflow_server.url, experiment, SUBJECTS)
    counts.add(
        "tracking fault", "runs/create done after the client has left", faults=1, requests=len(proxy.requests),
        seconds=seconds, attempts=2, recorded_once=len(SUBJECTS),
    )  # fmt: skip


@pytest.mark.parametrize("after", [0, 30])
def test_a_server_that_goes_down_leaves_the_results_and_a_second_run_records_the_rest(
    after, proxy, mlflow_server, finished: Finished, tmp_path, counts: Counts
):
    experiment = f"down-{secrets.token_hex(4)}"
    proxy.rules = [Rule(Reset(), skip=after)]
    clock = time.perf_counter()
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{proxy.port}"):
        finished.again(tmp_path / "out", recording=Recording(tracking=proxy.url, experiment=experiment))
    seconds, faults = time.perf_counter() - clock, injected(proxy)
    assert seconds < 60
    published = tmp_path / "out" / "results"
    if after:
        assert all((published / subject / "report.html").is_file() for subject in SUBJECTS)
        assert (published / "cohort.html").is_file()
    else:  # asked before any work
        assert not published.exists()
    survivors = sum(
        run.info.status == "FINISHED" for runs in recorded(mlflow_server.url, experiment)[0].values() for run in runs
    )

    proxy.rules = []
    finished.again(tmp_path / "out", recording=Recording(tracking=proxy.url, experiment=experiment))
    recorded_once(mlflow_server.url, experiment, SUBJECTS)
    counts.add(
        "tracking fault", f"down after {after} requests", faults=faults, requests=len(proxy.requests), seconds=seconds,
        attempts=2, recorded_before_rerun=survivors, recorded_once=len(SUBJECTS),
    )  # fmt: skip
