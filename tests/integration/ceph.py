"""A real S3 store: Ceph's object gateway in a container, on loopback, with data that survives its being killed."""

from __future__ import annotations

import contextlib
import secrets
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.config
import pytest

from cardioscar.services.store.object_store import Store
from tests.integration.counts import Counts
from tests.integration.engine import Engine, free_ports


@dataclass(frozen=True)
class Ceph:
    """The running store.

    Attributes:
        engine: Engine that runs it.
        port: Port of the gateway on 127.0.0.1.
        access_key: Key of its one user.
        secret_key: That user's secret.
    """

    engine: Engine
    port: int
    access_key: str
    secret_key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, port: int | None = None) -> dict[str, str]:
        """What a client's environment must say; with a port, that of a proxy."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port or self.port}",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A boto3 client, for what the project's own door does not do."""
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key, config=botocore.config.Config(s3={"addressing_style": "path"}),
        )  # fmt: skip

    def bucket(self) -> str:
        """Make a bucket."""
        name = f"t-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=name)
        return name

    def upload(self, folder: Path, bucket: str, prefix: str) -> None:
        """Copy a folder into the store."""
        client = self.client()
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            client.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder).as_posix()}")

    def objects(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """All objects below a prefix, by their relative key."""
        client = self.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return {k.removeprefix(f"{prefix}/"): client.get_object(Bucket=bucket, Key=k)["Body"].read() for k in keys}

    def recorded_hashes(self, bucket: str, keys: list[str]) -> list[str | None]:
        """The sha256 that the writer of each object recorded beside it."""
        client = self.client()
        return [client.head_object(Bucket=bucket, Key=key)["Metadata"].get("sha256") for key in keys]

    def kill(self) -> None:
        """SIGKILL for all its processes."""
        self.engine.client.containers.get(f"{self.engine.name}-ceph").kill()

    def start(self) -> None:
        """Start it again, with its data; returns once it answers."""
        container = self.engine.client.containers.get(f"{self.engine.name}-ceph")
        container.start()
        self.wait()

    def wait(self, seconds: float = 120) -> float:
        """Wait until it answers; how long that took in seconds."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url, timeout=2) as answer:
                if answer.status == 200:
                    return time.monotonic() - started
            time.sleep(0.1)
        said = self.engine.client.containers.get(f"{self.engine.name}-ceph").logs(tail=20).decode(errors="replace")
        pytest.fail(f"Ceph did not answer within {seconds:.0f} s: {said}")


@pytest.fixture(scope="session")
def ceph(engine: Engine, ceph_image: str, counts: Counts) -> Ceph:
    """The store, with one user and no bucket."""
    port, mon, mon_v1 = free_ports(3)
    store = Ceph(engine, port, secrets.token_hex(10), secrets.token_hex(20))
    engine.run(
        ceph_image, "ceph", network_mode="host", volumes={engine.volume("ceph"): {"bind": "/data", "mode": "rw"}},
        environment={
            "RGW_PORT": str(port), "MON_PORT": str(mon), "MON_PORT_V1": str(mon_v1),
            "ACCESS_KEY": store.access_key, "SECRET_KEY": store.secret_key,
        },
    )  # fmt: skip
    counts.add("servers", "Ceph RGW", seconds_to_start=store.wait())
    return store


@pytest.fixture
def endpoint(ceph: Ceph, monkeypatch: pytest.MonkeyPatch) -> Ceph:
    """The store, named by this process's environment."""
    for name, value in ceph.environment().items():
        monkeypatch.setenv(name, value)
    return ceph


@pytest.fixture
def s3(endpoint: Ceph) -> tuple[Store, str]:
    """A connected store and the name of a new bucket in it."""
    return Store.connect(), endpoint.bucket()
