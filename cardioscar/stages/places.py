"""Where cohorts and results lie: folders of this machine, mounted volumes included."""

from __future__ import annotations

import re
from pathlib import Path

from cardioscar.errors import ConfigError


def local_folder(uri: str | Path, *, where: str) -> Path:
    """Path of a folder given as a path or as `file://…`.

    An object store's address is refused: taken for a path, it would become a folder inside the container, and be lost
    with it.

    Args:
        uri: Path or URI.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the URI is not one of this machine's file system.

    >>> local_folder("s3://bucket/results", where="results_uri")
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: results_uri: expected a folder or file:// (mount the volume), found an s3:// address
    """
    # one slash too: `Path("s3://bucket")` has already swallowed the other
    found = re.match(r"([a-z][a-z0-9+.-]+):/+", str(uri))
    if not found:
        return Path(uri)
    if found[1] != "file":
        raise ConfigError(where, "a folder or file:// (mount the volume)", f"an {found[1]}:// address")
    return Path("/" + str(uri)[found.end() :])
