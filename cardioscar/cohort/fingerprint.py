"""A hash of a cohort's files, so that a platform that caches tasks notices when one changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cardioscar.errors import InputError


def cohort_fingerprint(cohort: str | Path) -> str:
    """Hash name, size and time of change of every file of a cohort, without reading the files.

    Args:
        cohort: Folder of the cohort, or its manifest, whose paths are relative to its folder.

    Returns:
        64 hexadecimal digits; equal as long as no file is added, removed, renamed or written.

    Raises:
        InputError: If there is no such folder.
    """
    root = Path(cohort).parent if Path(cohort).is_file() else Path(cohort)
    if not root.is_dir():
        raise InputError("cohort", "a folder or a cohort.csv", "no such folder")
    paths = sorted(p for p in root.rglob("*") if p.is_file())
    stats = ((path.relative_to(root).as_posix(), path.stat()) for path in paths)
    return listing_fingerprint((name, stat.st_size, str(stat.st_mtime_ns)) for name, stat in stats)


def listing_fingerprint(files: Iterable[tuple[str, int, str]]) -> str:
    """Hash a listing of a cohort's files.

    Args:
        files: Relative name, size in bytes, and what changes with the content: time of change, or ETag; in order.
    """
    digest = hashlib.sha256()
    for name, size, version in files:
        digest.update(f"{name}\0{size}\0{version}\n".encode())
    return digest.hexdigest()
