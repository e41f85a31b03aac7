"""A store that fails in all the ways of stores, in the middle of a cohort: results are whole, or absent and said so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from cardioscar.errors import PlatformError, UnreachableError
from cardioscar.stages.recording import Recording
from tests.integration.ceph import Ceph
from tests.integration.counts import Counts
from tests.integration.fault_proxy import Corrupt, FaultProxy, Reset, Rule, Stall, Truncate, s3_error
from tests.integration.finished import SUBJECTS, Finished
from tests.integration.published import complete, rows

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FAULTS = {
    "503 to one request in four": [Rule(s3_error(503, "ServiceUnavailable"), probability=0.25)],
    "503 SlowDown to five requests": [Rule(s3_error(503, "SlowDown"), skip=10, times=5)],
    "500 to one request in four": [Rule(s3_error(500, "InternalError"), probability=0.25)],
    "reset before one request in four": [Rule(Reset(), probability=0.25)],
    "reset in the answer's body": [Rule(Reset(after_bytes=700), method="GET", probability=0.3)],
    "body truncated": [Rule(Truncate(after_bytes=700), method="GET", probability=0.3)],
    "stall before the answer": [Rule(Stall(4.0), method="PUT", skip=2, times=2)],
    "stall in the body": [Rule(Stall(4.0, after_bytes=700), method="GET", path="lge", times=2)],
    "bit flipped on the way up": [Rule(Corrupt("request"), method="PUT", times=6)],
    "bit flipped on the way down": [Rule(Corrupt("answer"), method="GET", path="nii.gz|mesh", times=4)],
}


@pytest.fixture
def proxy(ceph: Ceph, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy before the store, which this process takes for the store; stalls are noticed after 2 s."""
    with FaultProxy("127.0.0.1", ceph.port, seed=7) as one:
        for name, value in ceph.environment(one.port).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CARDIOSCAR_S3_READ_TIMEOUT_S", "2")
        yield one


def injected(proxy: FaultProxy) -> int:
    """Number of faults done."""
    return sum(n for what, n in proxy.counts.items() if what not in ("pass", "upstream down"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_costs_time_and_nothing_else(
    name, proxy, ceph, finished: Finished, tmp_path, counts: Counts
):
    bucket = ceph.bucket()
    proxy.rules = FAULTS[name]
    clock = time.perf_counter()
    finished.again(tmp_path / "out", recording=Recording(f"s3://{bucket}/results"))
    seconds = time.perf_counter() - clock
    faults = injected(proxy)
    assert faults > 0
    complete(ceph, bucket, "results", SUBJECTS)
    counts.add(
        "store fault",
        name,
        faults=faults,
        requests=len(proxy.requests),
        seconds=seconds,
        complete=len(SUBJECTS),
        lost=0,
    )


@pytest.mark.parametrize("after", [3, 20, 30])
def test_a_store_that_stops_writing_ends_the_run_and_a_second_run_completes_it(
    after, proxy, ceph, finished: Finished, tmp_path, monkeypatch, counts: Counts
):
    monkeypatch.setenv("CARDIOSCAR_S3_PATIENCE_S", "3")
    monkeypatch.setenv("CARDIOSCAR_S3_ATTEMPTS", "2")
    bucket = ceph.bucket()
    proxy.rules = [Rule(s3_error(503, "SlowDown"), method="PUT", skip=after)]
    clock = time.perf_counter()
    with pytest.raises((UnreachableError, PlatformError), match="503|SlowDown") as failure:
        finished.again(tmp_path / "out", recording=Recording(f"s3://{bucket}/results"))
    assert "\n" not in str(failure.value)
    seconds, faults, requests = time.perf_counter() - clock, injected(proxy), len(proxy.requests)
    survivors = rows(ceph, bucket, "results")  # what has a marker is whole

    proxy.rules = []
    finished.again(tmp_path / "out", recording=Recording(f"s3://{bucket}/results"))
    complete(ceph, bucket, "results", SUBJECTS)
    counts.add(
        "store fault", f"no more writes after {after}", faults=faults, requests=requests, seconds=seconds,
        complete=len(survivors), lost=0, after_rerun=len(SUBJECTS),
    )  # fmt: skip


@pytest.mark.parametrize("patience_s", [2, 120])
def test_a_store_killed_in_the_middle_of_a_cohort_is_waited_for_or_named(
    patience_s, proxy, ceph, finished: Finished, tmp_path, monkeypatch, counts: Counts
):
    monkeypatch.setenv("CARDIOSCAR_S3_PATIENCE_S", str(patience_s))
    bucket, killed = ceph.bucket(), threading.Event()

    def kill_after_first_subject() -> None:
        while not any(method == "PUT" and path.endswith("/status.json") for method, path in list(proxy.requests)):
            time.sleep(0.005)
        ceph.kill()
        killed.set()
        if patience_s > 60:
            ceph.start()

    # daemon: a test that fails before the first marker must not wait for it
    killer = threading.Thread(target=kill_after_first_subject, daemon=True)
    killer.start()
    clock = time.perf_counter()
    try:
        if patience_s > 60:
            finished.again(tmp_path / "out", recording=Recording(f"s3://{bucket}/results"))
        else:
            with pytest.raises(UnreachableError, match=str(proxy.port)):
                finished.again(tmp_path / "out", recording=Recording(f"s3://{bucket}/results"))
        seconds = time.perf_counter() - clock
        assert killed.is_set()
    finally:
        killer.join(timeout=120)
        if patience_s <= 60:
            ceph.start()
    down, requests = proxy.counts["upstream down"], len(proxy.requests)
    survivors = rows(ceph, bucket, "results")
    if patience_s <= 60:
        finished.again(tmp_path / "out", recording=Recording(f"s3://{bucket}/results"))
    complete(ceph, bucket, "results", SUBJECTS)
    counts.add(
        "store fault", f"killed, patience {patience_s} s", faults=down, requests=requests, seconds=seconds,
        complete=len(survivors), lost=0, after_rerun=len(SUBJECTS),
    )  # fmt: skip
