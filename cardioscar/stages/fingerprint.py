"""A hash of a cohort's files, so that a platform that caches tasks notices when one changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cardioscar.errors import InputError


def cohort_fingerprint(cohort_uri: str) -> str:
    """Hash name, size and time of change of every file of a cohort, without reading the files.

    Args:
        cohort_uri: Folder of the cohort, or its manifest, whose paths are relative to its folder.

    Returns:
        64 hexadecimal digits; equal as long as no file is added, removed, renamed or written.

    Raises:
        InputError: If there is no such folder.
    """
    root = Path(cohort_uri).parent if Path(cohort_uri).is_file() else Path(cohort_uri)
    if not root.is_dir():
        raise InputError("cohort", "a folder or a cohort.csv", "no such folder")
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        status = path.stat()
        digest.update(f"{path.relative_to(root).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
