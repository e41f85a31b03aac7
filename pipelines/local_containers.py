"""One container a task, as a cluster would run it: not root, a read-only file system, no capabilities."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HARDENED = {
    "read_only": True,
    "tmpfs": {"/tmp": "size=2g,mode=1777"},  # noqa: S108 (inside the container)
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


@dataclasses.dataclass(frozen=True)
class Containers:
    """How the containers of a pipeline are run.

    Attributes:
        environment: Variables of every task, over those that the runner sets.
        options: Further arguments of `docker.containers.run`, such as network_mode, user or labels.
    """

    environment: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def run(
        self,
        client: Any,
        image: str,
        command: list[str],
        volumes: Mapping[str, Any],
        environment: Mapping[str, str],
        log: Path,
    ) -> int:
        """Run one container to its end, its output in a file.

        Args:
            client: Docker client.
            image: Image, which must be there: nothing is pulled.
            command: Command and arguments.
            volumes: Volumes as kfp wants them.
            environment: Variables that the runner sets.
            log: Receives all that the container prints.

        Returns:
            Its exit code.
        """
        container = client.containers.run(
            image, command, detach=True, volumes=volumes,
            environment={**environment, **self.environment}, **{**_HARDENED, **self.options},
        )  # fmt: skip
        try:
            code = int(container.wait()["StatusCode"])
            log.write_bytes(container.logs())
            return code
        finally:
            container.remove(force=True, v=True)
