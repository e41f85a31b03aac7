"""The Docker engine, and containers that are gone when the tests are, however they end."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

LABEL = "cardioscar.integration"

HARDENED: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": "size=2g,mode=1777"},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
"""How our own images are run: they write to /tmp alone."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens to now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


class Engine:
    """A Docker engine and the containers and volumes of one test session, all of one label."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.name = f"cardioscar-{os.getpid()}-{secrets.token_hex(3)}"

    def run(self, image: str, name: str, **options: Any) -> Container:
        """Start a container in the background."""
        return self.client.containers.run(
            image, detach=True, name=f"{self.name}-{name}", labels={LABEL: self.name}, **options
        )

    def output(self, image: str, command: list[str], **options: Any) -> tuple[int, str]:
        """Run a container of an own image to its end; its exit code and all that it printed."""
        settings = HARDENED | {"network_mode": "none"} | options
        container = self.client.containers.run(
            image,
            command,
            detach=True,
            name=f"{self.name}-{secrets.token_hex(4)}",
            labels={LABEL: self.name},
            **settings,
        )
        try:
            code = container.wait(timeout=300)["StatusCode"]
            return code, container.logs().decode(errors="replace")
        finally:
            container.remove(force=True)

    def volume(self, name: str) -> str:
        """Make a volume."""
        return str(self.client.volumes.create(f"{self.name}-{name}", labels={LABEL: self.name}).name)

    def close(self) -> None:
        """Remove all containers and volumes of this session."""
        mine = {"label": f"{LABEL}={self.name}"}
        for container in self.client.containers.list(all=True, filters=mine):
            container.remove(force=True, v=True)
        for volume in self.client.volumes.list(filters=mine):
            volume.remove(force=True)
        self.client.close()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine; skips where there is none."""
    docker = pytest.importorskip("docker")
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        pytest.skip(f"no Docker engine ({type(error).__name__}): bash tests/integration/engine.sh tries to provide one")
    one = Engine(client)
    try:
        yield one
    finally:
        one.close()
