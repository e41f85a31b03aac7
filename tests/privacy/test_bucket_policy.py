"""The documented bucket policies: least privilege by the letter, and enough for the requests that are really made."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cardioscar.errors import ConfigError
from cardioscar.results.table import drop_subject
from cardioscar.services.store.erase_subject import erase_from_store, find_in_store
from cardioscar.services.store.object_store import S3Place, Store
from cardioscar.stages.families import NAMES
from pipelines.local_store import LocalStore, seaweedfs
from tests.charts.rendering import container, run
from tests.services.store.s3 import download, point_at, s3_endpoint, small_parts  # noqa: F401 - fixture

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "bucket-policy.md"
COHORTS, RESULTS, MLFLOW = "cardioscar-cohorts", "cardioscar-results", "cardioscar-mlflow"


def policies() -> dict[str, dict[str, Any]]:
    """Policy of each role, by the heading above it."""
    found = re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```json\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S
    )
    return {role: json.loads(text) for role, text in found}


POLICIES = policies()
IDENTITIES = {one["name"]: one for one in POLICIES.pop("SeaweedFS")["identities"]}


def rights(role: str) -> set[tuple[str, str]]:
    """Pairs of action and bucket."""
    return {
        (action, re.sub(r"^arn:aws:s3:::|/\*$", "", resource))
        for statement in POLICIES[role]["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def test_every_role_has_a_policy() -> None:
    assert list(POLICIES) == ["Stage pods", "MLflow server", "Reader", "Uploader", "Bucket Job", "Eraser"]


@pytest.mark.parametrize("role", POLICIES)
def test_a_policy_allows_named_actions_on_named_buckets_only(role: str) -> None:
    policy = POLICIES[role]
    assert policy["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(sids) == len(set(sids))
    for statement in policy["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert re.fullmatch(r"s3:[A-Za-z]+", action)
            of_bucket = action.startswith("s3:ListBucket") or role == "Bucket Job"
            for resource in statement["Resource"]:
                assert re.fullmatch(r"arn:aws:s3:::cardioscar-[a-z]+" + ("" if of_bucket else r"/\*"), resource), action


@pytest.mark.parametrize("role", POLICIES)
def test_nobody_but_the_job_may_change_a_bucket_or_its_policy_and_the_job_no_object(role: str) -> None:
    known = {"ListBucket", "ListBucketVersions", "ListBucketMultipartUploads", "GetObject", "GetObjectVersion",
             "PutObject", "DeleteObject", "DeleteObjectVersion", "AbortMultipartUpload"}  # fmt: skip
    if role == "Bucket Job":
        known = {"CreateBucket", "ListBucket", "GetLifecycleConfiguration", "PutLifecycleConfiguration",
                 "PutBucketVersioning", "PutBucketPolicy"}  # fmt: skip
    assert {action.removeprefix("s3:") for action, _ in rights(role)} <= known


def test_roles_are_kept_apart() -> None:
    def buckets(role: str, *actions: str) -> set[str]:
        return {bucket for action, bucket in rights(role) if not actions or action.removeprefix("s3:") in actions}

    writing = ("PutObject", "DeleteObject", "DeleteObjectVersion")
    assert buckets("Stage pods", *writing) == {RESULTS}
    assert buckets("Stage pods") == {COHORTS, RESULTS}
    assert buckets("MLflow server") == {MLFLOW}
    assert buckets("Reader") == {RESULTS}
    assert buckets("Reader", *writing) == set()
    assert buckets("Uploader") == {COHORTS}
    assert buckets("Uploader", "GetObject", "DeleteObject") == set()
    assert [role for role in POLICIES if buckets(role, "DeleteObjectVersion")] == ["Eraser"]
    assert buckets("Eraser") == {COHORTS, RESULTS}


ACTIONS = {
    "HeadBucket": "s3:ListBucket", "ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads", "GetObject": "s3:GetObject", "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject", "CreateMultipartUpload": "s3:PutObject", "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject", "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject", "DeleteObjects": "s3:DeleteObject",
}  # fmt: skip
"""The right that each request needs; more with the version of an object."""


class Asked:
    """Rights that requests of stores made while this looks on need."""

    def __init__(self) -> None:
        self.rights: set[tuple[str, str]] = set()

    def watch(self, store: Store) -> Store:
        store.connection.client.meta.events.register("provide-client-params.s3.*", self._note)
        store.connection._probe.meta.events.register("provide-client-params.s3.*", self._note)
        return store

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        action = ACTIONS[model.name]
        listed = params.get("Delete", {}).get("Objects", [])
        if "VersionId" in params or any("VersionId" in item for item in listed):
            action += "Version"
        self.rights.add((action, params["Bucket"]))


@pytest.fixture
def asked(s3_endpoint: str) -> Iterator[Asked]:  # noqa: F811
    before = dict(os.environ)
    point_at(s3_endpoint)
    client = Store().connection.client
    for bucket in (COHORTS, RESULTS):
        client.create_bucket(Bucket=bucket)
    yield Asked()
    for bucket in (COHORTS, RESULTS):
        Store().delete(S3Place(bucket, "trial"))
        client.delete_bucket(Bucket=bucket)
    os.environ.clear()
    os.environ.update(before)


def filled(tmp_path: Path) -> Path:
    folder = tmp_path / "P001"
    folder.mkdir()
    (folder / "scar.vtu").write_bytes(bytes(6 * 2**20))  # sent in parts
    (folder / "status.json").write_text("{}")
    return folder


def test_stages_and_readers_have_the_rights_that_they_use(asked: Asked, tmp_path: Path) -> None:
    Store().write(S3Place(COHORTS, "trial/P001/lge.nii"), b"scan")
    store = asked.watch(Store(small_parts()))
    store.files(S3Place(COHORTS, "trial"))
    download(store, S3Place(COHORTS, "trial"), tmp_path / "cohort")
    place = S3Place(RESULTS, "trial/P001")
    for _ in range(2):
        store.publish(filled(tmp_path) if not (tmp_path / "P001").exists() else tmp_path / "P001", place)
    (tmp_path / "P001" / "scar.vtu").write_bytes(b"other")
    store.publish(tmp_path / "P001", place)
    assert asked.rights <= rights("Stage pods")
    assert ("s3:PutObject", RESULTS) in asked.rights
    assert ("s3:DeleteObject", RESULTS) in asked.rights

    reader = Asked()
    download(reader.watch(Store(small_parts())), S3Place(RESULTS, "trial"), tmp_path / "read")
    assert reader.rights
    assert reader.rights <= rights("Reader")


@pytest.mark.parametrize("versioning", [False, True])
def test_the_eraser_has_the_rights_that_it_uses(versioning: bool, asked: Asked, tmp_path: Path) -> None:
    plain = Store(small_parts())
    if versioning:
        plain.connection.client.put_bucket_versioning(
            Bucket=RESULTS, VersioningConfiguration={"Status": "Enabled"}
        )  # fmt: skip
    plain.publish(filled(tmp_path), S3Place(RESULTS, "trial/P001"))
    for data in (b"subject,outcome\r\nP001,ok\r\nP002,ok\r\n", b"subject,outcome\r\nP002,ok\r\n"):
        plain.write(S3Place(RESULTS, "trial/cohort.csv"), data)
    if not versioning:
        plain.write(S3Place(RESULTS, "trial/cohort.csv"), b"subject,outcome\r\nP001,ok\r\nP002,ok\r\n")
    store = asked.watch(Store(small_parts()))
    erase_from_store(store, S3Place(RESULTS, "trial"), "P001", drop_subject, NAMES)
    assert find_in_store(store, S3Place(RESULTS, "trial"), "P001", drop_subject, NAMES) == {}
    assert asked.rights <= rights("Eraser")
    assert (("s3:DeleteObjectVersion", RESULTS) in asked.rights) >= versioning


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    """SeaweedFS with the documented identities, whose keys are their names; each bucket holds one object."""
    keyed = [
        one | {"credentials": [{"accessKey": name, "secretKey": f"secret-of-{name}"}]}
        for name, one in IDENTITIES.items()
    ]
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs"), identities=keyed) as store:
        client = store.client()
        for bucket in (COHORTS, RESULTS, MLFLOW):
            client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=bucket, Key="trial/P000/status.json", Body=b"{}")
        yield store


def as_identity(store: LocalStore, name: str) -> LocalStore:
    return LocalStore(store.url, name, f"secret-of-{name}", store.pid)


DEEDS: dict[str, Callable[[Any, str], Any]] = {
    "List": lambda client, bucket: client.list_objects_v2(Bucket=bucket),
    "Read": lambda client, bucket: client.get_object(Bucket=bucket, Key="trial/P000/status.json")["Body"].read(),
    "Write": lambda client, bucket: client.put_object(Bucket=bucket, Key="trial/P009/x", Body=b"x"),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_of_seaweedfs_may_do_what_stands_there_and_nothing_else(seaweed: LocalStore, name: str) -> None:
    client = as_identity(seaweed, name).client(attempts=1)
    done, refused = set(), set()
    for bucket in (COHORTS, RESULTS, MLFLOW):
        for deed, do in DEEDS.items():
            try:
                do(client, bucket)
                done.add(f"{deed}:{bucket}")
            except ClientError as error:
                refused.add(error.response["Error"]["Code"])
    if name == "buckets":  # Admin of a bucket includes the rest
        assert {deed.partition(":")[2] for deed in done} == {a.partition(":")[2] for a in IDENTITIES[name]["actions"]}
        with pytest.raises(ClientError, match="AccessDenied"):
            client.create_bucket(Bucket="mlpipeline")
        return
    assert done == set(IDENTITIES[name]["actions"])
    assert refused == {"AccessDenied"}


def test_the_charts_job_makes_its_buckets_with_an_identity_of_its_own(tmp_path: Path) -> None:
    keys = [{"accessKey": "buckets", "secretKey": "secret-of-buckets"}]
    identity = IDENTITIES["buckets"] | {"credentials": keys}
    with seaweedfs(tmp_path / "store", identities=[identity]) as store:
        job = container("init-buckets", {"objectStore": {"endpoint": store.url}})
        secrets = {("cardioscar-s3-buckets", "accesskey"): "buckets"}
        secrets["cardioscar-s3-buckets", "secretkey"] = "secret-of-buckets"
        for _ in range(2):
            done = run(job, secrets, tmp_path)
            assert done.returncode == 0, done.stderr
        assert {one["Name"] for one in store.client().list_buckets()["Buckets"]} == {COHORTS, RESULTS, MLFLOW}


def test_the_identities_have_the_rights_of_the_roles() -> None:
    words = {"s3:ListBucket": "List", "s3:GetObject": "Read", "s3:PutObject": "Write"}
    roles = {"stages": "Stage pods", "mlflow": "MLflow server", "reader": "Reader", "uploader": "Uploader"}
    for name, role in roles.items():
        wanted = {f"{words[action]}:{bucket}" for action, bucket in rights(role) if action in words}
        assert set(IDENTITIES[name]["actions"]) == wanted


def test_stages_work_with_their_own_identity(
    seaweed: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in as_identity(seaweed, "stages").environment.items():
        monkeypatch.setenv(key, value)
    store = Store(small_parts())
    assert "status.json" in [path.name for path in download(store, S3Place(COHORTS, "trial"), tmp_path / "cohort")]
    for _ in range(2):
        store.publish(
            tmp_path / "P001" if (tmp_path / "P001").exists() else filled(tmp_path), S3Place(RESULTS, "trial/P001")
        )
    (tmp_path / "P001" / "scar.vtu").write_bytes(b"other")
    assert store.publish(tmp_path / "P001", S3Place(RESULTS, "trial/P001")).uploaded
    with pytest.raises(ConfigError, match=f"'{MLFLOW}' .*the right to .*, found access denied"):
        store.read(S3Place(MLFLOW, "trial/P000/status.json"))
