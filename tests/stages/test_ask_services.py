"""What store or server would refuse after hours is refused in seconds, once, before any subject is begun."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardioscar.cohort.opening import open_cohort
from cardioscar.errors import ConfigError, UnreachableError
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.recording import Recording
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d import evaluate, preprocess, reconstruct
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from pipelines.local_store import LocalStore, seaweedfs
from tests.cohort.test_reading import touch
from tests.services.store.s3 import point_at, unused_port
from tests.stored import requests

READER = {
    "name": "reader",
    "credentials": [{"accessKey": "reader", "secretKey": "reader-secret"}],
    "actions": ["Read:hearts", "List:hearts"],
}
WRITER = {
    "name": "writer",
    "credentials": [{"accessKey": "writer", "secretKey": "writer-secret"}],
    "actions": ["List:hearts", "Write:hearts"],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    """A store with a bucket, and keys that may only read it, or only write."""
    with seaweedfs(tmp_path_factory.mktemp("keys"), identities=[READER, WRITER]) as one:
        one.client().create_bucket(Bucket="hearts")
        one.client().put_object(Bucket="hearts", Key="cohort/P001/labels.nii.gz", Body=b"no image")
        yield one


@pytest.fixture(autouse=True)
def _named(store: LocalStore) -> Iterator[None]:
    before = dict(os.environ)
    point_at(store.url)
    os.environ.update(store.environment)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    yield
    os.environ.clear()
    os.environ.update(before)


def as_identity(identity: dict[str, object]) -> None:
    [keys] = identity["credentials"]  # type: ignore[misc]
    os.environ.update(AWS_ACCESS_KEY_ID=keys["accessKey"], AWS_SECRET_ACCESS_KEY=keys["secretKey"])


def dead() -> None:
    os.environ["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{unused_port()}"


FAULTS = {
    "dead port": (dead, "s3://hearts/results", UnreachableError, "connection refused"),
    "wrong secret": (
        lambda: os.environ.update(AWS_SECRET_ACCESS_KEY="wrong"),
        "s3://hearts/results",
        ConfigError,
        "the secret key is wrong",
    ),
    "unknown key": (
        lambda: os.environ.update(AWS_ACCESS_KEY_ID="nobody"),
        "s3://hearts/results",
        ConfigError,
        "the access key is unknown",
    ),
    "no bucket": (lambda: None, "s3://lungs/results", ConfigError, "a bucket that exists, found none"),
    "read-only key": (lambda: as_identity(READER), "s3://hearts/results", ConfigError, "the right to PutObject"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", ["run", "evaluate", "reconstruct"])
def test_results_that_cannot_be_published_are_refused_before_any_work(tmp_path: Path, fault: str, way: str) -> None:
    touch(tmp_path / "cohort" / "P001", "labels.nii.gz")
    spoil, results, kind, words = FAULTS[fault]
    spoil()
    started = time.monotonic()
    cohort, out = tmp_path / "cohort", tmp_path / "out"
    ways = {
        "run": lambda: run_cohort(RECONSTRUCT, cohort, out, {}, recording=Recording(results)),
        "evaluate": lambda: evaluate.run(cohort, *["nothing"] * 4, ["P001"], out, recording=Recording(results)),
        "reconstruct": lambda: reconstruct.run(cohort, ["P001"], out, {}, Recording(results)),
    }
    with pytest.raises(kind, match=words):
        ways[way]()
    assert time.monotonic() - started < 30
    assert not (tmp_path / "out").exists()


def test_a_place_that_can_be_written_to_is_left_as_it_was() -> None:
    ask_services(Recording("s3://hearts/results"), None)
    assert Store.connect().files(S3Place("hearts", "results")) == []


@pytest.mark.parametrize("way", ["run", "preprocess"])
def test_images_that_may_not_be_read_are_no_fault_of_their_subjects(tmp_path: Path, way: str) -> None:
    as_identity(WRITER)
    ways = {
        "run": lambda: run_cohort(RECONSTRUCT, "s3://hearts/cohort", tmp_path / "out", {}),
        "preprocess": lambda: preprocess.run("s3://hearts/cohort", ["P001"], tmp_path / "out"),
    }
    with pytest.raises(ConfigError, match="right to GetObject"):
        ways[way]()
    assert not (tmp_path / "out").exists()


def test_a_dead_tracking_server_ends_a_run_and_a_stage_at_once(tmp_path: Path) -> None:
    touch(tmp_path / "cohort" / "P001", "labels.nii.gz")
    uri = f"http://127.0.0.1:{unused_port()}"
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="connection refused"):
        run_cohort(RECONSTRUCT, tmp_path / "cohort", tmp_path / "out", {}, recording=Recording(tracking=uri))
    with pytest.raises(UnreachableError, match="connection refused"):
        evaluate.run(
            tmp_path / "cohort", *["nothing"] * 4, ["P001"], tmp_path / "out", recording=Recording(tracking=uri)
        )
    assert time.monotonic() - started < 30
    assert not (tmp_path / "out").exists()


def test_subjects_of_a_run_do_not_ask_again(tmp_path: Path) -> None:
    source = open_cohort("s3://hearts/cohort", SCAR3D_LAYOUT)
    ids = [entry.subject for entry in source.listed()]
    with requests() as seen:
        preprocess.run(source.of(ids), ids, tmp_path / "out")
    assert [operation for operation, _ in seen] == ["GetObject"]
