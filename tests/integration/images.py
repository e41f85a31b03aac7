"""The project's images and that of the object store, built for this session from the working tree."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest

from images.build import base_image, build, tag
from images.lock import LockError, docker, read_lock
from images.wheelhouse import WheelhouseError
from tests.integration.counts import Counts
from tests.integration.engine import Engine

HERE = Path(__file__).parent


def _built(target: str, counts: Counts) -> str:
    clock = time.perf_counter()
    try:
        build(target, allow_local=True, quiet=True)
    except (LockError, WheelhouseError) as error:
        pytest.skip(f"image {target} cannot be built here: {error}")
    counts.add("images", target, seconds_to_build=time.perf_counter() - clock)
    return tag(target)


@pytest.fixture(scope="session")
def stage_image(engine: Engine, counts: Counts) -> str:
    """`cardioscar:VERSION-cpu`; quick where the engine still holds its layers."""
    return _built("cpu", counts)


@pytest.fixture(scope="session")
def mlflow_image(engine: Engine, counts: Counts) -> str:
    """`cardioscar-mlflow:VERSION`."""
    return _built("mlflow", counts)


@pytest.fixture(scope="session")
def ceph_image(engine: Engine, counts: Counts) -> str:
    """Ceph on the local base; built once, for it changes only with its two files."""
    context = HERE / "ceph_node"
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(context.iterdir()))).hexdigest()[:12]
    name = f"cardioscar-ceph:{state}"
    if any(name in image.tags for image in engine.client.images.list()):
        return name
    clock = time.perf_counter()
    try:
        base = base_image(read_lock()["base"], allow_local=True)
    except LockError as error:
        pytest.skip(f"no base image: {error}")
    command = [docker(), "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", name, str(context)]
    done = subprocess.run(
        command, env=os.environ | {"DOCKER_BUILDKIT": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"Ceph's image cannot be built here (Debian mirror?): {done.stderr.strip().splitlines()[-1]}")
    counts.add("images", "ceph", seconds_to_build=time.perf_counter() - clock)
    return name
