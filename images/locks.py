"""What each image installs, to the byte: `images/locks/SET.txt`, every distribution with its version and sha256.

`python -m images.locks` resolves the sets within constraints.txt and asks the package index for the hashes (uv does
both); `--check` compares the files with requirements and constraints, without a network. pip refuses other bytes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from images.requirements import requirements

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "images" / "locks"

_HEAD = "# Made by `make lock`: what is installed into an image, with the sha256 of every file that may be.\n"


@dataclass(frozen=True)
class Wanted:
    """What a set is resolved from."""

    extras: tuple[str, ...] = ()
    """Extras of the project, whose dependencies come along; none for a set that is not the project's."""
    file: str = ""
    """File of requirements, from the root."""
    python: str = "3.11"
    """Python of the image."""
    torch: str = ""
    """Build of torch: `cpu`, or `cuda`, which the package index has; empty for a set without."""
    without: str = ""
    """Another set, whose distributions are there already."""

    def lines(self) -> list[str]:
        """Requirements, one each."""
        if self.extras:
            # setuptools builds our own wheel, and those of distributions that bring none
            return [*requirements(ROOT / "pyproject.toml", list(self.extras)), "setuptools>=77"]
        text = (ROOT / self.file).read_text(encoding="utf-8") if self.file else "setuptools>=77"
        return [line for line in text.splitlines() if line and not line.startswith("#")]


SETS = {
    "run": Wanted(("kfp", "learning", "lge", "metrics", "tracking"), torch="cpu"),
    "dev": Wanted(("kfp", "learning", "lge", "metrics", "tracking", "laptop", "dev"), torch="cpu", without="run"),
    "cuda": Wanted(("kfp", "learning", "lge", "metrics", "tracking"), python="3.12", torch="cuda"),
    "mlflow": Wanted(file="images/mlflow/requirements.txt"),
    "sbom": Wanted(file="images/sbom.txt"),
    "build": Wanted(),
}
"""`run`, `cuda` and `mlflow` are what the images hold, `dev` what the tests need besides, `sbom`, `build` are tools."""


class LocksError(RuntimeError):
    """A set cannot be resolved, or its file is not what it should be."""


def path(name: str) -> Path:
    """The file of a set."""
    return FOLDER / f"{name}.txt"


def pins(text: str) -> dict[str, tuple[str, set[str]]]:
    """Version and hashes of each distribution in a file of hashes, or of constraints, by its normalised name.

    >>> pins("Foo_bar==1.0 --hash=sha256:ab --hash=sha256:cd")["foo-bar"][0]
    '1.0'
    """
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            found[name] = match[2], set(re.findall(r"--hash=sha256:([0-9a-f]+)", line))
    return found


def resolve(name: str) -> str:
    """Text of the file of a set, newly resolved.

    torch's CPU build is taken from where pip looks for files besides the index (`PIP_FIND_LINKS`, `TORCH_INDEX`).

    Raises:
        LocksError: If uv is not there or finds no solution, or torch is another build.
    """
    wanted, beside = SETS[name], Path(sysconfig.get_path("scripts")) / "uv"
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is None:
        raise LocksError("uv is not installed: pip install --constraint constraints.txt uv")
    command = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--no-config"]
    command += ["--python-version", wanted.python, "--python-platform", "x86_64-unknown-linux-gnu"]
    command += ["--constraints", str(ROOT / "constraints.txt"), "-"]
    if wanted.torch == "cpu":
        places = os.environ.get("PIP_FIND_LINKS", "").split()
        command += [word for place in places for word in ("--find-links", place)]
        if index := os.environ.get("TORCH_INDEX", ""):
            command += ["--index", index, "--index-strategy", "unsafe-best-match"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    done = subprocess.run(  # noqa: S603
        command, input="\n".join(wanted.lines()), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LocksError(f"{name}: {done.stderr.strip()[-600:]}")
    _check_torch(name, done.stdout)
    there = pins(path(wanted.without).read_text(encoding="utf-8")) if wanted.without else {}
    entries = re.split(r"(?m)^(?=\S)", done.stdout)
    return _HEAD + "".join(entry for entry in entries if not pins(entry) or pins(entry).keys() - there)


def check(name: str, text: str) -> None:
    """Compare the file of a set with requirements and constraints.

    Raises:
        LocksError: For a distribution without a hash, one that is missing, or another version than the constraints'.
    """
    held = pins(text)
    constraints = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    for distribution, (version, hashes) in held.items():
        if not hashes:
            raise LocksError(f"{name}: {distribution}: expected a sha256, found none: make lock")
        pinned = constraints.get(distribution, (version, set()))[0]
        if version.partition("+")[0] != pinned:
            raise LocksError(f"{name}: {distribution}: expected {pinned} as in constraints.txt, found {version}")
    other = SETS[name].without
    held |= pins(path(other).read_text(encoding="utf-8")) if other else {}
    for line in SETS[name].lines():
        wanted = re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", line)[0]).lower()
        if wanted not in held:
            raise LocksError(f"{name}: expected {wanted}, found none: make lock")
    _check_torch(name, text)


def _check_torch(name: str, text: str) -> None:
    build = SETS[name].torch
    found = any(distribution.startswith("nvidia-") for distribution in pins(text))
    if build and found != (build == "cuda"):
        raise LocksError(
            f"{name}: expected torch's {build} build, found the other: set TORCH_INDEX to an index of CPU builds"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m images.locks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with requirements and constraints alone")
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help="sets; by default all")
    options = parser.parse_args(arguments)
    try:
        for name in options.sets:
            if options.check:
                check(name, path(name).read_text(encoding="utf-8") if path(name).is_file() else "")
            else:
                path(name).write_text(resolve(name), encoding="utf-8")
    except LocksError as error:
        sys.stderr.write(f"images/locks: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
