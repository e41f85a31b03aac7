"""Two S3 stores on loopback for the session, and buckets in them: SeaweedFS as Kubeflow ships it, and an emulator.

What can be tested on the real server is. The emulator knows versions in every bucket, keys that no file system has,
and can be filled past the network; it accepts every credential.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest

from cardioscar.services.store.client import S3Settings
from cardioscar.services.store.object_store import S3Place, Store
from pipelines.local_store import seaweedfs

MIB = 1 << 20
ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrSECRET"
EMULATED = pytest.mark.parametrize("bucket", ["emulated"], indirect=True)
"""Marks a test whose bucket is one of the emulator."""

_numbers = count(1)


def download(store: Store, place: S3Place, folder: Path) -> list[Path]:
    """Files of all objects below a place, several at once; nothing is written where a key is unsafe."""
    pairs = [(place / entry.relative, folder / entry.relative) for entry in store.files(place)]
    return store.connection.together(lambda pair: store.download_file(*pair), pairs)


def point_at(endpoint: str) -> None:
    """Let the environment name a store and credentials; no file of the user's home counts."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CARDIOSCAR_S3_"))]:
        del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def small_parts(**changes: float) -> S3Settings:
    """Settings under which a file of 1 MiB is sent in parts."""
    return S3Settings(**({"multipart_from_bytes": MIB, "part_bytes": 5 * MIB} | changes))


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of SeaweedFS."""
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs"), access_key=ACCESS_KEY, secret_key=SECRET_KEY) as store:
        yield store.url


@pytest.fixture(scope="session")
def emulated_endpoint() -> Iterator[str]:
    """URL of the emulator."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def chosen_endpoint(request: pytest.FixtureRequest) -> str:
    """URL of the store that a test asks for: SeaweedFS, or the emulator where it says `EMULATED`."""
    emulated = getattr(request, "param", "") == "emulated"
    return str(request.getfixturevalue("emulated_endpoint" if emulated else "s3_endpoint"))


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> S3Place:
    """A bucket that no other test has; the environment names its store."""
    point_at(chosen_endpoint(request))
    place = S3Place(f"hearts-{next(_numbers)}")
    Store.connect(small_parts()).connection.client.create_bucket(Bucket=place.bucket)
    return place


@pytest.fixture
def s3(bucket) -> Store:
    """The store of `bucket`, with small parts."""
    return Store.connect(small_parts())


def fill(place: S3Place, keys: Iterable[str]) -> None:
    """Put an object of one byte under each key of an emulated bucket, past the network: a thousand requests take
    seconds."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    for key in keys:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(place.bucket, key, b"x")


def unused_port() -> int:
    """A port of 127.0.0.1 that nobody listens to now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
