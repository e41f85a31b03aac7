"""One subject out of a cohort's table and page, both as if it had never been in them."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.results.own_table import is_own_page

TABLE, PAGE = "cohort.csv", "cohort.html"

_TITLE = re.compile(r"<h1>(.*?)</h1>\s*<p class=\"lede\">[^<·]*(?:· ([^<]*))?</p>", re.DOTALL)
_LIMIT = re.compile(r"up to ([0-9.]+)\s*%? may fail")


def drop_subject(folder: Path, subject: str, page: str = PAGE) -> bool:
    """Take a subject out of `cohort.csv` and of the page beside it.

    The page is drawn again from the rows that stay, with the verdict that it had. Where nothing stays, or it cannot be
    drawn again, it is removed: `cardioscar summarize-cohort` writes a new one. A page of somebody else's is left.

    Args:
        folder: Where the two files lie; either may be missing.
        subject: Id.
        page: Name of the page.

    Returns:
        Whether the subject was in one of them.

    Raises:
        InputError: If the table is none.
        PlatformError: If a file cannot be written.
    """
    from cardioscar.files.atomic import atomic_file

    table = folder / TABLE
    was_in_table = False
    lines: list[list[str]] = []
    if table.is_file():
        lines, was_in_table = _without(table, subject)
        if was_in_table and len(lines) < 2:
            table.unlink()
        elif was_in_table:
            with atomic_file(table) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream, lineterminator="\r\n").writerows(lines)
    text = (folder / page).read_bytes() if (folder / page).is_file() else b""
    was_in_page = is_own_page(text) and mentions(text, subject)
    if was_in_page:
        _draw_again(folder / page, lines)
    return was_in_table or was_in_page


def mentions(data: bytes, subject: str) -> bool:
    """Whether a text names a subject, as a word of its own: P1 is not in P10.

    >>> mentions(b"P10 and P1.", "P1"), mentions(b"P10, P1-a, _P1", "P1")
    (True, False)
    """
    return re.search(rb"(?<![A-Za-z0-9_-])" + re.escape(subject.encode()) + rb"(?![A-Za-z0-9_-])", data) is not None


def _without(table: Path, subject: str) -> tuple[list[list[str]], bool]:
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


def _draw_again(page: Path, lines: list[list[str]]) -> None:
    from cardioscar.report.cohort import METRICS, CohortRow, CohortSummary, write_cohort_report

    text = page.read_text(encoding="utf-8", errors="replace")
    title, limit = _TITLE.search(text), _LIMIT.search(text)
    if len(lines) < 2 or not title or not limit:
        page.unlink()
        return
    rows = []
    for line in lines[1:]:
        cells = dict(zip(lines[0], line, strict=False))
        numbers = {key: float(cells[key]) for key in METRICS if cells.get(key)}
        rows.append(
            CohortRow(
                subject=cells["subject"],
                outcome=cells["outcome"],  # type: ignore[arg-type]
                stage=cells["stage"],
                error_kind=cells["error_kind"] or None,
                error_message=cells["error_message"].removeprefix("'") or None,
                qc=cells["qc"] or None,
                septum=cells.get("septum") or None,
                reasons=[cells["reasons"].removeprefix("'")] if cells.get("reasons") else [],
                metrics=numbers,
                report=cells["report"] or None,
                run_link=cells["run_link"] or None,
                earlier=cells.get("of_run") == "earlier",
            )
        )
    summary = CohortSummary(
        accepted="Not accepted</span>" not in text,
        max_failed_fraction=float(limit[1]) / 100,
        name=html.unescape(title[1]),
        created=html.unescape(title[2] or "").strip(),
    )
    write_cohort_report(page, rows, summary)
