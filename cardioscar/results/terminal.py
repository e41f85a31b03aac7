"""The cohort on the terminal: a table of the finished subjects, and the failed ones with their reasons."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cardioscar.errors import counted
from cardioscar.report.cohort_columns import CohortColumns
from cardioscar.report.cohort_table import CohortRow, read_cohort_json
from cardioscar.results.table import DATA, PAGE, TABLE

if TYPE_CHECKING:
    from rich.table import Table

    from cardioscar.results.publication import Results

_COLOURS = {"pass": "green", "review": "yellow", "fail": "red"}


def print_cohort(results: Results, tracking_uri: str, *, most: int = 40) -> None:
    """Print what `cohort.json` says of this run's subjects, reasons of verdicts and failures, and where reports lie.

    Args:
        results: The published results.
        tracking_uri: Where the runs were recorded, or empty.
        most: At most so many subjects, and so many failures.

    Raises:
        InputError: If `cohort.json` is damaged or another version's.
    """
    from rich.console import Console
    from rich.text import Text

    whole = read_cohort_json(results.read(DATA))
    rows, columns = whole.rows, whole.columns
    own = [row for row in rows if not row.earlier]
    ok = [row for row in own if row.outcome == "ok"]
    failed = [row for row in own if row.outcome != "ok"]
    table, console = _table(ok[:most], columns), Console()
    # in a narrow terminal ids are folded, numbers never cut off: its lines wrap
    least = Console(width=1_000).measure(_table([replace(row, subject="") for row in ok[:most]], columns)).maximum
    wide = Console(width=max(console.width, least))

    def line(text: str) -> None:
        # Text, because messages may hold brackets, which rich would take for markup
        console.print(Text(printable(text)), soft_wrap=True)

    if ok:
        wide.print(table)
    if len(ok) > most:
        line(f"… and {len(ok) - most} more in {TABLE}")
    for row in [row for row in ok if row.reasons][:most]:
        line(f"{row.subject} {row.qc}: {'; '.join(row.reasons)}")
    for row in failed[:most]:
        line(f"{row.subject} failed in {row.stage}: {row.error_message or ''}")
    if len(failed) > most:
        line(f"… and {len(failed) - most} more failures in {TABLE}")
    if len(own) < len(rows):
        line(f"and {counted(len(rows) - len(own), 'subject')} of earlier runs in {TABLE}")
    line(f"cohort report  {results.address(PAGE)}")
    first = next((row.report for row in own if row.report), None)
    if first:
        line(f"first subject  {results.address(first)}")
    if tracking_uri.startswith("sqlite"):
        from cardioscar.services.tracking.client import TrackingTarget

        line(f"MLflow         mlflow ui --backend-store-uri {shlex.quote(TrackingTarget(tracking_uri).address)}")


def cohort_document(results: Results, tracking_uri: str) -> dict[str, Any]:
    """The same for programs: verdict, subjects with numbers, reasons and faults, and where everything lies.

    Args:
        results: The published results.
        tracking_uri: Where the runs were recorded, or empty.

    Raises:
        InputError: If `cohort.json` is damaged or another version's.
    """
    whole = read_cohort_json(results.read(DATA))
    subjects = [
        {
            "subject": row.subject,
            "outcome": row.outcome,
            "qc": row.qc,
            "reasons": list(row.reasons),
            "error": None
            if row.error_message is None
            else {"stage": row.stage, "kind": row.error_kind, "message": row.error_message},
            "metrics": dict(row.metrics),
            "texts": dict(row.texts),
            "report": results.address(row.report) if row.report else None,
        }
        for row in whole.rows
        if not row.earlier
    ]
    return {
        "verdict": "accepted" if whole.summary.accepted else "rejected",
        "cohort": whole.summary.name,
        "subjects": subjects,
        "report": results.address(PAGE),
        "table": results.address(TABLE),
        "tracking_uri": tracking_uri or None,
    }


def printable(text: str) -> str:
    r"""Replace what would steer the terminal.

    >>> printable("no file '\x1b[31m.nii'")
    "no file '�[31m.nii'"
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _table(rows: Sequence[CohortRow], columns: CohortColumns) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [one for one in columns.terminal if any(row.metrics.get(one.key) is not None for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("subject", overflow="fold", min_width=8, vertical="bottom")
    table.add_column("QC", no_wrap=True, vertical="bottom")
    for one in shown:
        table.add_column(one.heading, justify="right", no_wrap=True, vertical="bottom")
    for row in rows:
        values = [(row.metrics.get(one.key), columns.by_key[one.key].decimals) for one in shown]
        numbers = ["–" if value is None else f"{value:.{decimals}f}" for value, decimals in values]
        verdict = row.qc or ""
        table.add_row(Text(printable(row.subject)), Text(verdict, _COLOURS.get(verdict, "")), *numbers)
    return table
