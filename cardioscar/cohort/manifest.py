"""The manifest of a cohort (`cohort.csv`): ids, and where the files of each lie.

It is read as spreadsheets leave it: with commas, semicolons or tabs, with rows and columns of nothing but separators,
with blanks around cells and any capitals in the header, with lines of comment (`#`). What could mean two things is
refused.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from cardioscar.cohort.layout import MANIFEST, SUBJECT, CohortLayout
from cardioscar.cohort.stand_ins import stand_in
from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id

MAX_BYTES = 1 << 24
"""Length of the longest manifest that is read: a hundred thousand subjects and more."""

_SEPARATORS = (",", ";", "\t")
_NO_ROW = ("#", "sep=")
"""What a comment begins with, and the line by which Excel is told the separator."""
_Line = tuple[int, list[str]]


@dataclass(frozen=True)
class ManifestRow:
    """One subject of a manifest, before its files are looked for.

    Attributes:
        subject: Id, or `row-N` where the id itself is refused.
        where: Name of the line in messages.
        paths: Text of each cell that names a file or folder, by its role or `settings`.
        problem: What is wrong with the line.
    """

    subject: str
    where: str
    paths: dict[str, str] = field(default_factory=dict)
    problem: InputError | None = None


def read_manifest(manifest: Path, layout: CohortLayout) -> list[ManifestRow]:
    """Read a `cohort.csv`: one row for each subject, in order.

    Args:
        manifest: The file.
        layout: What its columns may be.

    Raises:
        InputError: If it cannot be read at all, or is longer than `MAX_BYTES`.
    """
    called = manifest.name if manifest.name == MANIFEST else "the manifest"
    try:
        with manifest.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(called, f"at most {MAX_BYTES} bytes", "a longer table")
        text = data.decode("utf-8-sig")
        (_, header), *lines = list(_lines(text)) or [(0, [""])]
    except (UnicodeDecodeError, csv.Error) as error:
        rule = "a UTF-8 table of values separated by commas, semicolons or tabs"
        raise InputError(called, rule, type(error).__name__) from None
    except OSError as error:
        raise InputError(called, "a readable file", error.strerror or "an unreadable one") from None
    known = layout.columns
    columns = _columns(called, header, lines, known)
    if not lines:
        raise InputError(called, "at least one subject", "none")
    cells = [dict(zip(columns, line, strict=False)) for _, line in lines]
    counts = Counter(found.get("subject", "") for found in cells)
    rows: dict[str, ManifestRow] = {}
    for (number, line), found in zip(lines, cells, strict=True):
        row = _row(called, number, found, counts, [name for name in known if name != SUBJECT])
        if not row.problem and any(line[len(columns) :]):
            problem = InputError(row.where, f"{len(columns)} cells", str(len(line)))
            row = ManifestRow(row.subject, row.where, problem=problem)
        rows.setdefault(row.subject, row)
    return list(rows.values())


def _lines(text: str) -> Iterator[_Line]:
    """Lines with text that are no comment, their cells without blanks around them, by their number in an editor."""
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    for line in reader:
        cells = [cell.strip() for cell in line]
        if any(cells) and not cells[0].startswith(_NO_ROW):
            yield reader.line_num, cells


def _separator(text: str) -> str:
    """The separator under which the header has a column `subject`; a comma where none has."""
    for separator in _SEPARATORS:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True):
            cells = [cell.strip().lower() for cell in line]
            if "subject" in cells:
                return separator
            if any(cells) and not cells[0].startswith(_NO_ROW):
                break
    return ","


def _columns(where: str, header: Sequence[str], lines: Sequence[_Line], known: Sequence[str]) -> list[str]:
    """Names of the columns, in small letters; a column without a name and without any text has none."""
    columns = [name.lower() for name in header]
    rule = f"columns {', '.join(known)}"
    for number, name in enumerate(columns):
        if name in known or not (name or any("".join(line[number : number + 1]) for _, line in lines)):
            continue
        # not repeated: in a table without a header this is an id, or a name
        near = get_close_matches(name, known, n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        raise InputError(where, rule, f"{'another name' if name else 'no name'} in column {number + 1}{hint}")
    if "subject" not in columns:
        raise InputError(where, rule, "no column 'subject'")
    doubled = next((name for name in known if columns.count(name) > 1), None)
    if doubled:
        raise InputError(where, "each column once", f"'{doubled}' {columns.count(doubled)} times")
    return columns


def _row(manifest: str, number: int, cells: dict[str, str], counts: Counter[str], roles: Sequence[str]) -> ManifestRow:
    name, where, problem = cells.get("subject", ""), f"{manifest} line {number}", None
    paths = {role: text for role, text in cells.items() if role in roles and text}
    try:
        check_subject_id(name)
    except InputError as error:
        name, problem = stand_in(number, counts), InputError(where, error.rule, error.finding)
    else:
        if counts[name] > 1:
            problem = InputError(manifest, "each id once", f"'{name}' {counts[name]} times")
        elif any("\\" in text for text in paths.values()):
            problem = InputError(where, "paths with '/' between folders", "a backslash")
    return ManifestRow(name, where, {} if problem else paths, problem)
