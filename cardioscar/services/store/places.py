"""Where cohorts and results lie: a folder of this machine, or a prefix of an object store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import ConfigError

if TYPE_CHECKING:
    from cardioscar.services.store.s3_uri import S3Place


def place(uri: str | Path, *, where: str) -> Path | S3Place:
    """The folder or the prefix that a path, a `file://` or an `s3://` address names.

    Args:
        uri: Path or URI.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address is of another kind, or names no bucket.

    >>> place("file:///data/cohort", where="cohort")
    PosixPath('/data/cohort')
    >>> place("gs://bucket/results", where="results_uri")
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: results_uri: expected a folder, file:// or s3://, found an address gs://
    """
    scheme, rest = _split(uri)
    if scheme == "s3":
        from cardioscar.services.store.s3_uri import S3Place

        return S3Place.parse(f"s3://{rest}", where=where)
    if scheme not in ("", "file"):
        raise ConfigError(where, "a folder, file:// or s3://", f"an address {scheme}://")
    return Path(f"/{rest}") if scheme else Path(uri)


def local_folder(uri: str | Path, *, where: str) -> Path:
    """Path of a folder that must be on this machine: the stages work on their artifacts in place.

    An object store's address is refused: taken for a path, it would become a folder inside the container, and be lost
    with it.

    Args:
        uri: Path or URI.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the URI is not one of this machine's file system.

    >>> local_folder("s3://bucket/work", where="out")
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: out: expected a folder of this machine (only cohort and results may lie in an object store), found an address s3://
    """  # noqa: E501 - one line of an error
    scheme, rest = _split(uri)
    if scheme not in ("", "file"):
        rule = "a folder of this machine (only cohort and results may lie in an object store)"
        raise ConfigError(where, rule, f"an address {scheme}://")
    return Path(f"/{rest}") if scheme else Path(uri)


def _split(uri: str | Path) -> tuple[str, str]:
    # one slash too: `Path("s3://bucket")` has already swallowed the other
    found = re.match(r"([a-z][a-z0-9+.-]+):/+", str(uri))
    return (found[1], str(uri)[found.end() :]) if found else ("", str(uri))
