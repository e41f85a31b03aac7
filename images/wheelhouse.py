"""Fetch what an image is built from, so that the build itself needs no network: wheels and Debian packages.

The sets: `run` and `mlflow` (what the two images hold), `dev` (what the tests need beyond `run`), `sbom` (the tool).
A set is fetched again when its lock (`images/locks`), this machine's Python or a file of it changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from images import locks
from images.lock import docker

ROOT = Path(__file__).resolve().parents[1]
_STAMP = ".inputs"
_FOLDERS = {
    "run": ROOT / "images/cardioscar/wheels/run",
    "dev": ROOT / "images/cardioscar/wheels/dev",
    "sbom": ROOT / "images/cardioscar/wheels/sbom",
    "mlflow": ROOT / "images/mlflow/wheels",
}
_VERIFIED = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
_DEBS = {"run": "libosmesa6", "build": "binutils"}


class WheelhouseError(RuntimeError):
    """Something that an image needs could not be fetched."""


def fetch_wheels(name: str) -> Path:
    """Fill the folder of a set with wheels, by this machine's pip and its settings.

    A file whose sha256 is not in the set's lock is refused. What comes as source is built with the locked setuptools.

    Args:
        name: `run`, `dev`, `sbom` or `mlflow`.

    Returns:
        The folder.

    Raises:
        WheelhouseError: If pip cannot get the set, or gets other bytes than the lock names.
    """
    folder, lock, builder = _FOLDERS[name], locks.path(name), locks.path("build")
    wanted = _hash(*(path.read_text(encoding="utf-8") for path in (lock, builder)), sys.version)
    if _is_current(folder, _state(folder, wanted, "*.whl")):
        return folder
    clear(folder)
    with tempfile.TemporaryDirectory(prefix="cardioscar-pip-") as scratch:
        python = str(Path(scratch) / "bin" / "python")
        _run([sys.executable, "-m", "venv", scratch], name)
        _run([python, "-m", "pip", "install", *_VERIFIED, "--requirement", str(builder)], name)
        command = [python, "-m", "pip", "wheel", *_VERIFIED, "--no-build-isolation", "--wheel-dir", str(folder)]
        if index := os.environ.get("TORCH_INDEX", ""):
            command += ["--extra-index-url", index]
        _run([*command, "--requirement", str(lock)], name)
    (folder / _STAMP).write_text(_state(folder, wanted, "*.whl"), encoding="utf-8")
    return folder


def fetch_debs(base: str) -> None:
    """Fill `debs/run` and `debs/build` with the Debian packages that the base image lacks, asked in that image.

    Without a mirror in reach the folders stay empty, and the build asks the mirror itself.

    Args:
        base: Base image.
    """
    shown = subprocess.run(  # noqa: S603
        [docker(), "image", "inspect", "--format", "{{.Id}}", base], capture_output=True, text=True, check=False
    )
    wanted = _hash(base, shown.stdout, *_DEBS.values())
    for kind, package in _DEBS.items():
        folder = ROOT / "images/cardioscar/debs" / kind
        if _is_current(folder, _state(folder, wanted, "*.deb")):
            continue
        clear(folder)
        script = (
            "apt-get update -qq && apt-get install -y -qq --no-install-recommends --download-only "
            f"-o Dir::Cache::archives=/debs -o APT::Sandbox::User=root {package} >/dev/null"
            f" && rm -rf /debs/partial /debs/lock && chown -R {os.getuid()}:{os.getgid()} /debs"
        )
        command = [docker(), "run", "--rm", "--volume", f"{folder}:/debs", base, "sh", "-c", script]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
        if done.returncode or not any(folder.glob("*.deb")):
            clear(folder)
            sys.stderr.write(f"{package}: not fetched ({_last_line(done.stderr)}); the build asks the mirror\n")
            continue
        (folder / _STAMP).write_text(_state(folder, wanted, "*.deb"), encoding="utf-8")


def clear(folder: Path) -> None:
    """Empty a folder of wheels or packages, for a build that asks index and mirror itself."""
    for path in folder.iterdir():
        if path.name == ".gitignore":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def clear_sets(names: Sequence[str]) -> None:
    """Empty the folders of some sets, and of the Debian packages that go with `run`."""
    for name in names:
        clear(_FOLDERS[name])
    if "run" in names:
        for kind in _DEBS:
            clear(ROOT / "images/cardioscar/debs" / kind)


def _run(command: Sequence[str], name: str) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        refused = re.findall(r"(?m)^    (\S+==\S+|\S+) from .*$", done.stderr) if "DO NOT MATCH" in done.stderr else []
        said = f"not the bytes that images/locks names: {', '.join(refused)}" if refused else _last_line(done.stderr)
        raise WheelhouseError(f"wheels of {name}: {said}")


def _state(folder: Path, wanted: str, pattern: str) -> str:
    """What the stamp of a folder says: what was asked for, and the bytes that are there."""
    return _hash(wanted, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob(pattern))))


def _is_current(folder: Path, state: str) -> bool:
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == state


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _last_line(text: str) -> str:
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"
