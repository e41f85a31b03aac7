"""A cohort's own three files among its results, `cohort.json` and what is drawn from it; one subject out of them."""

from __future__ import annotations

import csv
import io
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.results.own_table import is_own_page, is_own_table

if TYPE_CHECKING:
    from cardioscar.report.cohort_table import CohortTable

log = logging.getLogger(__name__)

DATA, TABLE, PAGE = "cohort.json", "cohort.csv", "cohort.html"
COHORT_FILES = (DATA, TABLE, PAGE)
"""In the order in which they are written: the others are drawn from the first."""


def write_data(folder: Path, table: CohortTable) -> Path:
    """Write `cohort.json`.

    Raises:
        PlatformError: If it cannot be written.
    """
    from cardioscar.report.cohort_table import cohort_json

    with atomic_file(folder / DATA) as partial:
        partial.write_text(cohort_json(table), encoding="utf-8")
    return folder / DATA


def write_csv(folder: Path, table: CohortTable) -> Path:
    """Write `cohort.csv`.

    Raises:
        PlatformError: If it cannot be written.
    """
    from cardioscar.report.cohort_table import cohort_csv

    with atomic_file(folder / TABLE) as partial:
        partial.write_text(cohort_csv(table), encoding="utf-8", newline="")
    return folder / TABLE


def drop_subject(folder: Path, subject: str, page: str = PAGE) -> bool:
    """Take a subject out of `cohort.json`, and of the table and the page beside it.

    Table and page are drawn again from the rows that stay. Where nothing stays they are removed. Where `cohort.json` is
    missing, as beside results of earlier versions, or cannot be read, the table loses its row and the page is removed:
    `cardioscar summarize-cohort` writes a new one. Files of somebody else's are left, but for a row of a `cohort.csv`.

    Args:
        folder: Where the files lie; any may be missing.
        subject: Id.
        page: Name of the page.

    Returns:
        Whether the subject was in one of them.

    Raises:
        InputError: If the table is none.
        PlatformError: If a file cannot be written.
    """
    from cardioscar.report.cohort import write_cohort_report

    data, table, drawn = folder / DATA, folder / TABLE, folder / page
    content, was_in_data = _data_without(data, subject)
    text = drawn.read_bytes() if drawn.is_file() else b""
    was_in_page = is_own_page(text) and mentions(text, subject)
    lines, was_in_table = _lines_without(table, subject) if table.is_file() else ([], False)
    if not (was_in_data or was_in_page or was_in_table):
        return False
    if was_in_data:
        if content is None or not content.rows:
            data.unlink()
        else:
            write_data(folder, content)
    if was_in_table:
        if len(lines) < 2:
            table.unlink()
        elif content is not None and content.rows and is_own_table(table.read_bytes()):
            write_csv(folder, content)
        else:
            with atomic_file(table) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream, lineterminator="\r\n").writerows(lines)
    if was_in_page:
        if content is not None and content.rows:
            write_cohort_report(drawn, content)
        else:
            drawn.unlink()
            if len(lines) > 1:
                log.info("%s: removed, for no %s says what stays; summarize-cohort writes a new one", page, DATA)
    return True


def mentions(data: bytes, subject: str) -> bool:
    """Whether a text names a subject, as a word of its own: P1 is not in P10.

    >>> mentions(b"P10 and P1.", "P1"), mentions(b"P10, P1-a, _P1", "P1")
    (True, False)
    """
    return re.search(rb"(?<![A-Za-z0-9_-])" + re.escape(subject.encode()) + rb"(?![A-Za-z0-9_-])", data) is not None


def _data_without(data: Path, subject: str) -> tuple[CohortTable | None, bool]:
    """The cohort without the subject, None where it cannot be told, and whether a file of ours has the subject."""
    from cardioscar.report.cohort_table import is_cohort_json, read_cohort_json

    content = data.read_bytes() if data.is_file() else b""
    if not is_cohort_json(content):
        return None, False
    try:
        table = read_cohort_json(content)
    except InputError:
        return None, mentions(content, subject)
    kept = tuple(row for row in table.rows if row.subject != subject)
    return replace(table, rows=kept), len(kept) < len(table.rows)


def _lines_without(table: Path, subject: str) -> tuple[list[list[str]], bool]:
    """Header and rows of the others, and whether the subject had one."""
    try:
        lines = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise InputError(TABLE, "a UTF-8 table of comma-separated values", "another file") from None
    if not lines or "subject" not in lines[0]:
        return lines, False
    column = lines[0].index("subject")
    kept = [lines[0], *(line for line in lines[1:] if line[column : column + 1] != [subject])]
    return kept, len(kept) < len(lines)
