"""Kustomizations without the network: `python3 offline.py FOLDER COPY [--remotes FOLDER]`.

The manifests of Kubeflow Pipelines name Git addresses for the bases of Argo Workflows. They are copied, and each such
address becomes a path into a checkout of that repository: `REMOTES/argo-workflows` for
`https://github.com/argoproj/argo-workflows/manifests/base?ref=v1`. The checkout must be at the tag that stands there.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_ENTRY = re.compile(
    r"^(?P<dash>\s*-\s*)(?P<quote>['\"]?)(?P<address>(?:git::|ssh://|https?://|git@|github\.com/)[^\s'\"]+)"
)
_ADDRESS = re.compile(
    r"(?:git::)?(?:https?://|ssh://git@|git@)?github\.com[/:](?P<owner>[\w.-]+)/(?P<repository>[\w.-]+?)(?:\.git)?/{1,2}"
    r"(?P<path>[^?]+)\?ref=(?P<ref>[^&]+)(?:&.*)?"
)
NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class OfflineError(ValueError):
    """Something that the manifests name is not at hand."""


def localise(manifests: Path, copy: Path, remotes: Path | None) -> list[str]:
    """Copy manifests, with paths in place of Git addresses.

    Args:
        manifests: A checkout's `manifests/kustomize`.
        copy: Receives the copy; replaced where it is there.
        remotes: Folder of checkouts by the names of their repositories; None where there is none.

    Returns:
        The addresses that were replaced.

    Raises:
        OfflineError: If there are no such manifests, or a base is not among the checkouts; all of them are named.
    """
    if not manifests.is_dir():
        raise OfflineError("KFP_MANIFESTS: expected a checkout's manifests/kustomize, found no such folder")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(manifests, copy / "kustomize")
    replaced, missing = [], []
    for path in sorted(p for name in NAMES for p in (copy / "kustomize").rglob(name)):
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            entry = _ENTRY.match(line)
            if entry:
                address = entry["address"]
                target = _checkout(address, copy, remotes)
                if target is None:
                    missing.append(address)
                else:
                    replaced.append(address)
                    line = f"{entry['dash']}{os.path.relpath(target, path.parent)}\n"
            lines.append(line)
        path.write_text("".join(lines), encoding="utf-8")
    if missing:
        names = "\n".join(f"  {address}" for address in sorted(set(missing)))
        raise OfflineError(
            f"KFP_REMOTES: expected a folder with a checkout of each repository below (REMOTES/argo-workflows), at the "
            f"tag named, found none for\n{names}"
        )
    return replaced


def _checkout(address: str, copy: Path, remotes: Path | None) -> Path | None:
    """Where an address lies beside the copy; its repository's top folder is copied once."""
    found = _ADDRESS.fullmatch(address)
    if found is None or remotes is None:
        return None
    top = found["path"].partition("/")[0]
    source = remotes / found["repository"]
    if not (source / found["path"]).is_dir():
        return None
    target = copy / "remotes" / found["repository"]
    if not (target / top).exists():
        shutil.copytree(source / top, target / top)
    return target / found["path"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy the manifests; 1 and a message where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifests", type=Path)
    parser.add_argument("copy", type=Path)
    parser.add_argument("--remotes", type=Path)
    options = parser.parse_args(arguments)
    try:
        replaced = localise(options.manifests, options.copy, options.remotes)
    except OfflineError as error:
        sys.stderr.write(f"kind: {error}\n")
        return 1
    sys.stdout.write(f"{len(replaced)} Git addresses replaced\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
