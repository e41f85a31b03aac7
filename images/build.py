"""Build the project's images: `python -m images.build cpu mlflow`.

Wheels and Debian packages are fetched first; the build itself runs without a network. With --from-index it asks the
package index and the mirror instead (credentials for pip go in by --pip-conf, as a secret that no layer keeps).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from images import wheelhouse
from images.lock import Locked, LockError, docker, read_lock

ROOT = Path(__file__).resolve().parents[1]
SETS = {"cpu": ("run",), "cuda": (), "test": ("run", "dev"), "sbom": ("run", "sbom"), "mlflow": ("mlflow",)}
"""Targets, and the sets of wheels that each needs; cuda is made from an index alone."""


class BuildError(RuntimeError):
    """An image was not built."""


def version() -> str:
    """Version of the project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def tag(target: str) -> str:
    """Reference of the image of a target, as the components name it.

    >>> tag("cpu").startswith("cardioscar:") and tag("cpu").endswith("-cpu")
    True
    """
    return f"cardioscar-mlflow:{version()}" if target == "mlflow" else f"cardioscar:{version()}-{target}"


def build(
    target: str,
    *,
    allow_local: bool = False,
    from_index: bool = False,
    pip_conf: Path | None = None,
    quiet: bool = False,
) -> float:
    """Build one target.

    Args:
        target: One of `SETS`.
        allow_local: Take the local base where the lock file has no digest.
        from_index: Install from package index and mirror during the build.
        pip_conf: pip's settings for that, as a build secret.
        quiet: Print nothing; a failure says the last lines.

    Returns:
        Wall time of the build in seconds, without fetching.

    Raises:
        BuildError: If Docker refuses.
        LockError: If a base has no digest and `allow_local` is False.
        WheelhouseError: If wheels cannot be fetched.
    """
    if target == "cuda" and not from_index:
        raise BuildError("cuda: expected --from-index: the wheels that are fetched hold torch for CPUs")
    locks = read_lock()
    bases = {"BASE": base_image(locks["base"], allow_local=allow_local)}
    if target == "cuda":
        bases["CUDA_BASE"] = base_image(locks["cuda_base"], allow_local=allow_local)
    if from_index:
        wheelhouse.clear_sets(SETS[target])
    else:
        for name in SETS[target]:
            wheelhouse.fetch_wheels(name)
        if target != "mlflow":
            wheelhouse.fetch_debs(bases["BASE"])
    arguments = bases | {f"{key}_NAME": reference for key, reference in bases.items()}
    arguments |= {"VERSION": version(), "REVISION": _git("describe", "--always", "--dirty", "--abbrev=40")}
    arguments |= {name: os.environ[name] for name in ("SOURCE", "PIP_INDEX_URL", "TORCH_INDEX") if name in os.environ}
    if from_index and "PIP_CERT" in os.environ:
        arguments["PIP_CERT"] = os.environ["PIP_CERT"]
    folder = "mlflow" if target == "mlflow" else "cardioscar"
    command = [docker(), "build", "--file", str(ROOT / "images" / folder / "Dockerfile")]
    command += ["--target", "server" if target == "mlflow" else target]
    command += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    command += ["--network", os.environ.get("BUILD_NETWORK", "default") if from_index else "none"]
    if pip_conf:
        command += ["--secret", f"id=pip_conf,src={pip_conf}"]
    command += ["--output", "type=local,dest=build/sbom"] if target == "sbom" else ["--tag", tag(target)]
    clock = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [*command, str(ROOT)], cwd=ROOT, env=os.environ | {"DOCKER_BUILDKIT": "1"},
        stderr=subprocess.PIPE if quiet else None, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stderr or "").splitlines()[-25:])
        raise BuildError(f"{target}: docker build ended with exit code {done.returncode}\n{said}".strip())
    return time.perf_counter() - clock


def base_image(locked: Locked, *, allow_local: bool) -> str:
    """Choose the base: by digest, or the local one where that is allowed and there is no digest.

    Raises:
        LockError: If there is neither.
    """
    if locked.digest is not None or not allow_local:
        return locked.pinned
    there = subprocess.run([docker(), "image", "inspect", locked.local], capture_output=True, check=False)  # noqa: S603
    if there.returncode:
        if shutil.which("debootstrap") is None or os.geteuid() != 0:
            raise LockError(
                f"lock.yaml: {locked.name}: no digest, and no local base {locked.local}: run images/lock.py --update "
                "where a registry can be reached, or images/base_image.sh as root on Debian (needs debootstrap)"
            )
        subprocess.run(["bash", str(ROOT / "images/base_image.sh"), locked.local], check=True)  # noqa: S603, S607
    return locked.local


def _git(*words: str) -> str:
    found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return found.stdout.strip() if found.returncode == 0 else "unknown"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the targets named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m images.build", description=__doc__)
    parser.add_argument("targets", nargs="+", choices=sorted(SETS))
    parser.add_argument("--allow-local", action="store_true", help="without a digest, take the local base image")
    parser.add_argument("--from-index", action="store_true", help="install from index and mirror during the build")
    parser.add_argument("--pip-conf", type=Path, help="pip.conf with credentials, mounted as a secret")
    options = parser.parse_args(arguments)
    try:
        for target in options.targets:
            seconds = build(
                target, allow_local=options.allow_local, from_index=options.from_index, pip_conf=options.pip_conf
            )
            made = "build/sbom/cardioscar.cdx.json" if target == "sbom" else tag(target)
            sys.stdout.write(f"{made}: {seconds:.0f} s\n")
    except (BuildError, LockError, wheelhouse.WheelhouseError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
