"""The object store's door against a real store, Ceph's gateway."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cardioscar.errors import ConfigError, InputError
from cardioscar.services.store.object_store import S3Place, S3Settings, Store
from tests.integration.counts import Counts
from tests.services.store.s3 import download

pytestmark = pytest.mark.integration

MIB = 1 << 20


def test_what_is_written_is_read_listed_and_deleted(s3):
    store, bucket = s3
    place = S3Place.parse(f"s3://{bucket}/cohort", where="test")
    store.write(place / "P001" / "status.json", b"{}")
    store.write(place / "P002" / "status.json", b"[]")
    assert store.read(place / "P001" / "status.json") == b"{}"
    assert [entry.relative for entry in store.files(place)] == ["P001/status.json", "P002/status.json"]
    assert store.delete(place / "P001") == 1
    assert [entry.relative for entry in store.files(place)] == ["P002/status.json"]


def test_a_file_in_parts_arrives_as_it_left(s3, tmp_path, counts: Counts):
    store, bucket = s3
    source = tmp_path / "from" / "scar.vtu"
    source.parent.mkdir()
    source.write_bytes(os.urandom(150 * MIB + 7))
    (source.parent / "status.json").write_bytes(b"{}")
    place = S3Place.parse(f"s3://{bucket}/P001", where="test")

    clock = time.perf_counter()
    report = store.publish(source.parent, place)
    up = time.perf_counter() - clock
    clock = time.perf_counter()
    download(store, place, tmp_path / "to")
    down = time.perf_counter() - clock

    parts = store.connection.client.head_object(Bucket=bucket, Key="P001/scar.vtu")["ETag"].strip('"').partition("-")[2]
    assert int(parts) == 10  # 150 MiB and 7 bytes in parts of 16 MiB
    assert report.uploaded_bytes == 150 * MIB + 9
    assert _sha256(tmp_path / "to" / "scar.vtu") == _sha256(source)
    counts.add("store", "150 MiB in parts", MiB_per_s_up_and_read_back=150 / up, MiB_per_s_down=150 / down)


def test_a_listing_has_more_than_one_page(s3, counts: Counts):
    store, bucket = s3
    client = store.connection.client
    keys = [f"cohort/P{number:04d}/lge.nii.gz" for number in range(1203)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=bucket, Key=key, Body=b"x"), keys))
    place = S3Place.parse(f"s3://{bucket}/cohort", where="test")
    clock = time.perf_counter()
    assert [entry.key for entry in store.files(place)] == keys
    counts.add("store", "1,203 subjects listed", seconds=time.perf_counter() - clock)
    assert store.delete(place) == 1203


def test_publishing_again_writes_nothing_and_a_change_writes_what_changed(s3, tmp_path):
    store, bucket = s3
    place = S3Place.parse(f"s3://{bucket}/results/P001", where="test")
    for name, text in {"status.json": "1", "scar.vtu": "map", "figures/scene.png": "old"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    first = store.publish(tmp_path, place)
    assert first.uploaded[-1] == "status.json"
    assert sorted(first.uploaded) == ["figures/scene.png", "scar.vtu", "status.json"]
    assert store.publish(tmp_path, place).uploaded == ()

    (tmp_path / "figures" / "scene.png").unlink()
    (tmp_path / "scar.vtu").write_text("new map", encoding="utf-8")
    second = store.publish(tmp_path, place)
    assert second.uploaded == ("scar.vtu", "status.json")
    assert second.deleted == ("figures/scene.png",)
    assert [entry.relative for entry in store.files(place)] == ["scar.vtu", "status.json"]


def test_a_wrong_secret_is_refused_in_one_line_without_it(ceph, s3, monkeypatch):
    _, bucket = s3
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-0123456789")
    with pytest.raises(ConfigError) as refusal:
        Store(S3Settings()).files(S3Place.parse(f"s3://{bucket}/cohort", where="test"))
    said = str(refusal.value)
    assert "the secret key is wrong" in said
    assert "\n" not in said
    for secret in ("not-the-secret-0123456789", ceph.secret_key, ceph.access_key):
        assert secret not in said


def test_a_missing_bucket_is_named(s3):
    store, _ = s3
    with pytest.raises(ConfigError, match="no-such-bucket-here"):
        store.files(S3Place.parse("s3://no-such-bucket-here/cohort", where="test"))


def test_a_missing_object_is_named(s3):
    store, bucket = s3
    with pytest.raises(InputError, match=f"{bucket}/cohort/P001/lge.nii.gz"):
        store.read(S3Place.parse(f"s3://{bucket}/cohort/P001/lge.nii.gz", where="test"))


def test_all_versions_are_erased(s3):
    store, bucket = s3
    client = store.connection.client
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = S3Place.parse(f"s3://{bucket}/results/P001", where="test")
    for text in (b"1", b"2", b"3"):
        store.write(place / "metrics.json", text)
    assert store.delete(place) == 3
    assert "Versions" not in client.list_object_versions(Bucket=bucket)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
