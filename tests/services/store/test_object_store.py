"""Listing, reading, writing, downloading and erasing in a store."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from cardioscar.errors import InputError, PlatformError
from cardioscar.services.store import erase as storage_erase
from cardioscar.services.store import object_io as s3_object
from cardioscar.services.store.object_store import S3Place, Store
from tests.services.store.s3 import EMULATED, MIB, download, fill


def put(store: Store, place: S3Place, key: str, body: bytes = b"x", **metadata: str) -> None:
    """An object as somebody else wrote it, with any key."""
    store.connection.client.put_object(Bucket=place.bucket, Key=key, Body=body, Metadata=metadata)


def test_what_was_written_is_read_with_its_hash_beside_it(s3, bucket):
    s3.write(bucket / "a/b.json", b"{}")
    assert s3.read(bucket / "a/b.json") == b"{}"
    head = s3.connection.client.head_object(Bucket=bucket.bucket, Key="a/b.json")
    assert head["Metadata"]["sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert head["ContentType"] == "application/json"


def test_an_empty_object_is_one(s3, bucket, tmp_path):
    s3.write(bucket / "empty", b"")
    assert s3.read(bucket / "empty") == b""
    assert s3.download_file(bucket / "empty", tmp_path / "deep" / "empty").read_bytes() == b""


def test_a_missing_object_is_an_input_error_that_says_where(s3, bucket, tmp_path):
    with pytest.raises(InputError, match=rf"{bucket}/no: expected an object at 127.0.0.1:\d+, found none"):
        s3.read(bucket / "no")
    with pytest.raises(InputError, match="found none"):
        s3.download_file(bucket / "no", tmp_path / "no")
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_no_object(s3, bucket, tmp_path):
    """SeaweedFS 4.34 answers GET on the prefix of other keys with 200 and an empty body."""
    client = s3.connection.client
    s3.write(bucket / "c/trial/P001/status.json", b"{}")
    put(s3, bucket, "c/marked/", b"")  # what consoles make to show a folder
    bodies = [client.get_object(Bucket=bucket.bucket, Key=key)["Body"].read() for key in ("c/trial", "c/marked")]
    assert bodies == [b"", b""]
    for key in ("c", "c/trial", "c/trial/P001", "c/marked"):
        assert s3.read_many([bucket / key]) == {bucket / key: None}
        with pytest.raises(InputError, match=f"{bucket}/{key}: expected an object at .*, found none"):
            s3.read(bucket / key)
        with pytest.raises(InputError, match="found none"):
            s3.download_file(bucket / key, tmp_path / "file")
        assert not s3.exists(bucket / key)
        assert s3_object.recorded_sha256(s3.connection, bucket / key) is None
        assert s3_object.verified_etag(s3.connection, bucket / key, hashlib.sha256(b"").hexdigest()) is None
    assert list(tmp_path.iterdir()) == []


def test_an_empty_object_of_a_stranger_is_one(s3, bucket, tmp_path):
    put(s3, bucket, "c/empty", b"")
    assert s3.read_many([bucket / "c/empty"]) == {bucket / "c/empty": b""}
    assert s3.download_file(bucket / "c/empty", tmp_path / "empty").read_bytes() == b""


def test_existence_is_that_of_the_very_key(s3, bucket):
    s3.write(bucket / "P001/status.json", b"{}")
    found = [s3.exists(bucket / key) for key in ("P001/status.json", "P001", "P001/status", "P002")]
    assert found == [True, False, False, False]


@EMULATED
def test_more_than_a_page_of_objects_is_listed_in_order_and_erased(s3, bucket):
    keys = [f"many/{i:04d}" for i in range(1203)]
    fill(bucket, [*keys, "many2/other"])
    assert [entry.key for entry in s3.files(bucket / "many")] == keys
    assert [entry.relative for entry in s3.files(bucket / "many")][:2] == ["0000", "0001"]
    assert s3.delete(bucket / "many") == 1203
    assert [entry.key for entry in s3.files(bucket)] == ["many2/other"]


@EMULATED
def test_more_than_a_page_of_folders_is_listed(s3, bucket):
    fill(bucket, ["cohort/cohort.csv", *(f"cohort/P{i:04d}/image.nii.gz" for i in range(1010))])
    assert s3.folders(bucket / "cohort") == [f"P{i:04d}" for i in range(1010)]


def test_an_entry_says_what_the_store_knows(s3, bucket):
    s3.write(bucket / "c/P001/a.bin", b"abc")
    (entry,) = s3.files(bucket / "c")
    assert (entry.key, entry.relative, entry.size) == ("c/P001/a.bin", "P001/a.bin", 3)
    assert entry.etag == hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
    assert entry.modified.tzinfo is not None


def test_empty_objects_that_stand_for_folders_are_no_files(s3, bucket):
    for key in ("cohort/", "cohort/P001/", "cohort/P001/a"):
        put(s3, bucket, key, b"x" if key.endswith("a") else b"")
    assert [entry.relative for entry in s3.files(bucket / "cohort")] == ["P001/a"]
    assert s3.folders(bucket / "cohort") == ["P001"]


def test_many_small_objects_are_read_at_once_and_missing_ones_are_none(s3, bucket):
    places = [bucket / f"P{i:03d}/status.json" for i in range(40)]
    for place in places[::2]:
        s3.write(place, str(place).encode())
    found = s3.read_many([*places, places[0]])
    assert list(found) == places
    assert [found[p] for p in places] == [str(p).encode() if i % 2 == 0 else None for i, p in enumerate(places)]


def test_an_object_that_is_too_large_to_read_is_refused_unread(s3, bucket):
    put(s3, bucket, "status.json", b"x" * 1001)
    with pytest.raises(InputError, match="at most 1000 bytes, found 1001"):
        s3.read(bucket / "status.json", limit=1000)


def test_a_folder_is_downloaded_with_its_subfolders(s3, bucket, tmp_path):
    bodies = {f"{folder}f{i}.bin": os.urandom(i * 1000) for folder in ("", "figures/") for i in range(20)}
    for name, body in bodies.items():
        put(s3, bucket, f"c/P001/{name}", body)
    paths = download(s3, bucket / "c/P001", tmp_path / "new")
    assert [path.relative_to(tmp_path / "new").as_posix() for path in paths] == sorted(bodies)
    assert all(path.read_bytes() == bodies[path.relative_to(tmp_path / "new").as_posix()] for path in paths)
    assert not list(tmp_path.rglob(".*"))


def test_an_object_that_differs_from_its_recorded_hash_is_no_file(s3, bucket, tmp_path):
    put(s3, bucket, "c/a", b"damaged", sha256=hashlib.sha256(b"whole").hexdigest())
    with pytest.raises(PlatformError, match=r"differ from the recorded sha256 \(3 tries\)"):
        download(s3, bucket / "c", tmp_path)
    with pytest.raises(PlatformError, match="recorded sha256"):
        s3.read(bucket / "c/a")
    assert list(tmp_path.iterdir()) == []


def test_metadata_of_that_name_in_another_form_is_no_hash(s3, bucket):
    put(s3, bucket, "a", b"whole", sha256="n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=")
    assert s3.read(bucket / "a") == b"whole"


HOSTILE = [
    "c/../../escaped",
    "c//escaped",
    "c//",
    "c/a/../escaped",
    "c/./escaped",
    "c/a\\..\\escaped",
    "c/a\x07b",
    "c/\x01",
    "c/a\u2028b",
    "c/" + "x" * 256,
    "c/a/",
]


@EMULATED
@pytest.mark.parametrize("key", HOSTILE)
def test_a_key_that_could_leave_the_folder_stops_the_download_before_it_begins(s3, bucket, tmp_path, key):
    put(s3, bucket, "c/a innocent", b"x")
    put(s3, bucket, key, b"x")
    with pytest.raises(InputError, match="object key: expected") as caught:
        download(s3, bucket / "c", tmp_path / "in")
    assert list(tmp_path.rglob("*")) == []
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


@EMULATED
def test_hostile_keys_can_be_erased(s3, bucket):
    # the emulator lists versions in XML that cannot hold control characters
    keys = [key for key in HOSTILE if min(key) >= " "]
    for key in keys:
        put(s3, bucket, key, b"x")
    assert s3.delete(bucket / "c") == len(keys) > 5
    assert s3.files(bucket) == []


def test_a_key_that_no_batch_can_name_is_removed_by_itself(s3, bucket):
    keys = ["c/a\x07b", "c/\x01", "c/plain"]
    for key in keys:
        put(s3, bucket, key)
    storage_erase.remove(s3.connection, bucket, [{"Key": key} for key in keys])
    assert s3.files(bucket) == []


def test_a_disk_that_refuses_is_the_platforms_fault(s3, bucket, tmp_path):
    put(s3, bucket, "c/a")
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match="a: could not be written") as caught:
        download(s3, bucket / "c", tmp_path / "file")
    assert str(tmp_path) not in str(caught.value)


def test_erasing_takes_all_versions_markers_and_unfinished_uploads(s3, bucket):
    client = s3.connection.client
    client.put_bucket_versioning(Bucket=bucket.bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        put(s3, bucket, "r/P001/a", body)
        put(s3, bucket, "r/P0012/a", body)
    put(s3, bucket, "r/P001", b"the key itself")
    client.delete_object(Bucket=bucket.bucket, Key="r/P001/a")
    for key in ("r/P001/big", "r/P0012/big"):
        client.create_multipart_upload(Bucket=bucket.bucket, Key=key)
    assert s3.delete(bucket / "r/P001") == 3
    left = client.list_object_versions(Bucket=bucket.bucket)
    assert [item["Key"] for item in left["Versions"]] == ["r/P0012/a", "r/P0012/a"]
    assert "DeleteMarkers" not in left
    assert [item["Key"] for item in client.list_multipart_uploads(Bucket=bucket.bucket)["Uploads"]] == ["r/P0012/big"]
    assert s3.delete(bucket / "r/P001") == 0


def test_a_whole_bucket_is_not_erased(s3, bucket):
    put(s3, bucket, "a")
    with pytest.raises(InputError, match="a whole bucket"):
        s3.delete(bucket)
    assert len(s3.files(bucket)) == 1


def test_what_the_store_keeps_is_reported(s3, bucket, monkeypatch):
    put(s3, bucket, "r/a")
    kept = {"Errors": [{"Key": "r/a", "Code": "AccessDenied"}]}
    monkeypatch.setattr(s3.connection.client, "delete_objects", lambda **how: kept)
    with pytest.raises(PlatformError, match=r"1 objects could not be deleted \(AccessDenied\)"):
        s3.delete(bucket / "r")


def test_an_erasure_that_leaves_something_is_no_success(s3, bucket, monkeypatch):
    put(s3, bucket, "r/a")
    monkeypatch.setattr(storage_erase, "remove", lambda *arguments: None)
    with pytest.raises(PlatformError, match="objects are still there"):
        s3.delete(bucket / "r")


def test_a_store_is_connected_once_per_environment(bucket, monkeypatch):
    first = Store.connect()
    assert Store.connect() is first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ANOTHER")
    assert Store.connect() is not first


def test_a_large_file_is_never_held_whole_in_memory(s3, bucket, tmp_path):
    with (tmp_path / "big").open("wb") as file:
        for _ in range(96):
            file.write(os.urandom(MIB))
    (tmp_path / "status.json").write_text("{}")
    code = """
import sys
from pathlib import Path
from cardioscar.services.store.object_store import S3Place, Store
from tests.services.store.s3 import download, small_parts

def peak_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

folder, store, place = Path(sys.argv[1]), Store(small_parts()), S3Place.parse(sys.argv[2], where="place")
store.write(place / "warm", b"x")
before = peak_mib()
store.publish(folder, place / "r")
download(store, place / "r", folder / "back")
print(peak_mib() - before)
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(bucket)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert (tmp_path / "back" / "big").stat().st_size == 96 * MIB
    assert 0 < int(done.stdout) < 64
