"""Where results lie that a command is told of: the folder itself, the output of a run that holds it, or a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.report.cohort_table import CohortRow, CohortTable, read_cohort_json
from cardioscar.results.table import DATA
from cardioscar.services.store.places import place
from cardioscar.shard.status import FILE

_RULE, _REMEDY = f"results of a run, with {DATA}", "none; name the output of `cardioscar run`"
_NONE = "none; name the --results of the run"


def results_folder(given: Path) -> Path:
    """The folder of results.

    Raises:
        InputError: If neither it nor its `results/` has a `cohort.json`.
    """
    for folder in (given, given / "results"):
        if (folder / DATA).is_file():
            return folder
    raise InputError(given.name or "folder", _RULE, _REMEDY)


@contextmanager
def subject_folder(given: str, subject: str, names: Sequence[str]) -> Iterator[Path]:
    """A subject's folder among results: theirs, or for those of a store one that is gone afterwards.

    Args:
        given: Folder of results, output of a run, or `s3://` place of results.
        subject: Its id.
        names: Files that are fetched from a store, where they are; none where no marker vouches for them.

    Raises:
        ConfigError: If the address is of another kind.
        InputError: If there is no `cohort.json`.
        UnreachableError: If the store does not answer.
    """
    at = place(given, where="results")
    if isinstance(at, Path):
        yield results_folder(at) / subject
        return
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.services.store.object_store import Store

    store = Store.connect()
    if not store.exists(at / DATA):
        raise InputError(str(at), _RULE, _NONE)
    with temporary_folder() as folder:
        if store.exists(at / subject / FILE):
            for name in names:
                if store.exists(at / subject / name):
                    store.download_file(at / subject / name, folder / "results" / subject / name)
        yield folder / "results" / subject


def read_result(given: str | Path, name: str) -> bytes | None:
    """The bytes of a file among results, in a folder or a store; None where there is none.

    Args:
        given: Folder of results, output of a run, or `s3://` place of results.
        name: Of the file, `SUBJECT/…` for a subject's.

    Raises:
        InputError: If no results lie there.
        UnreachableError: If the store does not answer.
    """
    at = place(given, where="results")
    if isinstance(at, Path):
        path = results_folder(at) / name
        return path.read_bytes() if path.is_file() else None
    from cardioscar.services.store.object_store import Store

    key = at
    for part in name.split("/"):
        key /= part
    return Store.connect().read_many([key])[key]


def read_table(given: str | Path) -> CohortTable:
    """The table of a cohort, in a folder or a store.

    Raises:
        InputError: If there is none, or it is damaged or another version's.
    """
    data = read_result(given, DATA)
    if data is None:
        raise InputError(str(place(given, where="results")), _RULE, _NONE)
    return read_cohort_json(data)


def row_of(given: str | Path, subject: str) -> CohortRow:
    """The row of a subject.

    Args:
        given: Folder of results, output of a run, or `s3://` place of results.
        subject: Id.

    Raises:
        InputError: If the id is none, there are no results, or none of this subject; ids that are there are named.
    """
    check_subject_id(subject)
    rows = {row.subject: row for row in read_table(given).rows}
    if subject in rows:
        return rows[subject]
    near = sorted(get_close_matches(subject, rows, n=3, cutoff=0.5) or sorted(rows)[:3])
    named = ", ".join(near) + (", …" if len(near) < len(rows) else "")
    raise InputError(subject, f"a subject of these results ({named})" if near else "a subject", "none of that name")
