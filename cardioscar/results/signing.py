"""A person's word put beside a result and into the cohort's files: in a folder, or in an object store.

A folder has locks. In a store each object is replaced only where it is still the one that was looked at: two persons
who speak at once do not overwrite each other unseen, the second one is told of the first.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cardioscar.cohort.store import temporary_folder
from cardioscar.errors import InputError, PlatformError
from cardioscar.files.atomic import atomic_file
from cardioscar.files.folders import only_writer, platform_faults
from cardioscar.results.publication import METRICS, result_of
from cardioscar.results.signoff import SIGNOFF, SignOff, result_sha256, signoff_of
from cardioscar.results.table import DATA, PAGE, TABLE, write_csv, write_data
from cardioscar.shard.own_files import STAMP
from cardioscar.shard.status import FILE

if TYPE_CHECKING:
    from cardioscar.report.cohort_table import CohortTable
    from cardioscar.services.store.object_store import Store
    from cardioscar.services.store.s3_uri import S3Place

Word = Literal["accepted", "rejected", "withdrawn"]
_LOOKS = 10
"""How often the cohort's files are drawn at most, where others change them meanwhile."""


@dataclass(frozen=True)
class Signed:
    """What came of it.

    Attributes:
        of_result: sha256 of the `metrics.json` that the word is about.
        before: What was said of that result until now; None where nothing was.
    """

    of_result: str
    before: SignOff | None


def sign(root: Path | S3Place, subject: str, said: Word, note: str) -> Signed:
    """Keep a word on a subject's result: `signoff.json` beside it, and its row of the cohort's files.

    Args:
        root: Results: a folder, or a prefix of an object store.
        subject: Id of the subject.
        said: The word; `withdrawn` takes back what was said. In a store it stays as the content of `signoff.json`, for
            a store cannot remove an object on a condition.
        note: Why, in a line.

    Raises:
        InputError: If there is no finished result of the subject, or no table of the cohort, or the note is too long.
        PlatformError: If somebody else speaks of the same result at this moment, or files cannot be written.
        UnreachableError: If the store does not answer.
    """
    if isinstance(root, Path):
        return _in_folder(root, subject, said, note)
    return _in_store(root, subject, said, note)


def _word(said: Word, note: str, of_result: str) -> SignOff:
    return SignOff(said, note, datetime.now(UTC).isoformat(timespec="seconds"), of_result)


def _in_folder(root: Path, subject: str, said: Word, note: str) -> Signed:
    folder = root / subject
    if not (folder / METRICS).is_file():
        raise InputError(subject, "a finished result", "none; `cardioscar explain` says what became of it")
    with platform_faults(root), only_writer(root, "cohort", patience_s=60.0):
        metrics = (folder / METRICS).read_bytes()
        word = _word(said, note, result_sha256(metrics))
        there = (folder / SIGNOFF).read_bytes() if (folder / SIGNOFF).is_file() else None
        if said == "withdrawn":
            (folder / SIGNOFF).unlink(missing_ok=True)
        else:
            with atomic_file(folder / SIGNOFF) as partial:
                partial.write_text(word.text(), encoding="utf-8")
        _draw(root, _with_word((root / DATA).read_bytes(), subject, word))
    return Signed(word.of_result, signoff_of(there, metrics))


def _in_store(root: S3Place, subject: str, said: Word, note: str) -> Signed:
    from cardioscar.services.store.errors import ReplacedError
    from cardioscar.services.store.object_store import Store

    store, at = Store.connect(), root / subject
    # its name first: what is read afterwards is that or newer, and a newer one fails the condition
    tag = store.tag(at / SIGNOFF)
    found = store.read_many(at / name for name in (FILE, STAMP, METRICS, SIGNOFF))
    marker, stamp, metrics, there = (found[at / name] for name in (FILE, STAMP, METRICS, SIGNOFF))
    if metrics is None or result_of(subject, marker, stamp, metrics).metrics is None:
        raise InputError(subject, f"a finished result at {root}", "none")
    word, before = _word(said, note, result_sha256(metrics)), signoff_of(there, metrics)
    try:
        store.replace(at / SIGNOFF, word.text().encode(), tag)
    except ReplacedError:
        rule = f"{subject}: somebody else has just signed it off, or is about to"
        raise PlatformError(f"{rule}; see what is said there, and say it again") from None
    _draw_in_store(store, root, subject, word)
    return Signed(word.of_result, before)


def _draw_in_store(store: Store, root: S3Place, subject: str, word: SignOff) -> None:
    """Put the word into the cohort's files: as often as others have changed them meanwhile."""
    from cardioscar.report.cohort_table import cohort_json
    from cardioscar.services.store.errors import ReplacedError

    for _ in range(_LOOKS):
        tag = store.tag(root / DATA)
        data = store.read(root / DATA)
        table = _with_word(data, subject, word)
        drawn, written = cohort_json(table).encode(), tag
        if drawn != data:  # else only table and page are drawn again: two who do so come to an end
            try:
                written = store.replace(root / DATA, drawn, tag)
            except ReplacedError:
                continue
        with temporary_folder() as folder:
            _draw(folder, table)
            for name in (TABLE, PAGE):
                store.write(root / name, (folder / name).read_bytes())
        if store.tag(root / DATA) == written:
            return
    raise PlatformError(f"{root / DATA}: changed by others again and again; say it again, so that the page shows it")


def _with_word(data: bytes, subject: str, word: SignOff) -> CohortTable:
    """The cohort with the word in the subject's row."""
    from cardioscar.report.cohort_table import read_cohort_json

    said, note = ("", "") if word.said == "withdrawn" else (word.said, word.note)
    table = read_cohort_json(data)
    rows = tuple(
        dataclasses.replace(row, signed_off=said, signoff_note=note) if row.subject == subject else row
        for row in table.rows
    )
    return dataclasses.replace(table, rows=rows)


def _draw(folder: Path, table: CohortTable) -> None:
    """Write the cohort's three files into a folder."""
    from cardioscar.report.cohort import write_cohort_report

    write_data(folder, table)
    write_csv(folder, table)
    write_cohort_report(folder / PAGE, table)
