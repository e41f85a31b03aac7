"""A store behind a bad network: whatever breaks on the way, everything arrives, once and whole."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from cardioscar.errors import PlatformError
from cardioscar.services.store.object_store import S3Place, Store
from tests.integration.fault_proxy import (
    Answer,
    Corrupt,
    Delay,
    Fault,
    FaultProxy,
    Reset,
    Rule,
    Stall,
    Truncate,
    s3_error,
)
from tests.services.store.s3 import MIB, download, point_at, small_parts

FILES = 40


@pytest.fixture
def proxy(s3_endpoint, bucket) -> Iterator[FaultProxy]:
    """The emulator behind a proxy, which the environment names."""
    with FaultProxy("127.0.0.1", int(s3_endpoint.rpartition(":")[2])) as proxy:
        point_at(proxy.url)
        yield proxy


@pytest.fixture
def folder(tmp_path) -> dict[str, bytes]:
    """Forty files of up to 40 kB, one of 6 MiB, and their marker, in `tmp_path/in`."""
    files = {f"part{i % 3}/f{i:02d}.bin": os.urandom(i * 1000 + 1) for i in range(FILES)}
    files |= {"big.bin": os.urandom(6 * MIB), "status.json": b"{}"}
    for name, body in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(body)
    return files


def there_and_back(store: Store, place: S3Place, tmp_path, folder: dict[str, bytes]) -> None:
    """Publish, publish again, list, read and download; all must be as it was sent."""
    store.publish(tmp_path / "in", place)
    assert store.publish(tmp_path / "in", place).uploaded == ()
    assert {entry.relative: entry.size for entry in store.files(place)} == {n: len(b) for n, b in folder.items()}
    assert store.read(place / "part0/f03.bin") == folder["part0/f03.bin"]
    paths = download(store, place, tmp_path / "out")
    assert {path.relative_to(tmp_path / "out").as_posix(): path.read_bytes() for path in paths} == folder


@pytest.mark.parametrize(
    "fault",
    [
        s3_error(500, "InternalError"),
        s3_error(503, "ServiceUnavailable"),
        Answer(502, b"<html>Bad gateway", "text/html"),
        Reset(),
        Reset(after_bytes=500),
        Truncate(after_bytes=500),
        Corrupt("request"),
    ],
    ids=lambda fault: f"{fault} {getattr(fault, 'after_bytes', None) or ''}".strip(),
)
def test_one_request_in_five_fails_and_everything_arrives(proxy, bucket, folder, tmp_path, fault: Fault):
    methods = {"Corrupt request": "PUT", "Truncate": "GET", "Reset in body": "GET"}
    proxy.rules = [Rule(fault, method=methods.get(str(fault), ""), probability=0.2)]
    there_and_back(Store(small_parts()), bucket / "r/P001", tmp_path, folder)
    assert proxy.counts[str(fault)] >= 3


@pytest.mark.parametrize("code", ["BadDigest", "XAmzContentSHA256Mismatch"])
def test_a_body_that_the_store_finds_damaged_is_sent_again(proxy, bucket, folder, tmp_path, code):
    proxy.rules = [Rule(s3_error(400, code), method="PUT", times=3)]
    there_and_back(Store(small_parts()), bucket / "r/P001", tmp_path, folder)
    assert proxy.counts["Answer 400"] == 3


def test_stalls_end_by_the_read_timeout_and_everything_arrives(proxy, bucket, folder, tmp_path):
    proxy.rules = [
        Rule(Stall(3), skip=1, probability=0.04),
        Rule(Stall(3, after_bytes=300), method="GET", probability=0.04),
    ]
    there_and_back(Store(small_parts(read_timeout_s=0.5)), bucket / "r/P001", tmp_path, folder)
    assert proxy.counts["Stall"] + proxy.counts["Stall in body"] >= 6


def test_busy_answers_slow_the_client_down_and_everything_arrives(proxy, bucket, folder, tmp_path):
    proxy.rules = [Rule(s3_error(503, "SlowDown"), skip=60, times=3)]
    there_and_back(Store(small_parts()), bucket / "r/P001", tmp_path, folder)
    assert proxy.counts["Answer 503"] == 3


def test_all_kinds_at_once(proxy, bucket, folder, tmp_path):
    faults = [s3_error(500, "InternalError"), Reset(), Reset(100), Truncate(100), Delay(0.1), Stall(2)]
    proxy.rules = [Rule(fault, probability=0.05, skip=1) for fault in faults]
    there_and_back(Store(small_parts(read_timeout_s=0.7)), bucket / "r/P001", tmp_path, folder)
    assert all(proxy.counts[str(fault)] >= 1 for fault in faults)


@pytest.mark.parametrize("fault", [Reset(after_bytes=40), Truncate(after_bytes=40)], ids=["reset", "truncated"])
def test_the_answer_that_there_is_nothing_may_break_off_too(proxy, bucket, fault):
    store = Store.connect()
    store.files(bucket / "any")
    proxy.rules = [Rule(fault, method="GET", path="absent", times=2)]
    assert store.read_many([bucket / "absent"]) == {bucket / "absent": None}
    assert proxy.counts.total() > proxy.counts["pass"]


def test_an_interrupted_download_goes_on_where_it_stopped(proxy, bucket, folder, tmp_path):
    store = Store(small_parts())
    store.publish(tmp_path / "in", bucket / "r")
    proxy.rules = [Rule(Reset(after_bytes=2 * MIB), method="GET", path="big", times=2)]
    answers = []
    real = store.connection.client.get_object
    store.connection.client.get_object = lambda **how: (answers.append(how), real(**how))[1]
    assert store.read(bucket / "r/big.bin") == folder["big.bin"]
    assert [how.get("Range") is None for how in answers] == [True, False, False]
    assert all(int(how["Range"][6:-1]) >= MIB for how in answers[1:])


def test_an_object_that_is_replaced_while_it_is_read_is_not_joined_from_two(proxy, bucket, folder, tmp_path):
    store = Store(small_parts())
    store.write(bucket / "a", b"1" * 500_000)
    direct = store.connection.client.put_object
    real = store.connection.client.get_object

    def replace_then_get(**how):
        if "Range" in how:
            direct(Bucket=bucket.bucket, Key="a", Body=b"2" * 500_000)
        return real(**how)

    store.connection.client.get_object = replace_then_get
    proxy.rules = [Rule(Truncate(after_bytes=100_000), method="GET", times=1)]
    with pytest.raises(PlatformError, match="was replaced meanwhile"):
        store.read(bucket / "a")


def test_a_damaged_answer_is_read_again(proxy, bucket, folder, tmp_path):
    store = Store(small_parts())
    store.publish(tmp_path / "in", bucket / "r")
    proxy.rules = [Rule(Corrupt("answer"), method="GET", path=r"f\d\d", probability=0.1)]
    download(store, bucket / "r", tmp_path / "out")
    assert proxy.counts["Corrupt answer"] >= 2
    for name, body in folder.items():
        assert (tmp_path / "out" / name).read_bytes() == body


def test_a_store_that_is_away_for_a_while_is_waited_for(proxy, bucket, folder, tmp_path):
    store = Store(small_parts())
    store.write(bucket / "warm", b"")
    upstream, proxy.upstream = proxy.upstream, ("127.0.0.1", 9)

    def come_back() -> None:
        time.sleep(4)
        proxy.upstream = upstream

    threading.Thread(target=come_back, daemon=True).start()
    started = time.monotonic()
    store.publish(tmp_path / "in", bucket / "r")
    assert time.monotonic() - started > 3.5
    assert proxy.counts["upstream down"] > 5
    assert len(store.files(bucket / "r")) == len(folder)


def test_a_deletion_that_is_carried_out_late_leaves_no_mixture(proxy, bucket, folder, tmp_path):
    """The client gives up waiting, repeats and goes on; then the first deletion of the marker is carried out."""
    store = Store(small_parts(read_timeout_s=0.3))
    store.publish(tmp_path / "in", bucket / "r")
    (tmp_path / "in" / "part0" / "f00.bin").write_bytes(b"new")
    (tmp_path / "in" / "status.json").write_bytes(b'{"new": 1}')
    proxy.rules = [Rule(Delay(1.5), method="POST", path="delete", times=1)]
    started = time.monotonic()
    store.publish(tmp_path / "in", bucket / "r")
    time.sleep(max(0.0, 2.0 - (time.monotonic() - started)))
    assert proxy.counts["Delay"] == 1
    # the marker may be lost that way, which a repetition mends; it never vouches for other files
    store.publish(tmp_path / "in", bucket / "r")
    assert store.read(bucket / "r/status.json") == b'{"new": 1}'
    assert store.read(bucket / "r/part0/f00.bin") == b"new"
