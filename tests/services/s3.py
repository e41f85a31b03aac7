"""An S3 emulator on loopback for the session, and buckets in it. It accepts every credential and keeps nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from itertools import count

import pytest

from cardioscar.services.s3_client import S3Settings
from cardioscar.services.storage import S3Place, Store

MIB = 1 << 20
_numbers = count(1)


def point_at(endpoint: str) -> None:
    """Let the environment name a store and credentials; no file of the user's home counts."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CARDIOSCAR_S3_"))]:
        del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrSECRET",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def small_parts(**changes: float) -> S3Settings:
    """Settings under which a file of 1 MiB is sent in parts."""
    return S3Settings(**({"multipart_from_bytes": MIB, "part_bytes": 5 * MIB} | changes))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """URL of the emulator."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint) -> S3Place:
    """A bucket that no other test has; the environment names its store."""
    point_at(s3_endpoint)
    place = S3Place(f"hearts-{next(_numbers)}")
    Store.connect(small_parts()).connection.client.create_bucket(Bucket=place.bucket)
    return place


@pytest.fixture
def s3(bucket) -> Store:
    """The store of `bucket`, with small parts."""
    return Store.connect(small_parts())


def fill(place: S3Place, keys: Iterable[str]) -> None:
    """Put an object of one byte under each key, past the network: a thousand requests take seconds."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    for key in keys:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(place.bucket, key, b"x")
