"""The door to published results, wherever they lie."""

from __future__ import annotations

from pathlib import Path

from cardioscar.results.folder import FolderResults
from cardioscar.results.publication import Results
from cardioscar.services.store.places import place


def open_results(uri: str | Path, *, where: str = "results_uri") -> Results:
    """The results at a path or URI; nothing is read or made yet.

    Raises:
        ConfigError: If it is neither a folder nor an `s3://` address.
    """
    at = place(uri, where=where)
    if isinstance(at, Path):
        return FolderResults(at)
    from cardioscar.results.store import StoreResults

    return StoreResults(at)
