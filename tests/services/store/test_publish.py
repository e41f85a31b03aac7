"""Who sees the marker sees all of a publication: after a kill at any call, beside a reader, on a store that damages."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from copy import copy
from itertools import count
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cardioscar.errors import InputError, PlatformError
from cardioscar.services.store import publish as storage_publish
from cardioscar.services.store.object_store import S3Place, Store
from tests.services.store.s3 import MIB, small_parts

WRITES = {
    "put_object",
    "delete_object",
    "delete_objects",
    "create_multipart_upload",
    "upload_part",
    "complete_multipart_upload",
    "abort_multipart_upload",
}
_numbers = count()


class Killed(Exception):  # noqa: N818
    """The process is gone."""


class Client:
    """A boto3 client that notes its calls, and dies at one of them: before it is made, or after."""

    def __init__(self, client, *, dies_at: int | None = None, after: bool = False) -> None:
        self._client, self._dies_at, self._after = client, dies_at, after
        self._lock, self.calls = threading.Lock(), []

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if not callable(found) or name in ("can_paginate", "_convert_to_request_dict"):
            return found

        def call(*arguments, **how):
            with self._lock:
                number = len(self.calls)
                self.calls.append(name)
            if self._dies_at is not None and (number > self._dies_at or (number == self._dies_at and not self._after)):
                raise Killed
            answer = found(*arguments, **how)
            if number == self._dies_at:
                if name == "get_object":
                    answer["Body"].close()
                raise Killed
            return answer

        return call


def noting(store: Store, **how) -> tuple[Store, Client]:
    """The same store through such a client, one request at a time."""
    other = copy(store)
    other.connection = copy(store.connection)
    other.connection.settings = small_parts(workers=1)
    other.connection.client = client = Client(store.connection.client, **how)
    return other, client


def make_folder(path: Path, files: dict[str, bytes]) -> Path:
    """A subject's folder whose marker names each file with its hash, as `status.json` does."""
    for name, body in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
    outputs = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    (path / "status.json").write_text(json.dumps({"number": next(_numbers), "outputs": outputs}))
    return path


def is_whole(store: Store, place: S3Place) -> bool:
    """Read as a reader does: False without a marker; with one, every file and no other must be as it says."""
    found = {entry.relative: store.read(place / entry.relative) for entry in store.files(place)}
    found.pop("publishing.json", None)  # of a process that was killed
    if "status.json" not in found:
        return False
    outputs = json.loads(found.pop("status.json"))["outputs"]
    assert {name: hashlib.sha256(body).hexdigest() for name, body in found.items()} == outputs
    return True


@pytest.fixture
def old(tmp_path) -> Path:
    return make_folder(tmp_path / "old", {"same": b"same", "changed": b"1", "gone": b"x", "figures/a.png": b"a"})


@pytest.fixture
def new(tmp_path) -> Path:
    big = os.urandom(MIB + 1)
    return make_folder(tmp_path / "new", {"same": b"same", "changed": b"2", "figures/b.png": b"b", "big": big})


def test_a_folder_arrives_whole_and_its_marker_is_written_last(s3, bucket, new):
    store, client = noting(s3)
    report = store.publish(new, bucket / "r/P001")
    assert is_whole(s3, bucket / "r/P001")
    assert report.uploaded[-1] == "status.json"
    assert sorted(report.uploaded) == ["big", "changed", "figures/b.png", "same", "status.json"]
    assert report.uploaded_bytes == sum(path.stat().st_size for path in new.rglob("*") if path.is_file())
    # then the claim to the place is taken back
    assert [call for call in client.calls if call in WRITES][-2:] == ["put_object", "delete_objects"]
    assert sorted(entry.relative for entry in s3.files(bucket / "r/P001")) == sorted(report.uploaded)
    assert "complete_multipart_upload" in client.calls


def test_a_publication_that_is_there_is_not_written_again(s3, bucket, new):
    s3.publish(new, bucket / "r")
    store, client = noting(s3)
    report = store.publish(new, bucket / "r")
    assert [call for call in client.calls if call in WRITES] == []
    assert (report.uploaded, report.deleted, report.uploaded_bytes) == ((), (), 0)
    assert len(report.unchanged) == 5


def test_only_what_differs_is_written_and_what_is_left_over_goes(s3, bucket, old, new):
    s3.publish(old, bucket / "r")
    report = s3.publish(new, bucket / "r")
    assert sorted(report.uploaded) == ["big", "changed", "figures/b.png", "status.json"]
    assert report.deleted == ("figures/a.png", "gone")
    assert report.unchanged == ("same",)
    assert is_whole(s3, bucket / "r")


