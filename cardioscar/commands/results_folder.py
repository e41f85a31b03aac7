"""Where results lie that a command is told of: the folder itself, the output of a run that holds it, or a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import InputError
from cardioscar.report.cohort_table import CohortTable, read_cohort_json
from cardioscar.results.table import DATA
from cardioscar.services.store.places import place
from cardioscar.shard.status import FILE

if TYPE_CHECKING:
    from cardioscar.services.store.s3_uri import S3Place


def results_folder(given: Path) -> Path:
    """The folder of results.

    Raises:
        InputError: If neither it nor its `results/` has a `cohort.json`.
    """
    for folder in (given, given / "results"):
        if (folder / DATA).is_file():
            return folder
    name = given.name or "folder"
    raise InputError(name, f"results of a run, with {DATA}", "none; name the output of `cardioscar run`")


@contextmanager
def results_here(given: str, subject: str = "", names: Sequence[str] = ()) -> Iterator[Path]:
    """Results as a folder of this machine: theirs, or for those of a store one that is gone afterwards.

    Args:
        given: Folder of results, output of a run, or `s3://` place of results.
        subject: A subject, as its id.
        names: Files of it that are fetched from a store, where they are.

    Raises:
        ConfigError: If the address is of another kind.
        InputError: If there is no `cohort.json`.
        UnreachableError: If the store does not answer.
    """
    at = place(given, where="results")
    if isinstance(at, Path):
        yield results_folder(at)
        return
    from cardioscar.cohort.store import temporary_folder

    with temporary_folder() as folder:
        _fetch(at, folder / "results", subject, names)
        yield folder / "results"


def read_table(given: str) -> CohortTable:
    """The table of a cohort.

    Args:
        given: As for `results_here`.

    Raises:
        InputError: If there is none, or it is damaged or another version's.
    """
    with results_here(given) as folder:
        return read_cohort_json((folder / DATA).read_bytes())


def _fetch(root: S3Place, folder: Path, subject: str, names: Sequence[str]) -> None:
    from cardioscar.services.store.object_store import Store

    store = Store.connect()
    if not store.exists(root / DATA):
        raise InputError(str(root), f"results of a run, with {DATA}", "none")
    folder.mkdir()
    store.download_file(root / DATA, folder / DATA)
    if not names or not store.exists(root / subject / FILE):
        return  # what its marker does not vouch for is no result
    for name in names:
        if store.exists(root / subject / name):
            store.download_file(root / subject / name, folder / subject / name)
