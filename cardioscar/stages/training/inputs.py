"""The labelled folder of a training, wherever it lies, and what it is known by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.files.folders import platform_faults
from cardioscar.services.store.places import place


@contextmanager
def labelled_folder(address: str | Path) -> Iterator[Path | None]:
    """The labelled folder on this machine, for as long as the block lasts; a copy of a stored one is private.

    Args:
        address: Folder or `s3://` prefix; empty for none.

    Raises:
        ConfigError: If the address is of another kind, or the store refuses.
        InputError: If there is no such folder, or nothing in it.
        UnreachableError: If the store does not answer.
    """
    if not str(address):
        yield None
        return
    at = place(address, where="labelled")
    if isinstance(at, Path):
        if not at.is_dir():
            raise InputError("labelled folder", "a folder", "a file" if at.exists() else "no such folder")
        if not any(at.iterdir()):
            raise InputError("labelled folder", "labelled subjects", "an empty folder")
        yield at
        return
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.services.store.object_store import Store
    from cardioscar.services.store.s3_uri import S3Place, check_key

    store = Store.connect()
    entries = [one for one in store.files(at) if not one.relative.endswith("/")]
    if not entries:
        raise InputError("labelled folder", "labelled subjects", "no objects below that prefix")
    with temporary_folder() as folder:

        def fetch(name: str) -> None:
            path = folder / check_key(name)
            with platform_faults(folder):
                path.parent.mkdir(parents=True, exist_ok=True)
            try:
                store.download_file(S3Place(at.bucket, at.under + name), path)
            except InputError as error:  # said without the key, whose folders may identify people
                raise InputError(path.name, error.rule, error.finding) from None

        store.connection.together(fetch, [one.relative for one in entries])
        yield folder


def labelled_sha256(folder: Path | None) -> str:
    """Hash of all files of a labelled folder; empty where there is none."""
    return "" if folder is None else file_sha256(folder)
