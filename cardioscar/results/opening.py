"""The door to published results, wherever they lie."""

from __future__ import annotations

from pathlib import Path

from cardioscar.results.folder import FolderResults
from cardioscar.results.publication import Results
from cardioscar.services.store.places import place
from cardioscar.shard.own_files import OwnFiles


def open_results(uri: str | Path, own: OwnFiles | None = None, *, where: str = "results_uri") -> Results:
    """The results at a path or URI; nothing is read or made yet.

    Args:
        uri: Folder or prefix.
        own: What belongs to results there: `Workflow.results`. What is none of it is somebody else's; who only reads
            needs none.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If it is neither a folder nor an `s3://` address.
    """
    at, own = place(uri, where=where), own or OwnFiles()
    if isinstance(at, Path):
        return FolderResults(at, own)
    from cardioscar.results.store import StoreResults

    return StoreResults(at, own)


def read_results(uri: str | Path, *, where: str = "results_uri") -> Results:
    """The results at a path or URI for who reads, or asks whether they can be written, and publishes nothing.

    Raises:
        ConfigError: If it is neither a folder nor an `s3://` address.
    """
    return open_results(uri, OwnFiles(), where=where)
