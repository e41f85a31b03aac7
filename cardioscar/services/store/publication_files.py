"""The files of a publication on this machine, with what identifies their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cardioscar.errors import InputError, PlatformError
from cardioscar.services.store import object_io as s3_object
from cardioscar.services.store.object_io import Digests
from cardioscar.services.store.s3_uri import check_key

Local = Mapping[str, tuple[Path, Digests]]


def files_to_publish(
    source: Path | Mapping[str, Path], marker: str, hashes: Mapping[str, str]
) -> dict[str, tuple[Path, Digests]]:
    """The files to publish and their hashes, by relative key.

    Args:
        source: Folder, of which hidden files are left out; or files by their relative keys.
        marker: A file that must be there.
        hashes: sha256 that files must have, by relative key.

    Raises:
        InputError: If a file is not there, or differs from its hash.
        PlatformError: If one cannot be read.
    """
    files = source if isinstance(source, Mapping) else _files_of(source)
    for name in (marker, *hashes):
        if name not in files:
            raise InputError(name, "a file to publish", "none")
    found = {}
    for name in sorted(files):
        check_key(name)
        try:
            found[name] = files[name], s3_object.digests_of(files[name])
        except OSError as error:
            raise unreadable(name, error) from None
        if name in hashes and hashes[name] != found[name][1].sha256:
            raise InputError(name, "the bytes whose sha256 was recorded", "others")
    return found


def _files_of(folder: Path) -> dict[str, Path]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path for name, path in paths.items() if not any(part.startswith(".") for part in name.split("/"))}


def unreadable(name: str, error: OSError) -> PlatformError:
    """What to say of a file that cannot be read."""
    return PlatformError(f"{name}: could not be read ({error.strerror or 'I/O error'})")
