"""Which folder is a phantom as it was written: its `phantom.json` names its files and their hashes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cardioscar.config import file_sha256
from cardioscar.errors import InputError

FILE = "phantom.json"


def describe(folder: Path, parameters: Mapping[str, Any]) -> None:
    """Write `phantom.json` into a folder of a phantom's files: what was drawn, and the sha256 of each file."""
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    (folder / FILE).write_text(json.dumps({**parameters, "files": files}, indent=2) + "\n", encoding="utf-8")


@contextmanager
def placed_whole(folder: Path) -> Iterator[Path]:
    """A new folder to write a phantom to, which takes the place of an older one of the name when the block ends.

    Args:
        folder: Folder of a subject, which appears whole or not at all.

    Raises:
        InputError: If there is something else than a phantom as it was written.
        OSError: If it cannot be written.
    """
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        withheld = os.umask(0o077)
        os.umask(withheld)
        partial.chmod(0o777 & ~withheld)  # mkdtemp makes folders that only the owner may read
        yield partial
        check_own_phantom(folder)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            folder.rename(old / folder.name)
            partial.rename(folder)
            shutil.rmtree(old)
        else:
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_own_phantom(folder: Path) -> None:
    """Refuse to replace a folder that is not a phantom as it was written.

    Args:
        folder: Folder of a subject; it need not exist, and may be empty.

    Raises:
        InputError: If it holds a file that its `phantom.json` does not name, or names with another hash.
        OSError: If it cannot be read.
    """
    if not folder.is_symlink() and not folder.exists():
        return
    odd = "a link" if folder.is_symlink() else "" if folder.is_dir() else "a file"
    paths = [] if odd else sorted(folder.iterdir())
    hashes = _hashes(folder / FILE) if paths and not odd else {}
    strange = odd or next((_named(p) for p in paths if p.name != FILE and not _is_own(p, hashes)), "")
    if strange or (paths and not hashes):
        rule = "nothing, or a phantom as it was written"
        raise InputError(folder.name, rule, f"{strange or FILE}; name another folder, or move it away")


def _hashes(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())["files"] if path.is_file() else {}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_own(path: Path, hashes: Mapping[str, str]) -> bool:
    return path.is_file() and not path.is_symlink() and hashes.get(path.name) == file_sha256(path)


def _named(path: Path) -> str:
    """A phantom's file by its name, another one by none: it may tell of a person."""
    known = (
        "cine.nii.gz", "cine_labels.nii.gz", "labels.nii.gz", "lge.nii.gz", "mesh.vtu", "scar.nii.gz", "strain.npz",
        "subject.yaml", "truth.vtu",
    )  # fmt: skip
    return path.name if path.name in known else "a file of another name"
