"""A cohort's table: one row a subject, what is said of the whole, and both as `cohort.json` and `cohort.csv`."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from cardioscar.config import as_mapping, from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.report.cohort_columns import AFTER, BEFORE, SIGNED, CohortColumns

Outcome = Literal["ok", "failed", "skipped"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

FORMAT = "cardioscar cohort 2"
"""Format of `cohort.json`. Another number: files of this one can no longer be read."""
_REMEDY = "`cardioscar summarize-cohort` writes a new one"


@dataclass(frozen=True)
class CohortRow:
    """One subject of the cohort.

    Attributes:
        subject: Its id.
        outcome: How it ended.
        stage: Last stage that dealt with it.
        error_kind: Class of the error of a failed subject, as in `status.json`.
        error_message: Its message.
        qc: Quality verdict: pass, review, fail, or None where there is none.
        reasons: What the verdict rests on, in sentences.
        texts: Words by the keys of the columns' `texts`; None where unknown.
        metrics: Numbers by the keys of the columns, and others; None where undefined.
        report: Link to the subject's report, relative to the cohort report.
        earlier: The row is of an earlier run; the verdict on this one does not count it.
        signed_off: What a person said of the result: `accepted`, `rejected`, or empty where nobody did.
        signoff_note: Their note.
        picture: The subject as small as a finger nail, WebP in base64; empty where there is none. Not in `cohort.csv`.
    """

    subject: str
    outcome: Outcome
    stage: str = ""
    error_kind: str | None = None
    error_message: str | None = None
    qc: str | None = None
    reasons: tuple[str, ...] = ()
    texts: Mapping[str, str | None] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    report: str | None = None
    earlier: bool = False
    signed_off: str = ""
    signoff_note: str = ""
    picture: str = ""


@dataclass(frozen=True)
class CohortSummary:
    """What is said of the cohort as a whole.

    Attributes:
        accepted: The verdict.
        max_failed_fraction: Share of failed subjects up to which a cohort is accepted, 0 to 1; see `failed_fraction`.
        name: Name of the cohort.
        version: Version of cardioscar.
        created: Time of the summary, as text.
    """

    accepted: bool
    max_failed_fraction: float
    name: str = "cohort"
    version: str = ""
    created: str = ""


@dataclass(frozen=True)
class CohortTable:
    """Everything that `cohort.csv` and `cohort.html` are made from.

    Attributes:
        summary: The verdict and what it rests on.
        rows: One a subject.
        columns: What is said of each subject, as its family declares it.
    """

    summary: CohortSummary
    rows: tuple[CohortRow, ...]
    columns: CohortColumns


def cohort_json(table: CohortTable) -> str:
    """The table as `cohort.json`: format, summary, columns, and a line for each subject; undefined numbers are null.

    >>> rows = (CohortRow("P1", "ok", metrics={"dice": 0.8}),)
    >>> table = CohortTable(CohortSummary(True, 0.1), rows, CohortColumns())
    >>> read_cohort_json(cohort_json(table).encode()) == table
    True
    """
    rows = []
    for row in table.rows:
        numbers = {k: float(v) if v is not None and math.isfinite(v) else None for k, v in row.metrics.items()}
        rows.append(json.dumps(as_mapping(row) | {"metrics": numbers}, allow_nan=False))
    summary = json.dumps(as_mapping(table.summary), allow_nan=False)
    columns = json.dumps(as_mapping(table.columns), allow_nan=False)
    head = f'{{"format": "{FORMAT}",\n "summary": {summary},\n "columns": {columns},\n "rows": [\n'
    return head + ",\n".join(rows) + "\n ]}\n"


def is_cohort_json(data: bytes) -> bool:
    """Whether a file is one that a run has written, of whichever format, torn or whole."""
    return data.startswith(b'{"format": "cardioscar cohort ')


def read_cohort_json(data: bytes) -> CohortTable:
    """Read a `cohort.json`.

    Raises:
        InputError: If it is torn, or was written by another version of cardioscar; it says what to do.
    """
    try:
        table: CohortTable | None = None
        content = json.loads(data)
        written_as = content.pop("format")
        table = from_mapping(CohortTable, content, where="cohort.json", foreign=True)
    except (ValueError, RecursionError, LookupError, AttributeError, TypeError, ConfigError):
        written_as = ""
    if table is None or written_as != FORMAT:
        raise InputError("cohort.json", f"the format '{FORMAT}'", f"a damaged file or another version's; {_REMEDY}")
    return table


def cohort_csv(table: CohortTable) -> str:
    """The cohort table as CSV (RFC 4180, header first), numbers at full precision, undefined ones empty.

    >>> from cardioscar.report.cohort_columns import Column
    >>> columns = CohortColumns((Column("area_mm2", "Area, mm²", 1),))
    >>> rows = (CohortRow("P1", "ok", metrics={"area_mm2": 2}), CohortRow("P2", "failed", "train", "input", "=1+1"))
    >>> print("\\n".join(cohort_csv(CohortTable(CohortSummary(True, 0.5), rows, columns)).splitlines()))
    subject,outcome,stage,error_kind,error_message,qc,reasons,area_mm2,report,of_run,signed_off,signoff_note
    P1,ok,,,,,,2.0,,this,,
    P2,failed,train,input,'=1+1,,,,,this,,
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    words, keys = [one.key for one in table.columns.texts], list(table.columns.by_key)
    writer.writerow([*BEFORE, *words, "reasons", *keys, *AFTER, *SIGNED])
    for row in table.rows:
        texts = [getattr(row, name) for name in BEFORE] + [row.texts.get(key) for key in words]
        numbers = (row.metrics.get(key) for key in keys)
        writer.writerow(
            [
                *map(_plain_text, (*texts, "; ".join(row.reasons))),
                *(repr(float(value)) if value is not None and math.isfinite(value) else "" for value in numbers),
                *map(_plain_text, (row.report, "earlier" if row.earlier else "this")),
                *map(_plain_text, (row.signed_off, row.signoff_note)),
            ]
        )
    return stream.getvalue()


def failed_fraction(rows: Sequence[CohortRow]) -> float:
    """Share of the subjects without a map that may be used: those that did not finish, and maps that failed quality
    control."""
    return sum(row.outcome != "ok" or row.qc == "fail" for row in rows) / len(rows)


def _plain_text(text: str | None) -> str:
    """Text that a spreadsheet does not take for a formula (OWASP, CSV injection)."""
    text = text or ""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
