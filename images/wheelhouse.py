"""Fetch what an image is built from, so that the build itself needs no network: wheels and Debian packages.

The sets: `run` and `mlflow` (what the two images hold), `dev` (what the tests need beyond `run`), `sbom` (the tool).
A set is fetched again when its requirements, the constraints or this machine's Python change.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from images.lock import docker
from images.requirements import requirements

ROOT = Path(__file__).resolve().parents[1]
_STAMP = ".inputs"
_FOLDERS = {
    "run": ROOT / "images/cardioscar/wheels/run",
    "dev": ROOT / "images/cardioscar/wheels/dev",
    "sbom": ROOT / "images/cardioscar/wheels/sbom",
    "mlflow": ROOT / "images/mlflow/wheels",
}
_DEBS = {"run": "libosmesa6", "build": "binutils"}


class WheelhouseError(RuntimeError):
    """Something that an image needs could not be fetched."""


def fetch_wheels(name: str) -> Path:
    """Fill the folder of a set with wheels, by this machine's pip and its settings.

    Args:
        name: `run`, `dev`, `sbom` or `mlflow`.

    Returns:
        The folder.

    Raises:
        WheelhouseError: If pip cannot resolve the set, or its torch was built for CUDA.
    """
    folder, wanted = _FOLDERS[name], _requirements(name)
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    state = _hash(*wanted, constraints, sys.version, os.environ.get("TORCH_INDEX", ""))
    if _is_current(folder, state):
        return folder
    clear(folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--constraint", str(ROOT / "constraints.txt"), "--wheel-dir", str(folder), *wanted]
    index = os.environ.get("TORCH_INDEX", "")
    if index and name in ("run", "dev"):
        command += ["--extra-index-url", index]  # its +cpu builds rank before the plain ones
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise WheelhouseError(f"wheels of {name}: {_last_line(done.stderr)}")
    cuda = sorted(path.name for path in folder.glob("nvidia_*.whl"))
    if cuda:
        raise WheelhouseError(
            f"wheels of {name}: expected torch for CPUs, found {cuda[0]}: set TORCH_INDEX to an index of CPU builds"
        )
    if name == "dev":
        held = {path.name for path in fetch_wheels("run").iterdir()}
        for wheel in folder.glob("*.whl"):
            if wheel.name in held:
                wheel.unlink()
    (folder / _STAMP).write_text(state, encoding="utf-8")
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
    state = _hash(base, shown.stdout, *_DEBS.values())
    for kind, package in _DEBS.items():
        folder = ROOT / "images/cardioscar/debs" / kind
        if _is_current(folder, state):
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
        (folder / _STAMP).write_text(state, encoding="utf-8")


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


def _requirements(name: str) -> list[str]:
    files = {"sbom": ROOT / "images/sbom.txt", "mlflow": ROOT / "images/mlflow/requirements.txt"}
    if name in files:
        lines = files[name].read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line and not line.startswith("#")]
    extras = {"run": ["kfp", "metrics", "tracking"], "dev": ["kfp", "metrics", "tracking", "laptop", "dev"]}[name]
    build = ["setuptools>=77"] if name == "run" else []  # our own wheel is built in the image
    return requirements(ROOT / "pyproject.toml", extras) + build


def _is_current(folder: Path, state: str) -> bool:
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == state


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _last_line(text: str) -> str:
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"