def test_a_marker_that_alone_differs_is_replaced_in_one_step(s3, bucket, old):
    s3.publish(old, bucket / "r")
    status = json.loads((old / "status.json").read_text())
    (old / "status.json").write_text(json.dumps(status | {"seconds": 2}))
    store, client = noting(s3)
    assert store.publish(old, bucket / "r").uploaded == ("status.json",)
    assert [call for call in client.calls if call in WRITES] == ["put_object"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_call_it_leaves_a_whole_publication_or_no_marker(s3, bucket, old, new, after):
    store, client = noting(s3)
    s3.publish(old, bucket / "count")
    store.publish(new, bucket / "count")
    calls, outcomes = len(client.calls), []
    assert calls > 15
    for number in range(calls):
        place = bucket / f"r{number}"
        s3.publish(old, place)
        store, _ = noting(s3, dies_at=number, after=after)
        with pytest.raises(Killed):
            store.publish(new, place)
        outcomes.append(is_whole(s3, place))
        s3.publish(new, place)
        assert is_whole(s3, place)
        assert s3.read(place / "status.json") == (new / "status.json").read_bytes()
        assert not s3.exists(place / "publishing.json")
        assert "Uploads" not in s3.connection.client.list_multipart_uploads(Bucket=bucket.bucket)
    assert outcomes.count(False) > 10
    assert outcomes[0]


def test_a_reader_beside_ten_publications_never_sees_a_mixture(s3, bucket, tmp_path):
    place, stop, seen, wrong = bucket / "r", threading.Event(), [], []

    def read_on() -> None:
        reader = Store(small_parts())
        while not stop.is_set():
            # a marker seen before and after vouches for what was read in between
            marker = reader.read_many([place / "status.json"])[place / "status.json"]
            found = reader.read_many([place / "a", place / "b"])
            again = reader.read_many([place / "status.json"])[place / "status.json"]
            if marker is None or marker != again:
                continue
            outputs = json.loads(marker)["outputs"]
            bodies = {name: found[place / name] or b"" for name in ("a", "b")}
            seen.append(marker)
            if {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()} != outputs:
                wrong.append(marker)

    thread = threading.Thread(target=read_on)
    thread.start()
    for number in range(10):
        s3.publish(make_folder(tmp_path / str(number), {"a": os.urandom(999), "b": os.urandom(99)}), place)
        for _ in range(200):
            if seen and seen[-1] == (tmp_path / str(number) / "status.json").read_bytes():
                break
            stop.wait(0.01)
    stop.set()
    thread.join()
    assert len(set(seen)) == 10
    assert wrong == []


def test_what_a_killed_process_left_is_trusted_only_after_it_was_read(s3, bucket, old):
    s3.publish(old, bucket / "r")
    sha256 = hashlib.sha256(b"same").hexdigest()
    client = s3.connection.client
    client.put_object(Bucket=bucket.bucket, Key="r/same", Body=b"SAME", Metadata={"sha256": sha256})
    client.delete_object(Bucket=bucket.bucket, Key="r/status.json")
    assert s3.publish(old, bucket / "r").uploaded == ("same", "status.json")
    assert is_whole(s3, bucket / "r")


@pytest.mark.parametrize("name", ["same", "figures/b.png", "big", "status.json"])
def test_bytes_that_were_changed_under_their_recorded_hash_are_sent_again(s3, bucket, new, name):
    """The size and what was recorded are as they were; only the store's own name of the bytes tells."""
    s3.publish(new, bucket / "r")
    data = (new / name).read_bytes()
    changed = bytes([data[0] ^ 1]) + data[1:]
    recorded = {"sha256": hashlib.sha256(data).hexdigest()}
    s3.connection.client.put_object(Bucket=bucket.bucket, Key=f"r/{name}", Body=changed, Metadata=recorded)
    report = s3.publish(new, bucket / "r")
    assert name in report.uploaded
    assert is_whole(s3, bucket / "r")
    assert s3.publish(new, bucket / "r").uploaded == ()


def test_a_store_that_names_bytes_in_another_way_is_read(s3, bucket, new, monkeypatch):
    from dataclasses import replace

    from cardioscar.services.store import publish as storage_publish

    s3.publish(new, bucket / "r")
    listed = storage_publish.list_files
    monkeypatch.setattr(
        storage_publish, "list_files",
        lambda *of: [replace(entry, etag=f"{number:032x}") for number, entry in enumerate(listed(*of))],
    )  # fmt: skip
    store, client = noting(s3)
    assert store.publish(new, bucket / "r").uploaded == ()
    assert client.calls.count("get_object") == 5


def test_objects_that_may_not_be_removed_stay(s3, bucket, old, new):
    s3.publish(old, bucket / "r")
    s3.write(bucket / "r/mine", b"mine")
    report = s3.publish(new, bucket / "r", removable=lambda name: name != "mine")
    assert report.deleted == ("figures/a.png", "gone")
    assert s3.read(bucket / "r/mine") == b"mine"
    assert s3.publish(new, bucket / "r", removable=lambda name: name != "mine").uploaded == ()
    assert s3.publish(new, bucket / "r").deleted == ("mine",)


def test_bytes_that_are_damaged_in_the_store_are_sent_again(s3, bucket, old, monkeypatch):
    client, damaged = s3.connection.client, []
    put = client.put_object

    def damage_once(*, Body, Key, ContentMD5, **how):
        if Key not in damaged:
            damaged.append(Key)
            return put(Body=b"?", Key=Key, **how)
        return put(Body=Body, Key=Key, ContentMD5=ContentMD5, **how)

    monkeypatch.setattr(client, "put_object", damage_once)
    s3.publish(old, bucket / "r")
    assert len(damaged) == 6  # the claim to the place too
    assert is_whole(s3, bucket / "r")


@pytest.mark.parametrize("name", ["same", "status.json"])
def test_a_store_that_always_damages_gets_no_marker(s3, bucket, old, monkeypatch, name):
    put = s3.connection.client.put_object

    def damage(*, Body, Key, ContentMD5, **how):
        return put(Body=b"?" if Key.endswith(name) else Body, Key=Key, **how)

    monkeypatch.setattr(s3.connection.client, "put_object", damage)
    with pytest.raises(PlatformError, match=rf"r/{name} at 127.0.0.1:\d+: the bytes that come back differ"):
        s3.publish(old, bucket / "r")
    assert not s3.exists(bucket / "r/status.json")


def test_parts_are_taken_back_when_an_upload_fails(s3, bucket, new, monkeypatch):
    def fail(**how):
        raise Killed

    monkeypatch.setattr(s3.connection.client, "complete_multipart_upload", fail)
    with pytest.raises(Killed):
        s3.publish(new, bucket / "r")
    assert "Uploads" not in s3.connection.client.list_multipart_uploads(Bucket=bucket.bucket)


@pytest.mark.parametrize("foreign", ["r/same", "r/extra"])
@pytest.mark.parametrize("goes_on", [False, True])
def test_another_writer_is_noticed(s3, bucket, old, monkeypatch, foreign, goes_on):
    """One that claims nothing: what it wrote once is mended, and while it goes on nothing is shown."""
    real = storage_publish.list_files
    listings = []

    def interfere_before_the_third_listing(*arguments):
        listings.append(1)
        if len(listings) == 3 or (goes_on and len(listings) > 3):
            s3.connection.client.put_object(Bucket=bucket.bucket, Key=foreign, Body=b"?")
        return real(*arguments)

    monkeypatch.setattr(storage_publish, "list_files", interfere_before_the_third_listing)
    if goes_on:
        with pytest.raises(PlatformError, match="another process writes to the same place"):
            s3.publish(old, bucket / "r")
        assert not s3.exists(bucket / "r/status.json")
    else:
        s3.publish(old, bucket / "r")
        assert is_whole(s3, bucket / "r")


class Paused:
    """A client that waits before one of its writes until it is let go on."""

    def __init__(self, client, number: int) -> None:
        self._client, self._number, self._writes = client, number, count()
        self.waits, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name not in WRITES:
            return found

        def call(*arguments, **how):
            if next(self._writes) == self._number:
                self.waits.set()
                self.go_on.wait(30)
            return found(*arguments, **how)

        return call


class Unconditional:
    """A client of a store that does not heed conditions, or says that it does not know them."""

    def __init__(self, client, *, says_so: bool) -> None:
        self._client, self._says_so = client, says_so

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name != "put_object":
            return found

        def call(**how):
            conditions = [how.pop(condition, None) for condition in ("IfMatch", "IfNoneMatch")]
            if any(conditions) and self._says_so:
                raise ClientError({"Error": {"Code": "NotImplemented"}, "ResponseMetadata": {}}, "PutObject")
            return found(**how)

        return call


class Bare:
    """A client of a store that compares `If-Match` with the name of the bytes as it stands, as Ceph 16 does."""

    def __init__(self, client) -> None:
        self._client = client

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name != "put_object":
            return found

        def call(**how):
            named = how.pop("IfMatch", None)
            if named is not None and named.startswith('"'):
                error = {"Error": {"Code": "PreconditionFailed"}, "ResponseMetadata": {"HTTPStatusCode": 412}}
                raise ClientError(error, "PutObject")
            return found(**how, **({"IfMatch": f'"{named}"'} if named is not None else {}))

        return call


def test_a_store_that_wants_names_of_bytes_without_quotes_gets_them(s3, bucket, tmp_path):
    store = copy(s3)
    store.connection = copy(s3.connection)
    store.connection.client = Bare(s3.connection.client)
    place = bucket / "P001"
    store.publish(make_folder(tmp_path / "older", {"a": b"older", "b": b"same"}), place)
    newer = make_folder(tmp_path / "newer", {"a": b"newer", "b": b"same"})
    assert store.publish(newer, place).uploaded == ("a", "status.json")
    assert store.connection.knows_conditions
    assert not store.connection.quotes_etags
    assert store.read(place / "a") == b"newer"


STORES = {
    "bare": Bare,
    "conditional": lambda client: client,
    "silent": lambda client: Unconditional(client, says_so=False),
    "honest": lambda client: Unconditional(client, says_so=True),
}


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("before", ["nothing", "an older one"])
def test_a_slow_publisher_and_its_successor_do_not_mix(s3, bucket, tmp_path, kind, before):
    """The slow one is stopped before each of its writes in turn, the other publishes meanwhile."""
    slow = make_folder(tmp_path / "slow", {"a": b"slow", "b": b"slow", "same": b"s", "left/c": b"slow"})
    quick = make_folder(tmp_path / "quick", {"a": b"quick", "b": b"quick", "same": b"s", "d": b"quick"})
    older = make_folder(tmp_path / "older", {"a": b"older", "b": b"quick", "same": b"s"})
    store, client = noting(s3)
    if before != "nothing":
        s3.publish(older, bucket / "count")
    store.publish(slow, bucket / "count")
    writes = sum(call in WRITES for call in client.calls)
    assert writes > 6
    ends = []
    for number in range(writes):
        place = bucket / f"r{number}"
        if before != "nothing":
            s3.publish(older, place)
        stopped, other = noting(s3)[0], noting(s3)[0]
        for one in (stopped, other):
            one.connection.client = STORES[kind](s3.connection.client)
            one.connection.knows_conditions = True
        stopped.connection.client = paused = Paused(stopped.connection.client, number)
        outcome = []

        def publish(stopped=stopped, place=place, outcome=outcome):
            try:
                stopped.publish(slow, place)
                outcome.append("shown")
            except PlatformError as error:
                outcome.append(str(error))

        thread = threading.Thread(target=publish)
        thread.start()
        assert paused.waits.wait(30)
        other.publish(quick, place)
        assert s3.read(place / "status.json") == (quick / "status.json").read_bytes()
        paused.go_on.set()
        thread.join()
        whole = is_whole(s3, place)  # fails where the marker of one stands over files of the other
        if outcome == ["shown"]:
            assert whole
            # it was done but for its claim when the other began, or found the place without any and went on
            ends_with = s3.read(place / "status.json")
            last = [slow, quick] if number == writes - 1 else [slow]
            assert ends_with in [(one / "status.json").read_bytes() for one in last]
        else:
            assert "another process writes to the same place" in outcome[0]
        ends.append((outcome == ["shown"], whole))
        other.publish(quick, place)
        assert is_whole(s3, place)
        assert s3.read(place / "status.json") == (quick / "status.json").read_bytes()
    assert (True, True) in ends  # it claims the place last
    assert any(not shown for shown, _ in ends)
    if kind == "conditional" and before == "nothing":
        assert all(whole for _, whole in ends)  # the loser has overwritten nothing


def test_two_that_publish_at_once_end_with_one_of_both(s3, bucket, tmp_path):
    for number in range(6):
        folders = [make_folder(tmp_path / f"{w}{number}", {n: w.encode() for n in "abcdef"}) for w in "xy"]
        outcomes = []

        def publish(folder, place=bucket / f"r{number}", outcomes=outcomes):
            try:
                Store(small_parts()).publish(folder, place)
                outcomes.append("shown")
            except PlatformError as error:
                outcomes.append(str(error))

        threads = [threading.Thread(target=publish, args=(folder,)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(text == "shown" or "another process writes to the same place" in text for text in outcomes)
        assert "shown" in outcomes
        assert is_whole(s3, bucket / f"r{number}")


def test_a_claim_that_one_who_ended_took_away_is_made_again(s3, bucket, old, new):
    """Looking at a claim and removing it are two steps: a second one claims between them, and is left with nothing."""
    place = bucket / "r"
    s3.publish(old, place)
    store, _ = noting(s3)
    real, gone = store.connection.client._client, []

    class Late:
        """The first one's removal of its claim, which comes when the second has taken the marker away."""

        def __getattr__(self, name):
            found = getattr(real, name)
            if name not in ("delete_objects", "delete_object"):
                return found

            def call(**how):
                answer = found(**how)
                if not gone:
                    gone.append(name)
                    assert s3.read(place / "publishing.json")
                    storage_publish.storage_claim.clear(s3.connection, place)
                return answer

            return call

    store.connection.client = Late()
    report = store.publish(new, place)
    assert gone
    assert report.uploaded[-1] == "status.json"
    assert is_whole(s3, place)
    assert s3.read(place / "status.json") == (new / "status.json").read_bytes()
    assert "publishing.json" not in {entry.relative for entry in s3.files(place)}


def test_a_store_that_lists_other_etags_is_believed_by_its_bytes(s3, bucket, old, new, monkeypatch):
    from dataclasses import replace

    real = storage_publish.list_files
    monkeypatch.setattr(storage_publish, "list_files", lambda *a: [replace(e, etag="listed") for e in real(*a)])
    s3.publish(old, bucket / "r")
    s3.publish(new, bucket / "r")
    assert is_whole(s3, bucket / "r")


def test_a_file_that_differs_from_its_recorded_hash_is_not_published(s3, bucket, old):
    with pytest.raises(InputError, match="same: expected the bytes whose sha256 was recorded, found others"):
        s3.publish(old, bucket / "r", hashes={"same": "0" * 64})
    with pytest.raises(InputError, match="scar.vtu: expected a file to publish, found none"):
        s3.publish(old, bucket / "r", hashes={"scar.vtu": "0" * 64})
    assert s3.files(bucket / "r") == []


def test_a_folder_without_marker_is_not_published(s3, bucket, old):
    (old / "status.json").unlink()
    with pytest.raises(InputError, match="status.json: expected a file to publish, found none"):
        s3.publish(old, bucket / "r")


def test_hidden_files_stay_and_another_marker_serves_as_well(s3, bucket, old):
    (old / ".partial-x").write_text("")
    (old / "figures" / ".hidden").write_text("")
    assert s3.publish(old, bucket / "r", marker="same").uploaded[-1] == "same"
    assert len(s3.files(bucket / "r")) == 5


def test_files_from_several_folders_are_published_by_name(s3, bucket, old, new):
    files = {"status.json": old / "status.json", "figures/c.png": new / "figures" / "b.png"}
    s3.publish(files, bucket / "r")
    assert [entry.relative for entry in s3.files(bucket / "r")] == ["figures/c.png", "status.json"]


def test_what_others_write_beside_is_kept(s3, bucket, old, new):
    s3.publish(old, bucket / "r")
    s3.write(bucket / "r/run.json", b"{}")
    store, client = noting(s3)
    assert store.publish(old, bucket / "r", keep=["run.json"]).uploaded == ()
    assert [call for call in client.calls if call in WRITES] == []
    s3.publish(new, bucket / "r", keep=["run.json"])
    assert s3.read(bucket / "r/run.json") == b"{}"


def test_the_publications_of_others_are_never_taken_for_left_over(s3, bucket, old):
    s3.publish(old, bucket / "results/P001")
    for place in (bucket / "results", bucket):
        with pytest.raises(InputError, match="a prefix of its own for each publication"):
            s3.publish(old, place)
    assert is_whole(s3, bucket / "results/P001")


def test_a_file_that_vanishes_is_the_platforms_fault(s3, bucket, old):
    with pytest.raises(PlatformError, match="a: could not be read") as caught:
        s3.publish({"a": old / "none", "status.json": old / "status.json"}, bucket / "r")
    assert str(old) not in str(caught.value)


def test_a_versioned_bucket_shows_the_same(s3, bucket, old, new):
    s3.connection.client.put_bucket_versioning(Bucket=bucket.bucket, VersioningConfiguration={"Status": "Enabled"})
    for folder in (old, new, old):
        s3.publish(folder, bucket / "r")
        assert is_whole(s3, bucket / "r")
