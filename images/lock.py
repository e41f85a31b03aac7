"""References of base images, pinned by digest: `python images/lock.py --update` where a registry can be reached."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("lock.yaml")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class LockError(ValueError):
    """The lock file is wrong, or lacks what is asked for."""


@dataclasses.dataclass(frozen=True)
class Locked:
    """One image of the lock file.

    Attributes:
        name: Key in the file.
        image: Reference with a tag.
        digest: `sha256:…` of the image; None before the first update.
        local: Image of this machine that takes its place where no registry can be reached.
    """

    name: str
    image: str
    digest: str | None
    local: str

    @property
    def pinned(self) -> str:
        """Reference with tag and digest.

        Raises:
            LockError: If there is no digest.
        """
        if self.digest is None:
            raise LockError(
                f"lock.yaml: {self.name}: expected a digest, found none: run images/lock.py --update where a registry "
                "can be reached, or allow a local base (--allow-local)"
            )
        return f"{self.image}@{self.digest}"


def read_lock(path: Path = FILE) -> dict[str, Locked]:
    """Read the lock file.

    Raises:
        LockError: If an entry is incomplete, has no tag, or its digest is none.
    """
    found = {}
    for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        if set(entry) != {"image", "digest", "local"}:
            raise LockError(f"{path.name}: {name}: expected image, digest and local, found {', '.join(sorted(entry))}")
        locked = Locked(name, **entry)
        if ":" not in locked.image.rpartition("/")[2] or locked.image.endswith(":latest"):
            raise LockError(f"{path.name}: {name}: expected a tag other than latest, found {locked.image}")
        if locked.digest is not None and not _DIGEST.fullmatch(locked.digest):
            raise LockError(f"{path.name}: {name}: expected sha256: and 64 hexadecimal digits, found {locked.digest}")
        found[name] = locked
    return found


def docker() -> str:
    """The Docker client: `DOCKER`, else Debian's own, else the first on the path."""
    own = "/usr/bin/docker"
    return os.environ.get("DOCKER") or (own if os.access(own, os.X_OK) else shutil.which("docker") or "docker")


def resolve(image: str) -> str:
    """Ask the registry for the digest behind a tag, by pulling it.

    Raises:
        LockError: If it cannot be pulled.
    """
    pulled = subprocess.run([docker(), "pull", "--quiet", image], capture_output=True, text=True, check=False)  # noqa: S603
    if pulled.returncode:
        raise LockError(f"{image}: cannot be pulled: {pulled.stderr.strip().splitlines()[-1]}")
    command = [docker(), "image", "inspect", "--format", "{{index .RepoDigests 0}}", image]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return shown.stdout.strip().partition("@")[2]


def update(path: Path = FILE) -> list[str]:
    """Write the digests that the tags have now; comments stay. Returns a line for each that changed."""
    text, changed = path.read_text(encoding="utf-8"), []
    for name, locked in read_lock(path).items():
        digest = resolve(locked.image)
        if digest != locked.digest:
            entry = re.compile(rf"(^{name}:\n(?:  .*\n)*?  digest: )\S+", re.MULTILINE)
            text = entry.sub(rf"\g<1>{digest}", text, count=1)
            changed.append(f"{name}: {digest}")
    path.write_text(text, encoding="utf-8")
    read_lock(path)
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the lock file, or update it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="ask the registries, and write the digests")
    options = parser.parse_args(arguments)
    try:
        lines = update() if options.update else [f"{e.name}: {e.image}@{e.digest}" for e in read_lock().values()]
    except (LockError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "unchanged\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
