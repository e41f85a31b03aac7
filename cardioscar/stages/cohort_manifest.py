"""The manifest of a cohort (`cohort.csv`): ids, and where the files of each lie."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.stages.cohort_names import ROLES, stand_in
from cardioscar.subject_id import check_subject_id


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


def read_manifest(manifest: Path) -> list[ManifestRow]:
    """Read a `cohort.csv`: one row for each subject, in order.

    Raises:
        InputError: If it cannot be read at all.
    """
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            lines = [(reader.line_num, cells) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(manifest.name, "a UTF-8 table of comma-separated values", type(error).__name__) from error
    except OSError as error:
        raise InputError(manifest.name, "a readable file", error.strerror or "an unreadable one") from None
    known = ("subject", *ROLES, "settings")
    unknown = sorted(set(columns) - set(known))
    if "subject" not in columns or unknown:
        found = f"'{unknown[0]}'" if unknown else "no column 'subject'"
        raise InputError(manifest.name, f"columns {', '.join(known)}", found)
    if not lines:
        raise InputError(manifest.name, "at least one subject", "none")
    counts = Counter(cells["subject"] for _, cells in lines)
    rows: dict[str, ManifestRow] = {}
    for line, cells in lines:
        name, where = cells["subject"] or "", f"{manifest.name} line {line}"
        problem = None
        try:
            check_subject_id(name)
        except InputError as error:
            name, problem = stand_in(line, counts), InputError(where, error.rule, error.finding)
        else:
            if counts[name] > 1:
                problem = InputError(manifest.name, "each id once", f"'{name}' {counts[name]} times")
            elif None in cells:  # csv's key for what no column holds
                found = str(len(columns) + len(cells[None]))
                problem = InputError(where, f"{len(columns)} cells", found)
        paths = {role: text for role, text in cells.items() if role not in (None, "subject") and text}
        rows.setdefault(name, ManifestRow(name, where, {} if problem else paths, problem))
    return list(rows.values())
