"""The cohort on the terminal: a table of the reconstructed subjects, and the failed ones with their reasons."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cardioscar.errors import counted

if TYPE_CHECKING:
    from rich.table import Table

    from cardioscar.results.publication import Results

COLUMNS = (
    ("dice", "Dice", 3),
    ("dice_log_odds", "log-\nodds", 3),
    ("dice_signed_distance", "signed\ndist.", 3),
    ("heldout_dice", "hidden\nDice", 3),
    ("heldout_dice_log_odds", "hidden\nlog-\nodds", 3),
    ("heldout_dice_signed_distance", "hidden\nsigned\ndist.", 3),
    ("scar_ml", "scar\nml", 1),
    ("scar_percent", "% of\nwall", 1),
)
"""Column of `cohort.csv`, heading, decimals. Headings of several lines keep the table within 80 characters."""

_COLOURS = {"pass": "green", "review": "yellow", "fail": "red"}


def print_cohort(results: Results, tracking_uri: str, *, most: int = 40) -> None:
    """Print what `cohort.csv` says of this run's subjects, reasons of verdicts and failures, and where the reports lie.

    Args:
        results: The published results.
        tracking_uri: Where the runs were recorded, or empty.
        most: At most so many subjects, and so many failures.
    """
    from rich.console import Console
    from rich.text import Text

    rows = list(csv.DictReader(io.StringIO(results.read("cohort.csv").decode(), newline="")))
    own = [row for row in rows if row.get("of_run") != "earlier"]
    ok = [row for row in own if row["outcome"] == "ok"]
    failed = [row for row in own if row["outcome"] != "ok"]
    table, console = _table(ok[:most]), Console()
    # in a narrow terminal ids are folded, numbers never cut off: its lines wrap
    least = Console(width=1_000).measure(_table([row | {"subject": ""} for row in ok[:most]])).maximum
    wide = Console(width=max(console.width, least))

    def line(text: str) -> None:
        # Text, because messages may hold brackets, which rich would take for markup
        console.print(Text(printable(text)), soft_wrap=True)

    if ok:
        wide.print(table)
    if len(ok) > most:
        line(f"… and {len(ok) - most} more in cohort.csv")
    for row in [row for row in ok if row.get("reasons")][:most]:
        line(f"{row['subject']} {row['qc']}: {row['reasons']}")
    for row in failed[:most]:
        line(f"{row['subject']} failed in {row['stage']}: {row['error_message']}")
    if len(failed) > most:
        line(f"… and {len(failed) - most} more failures in cohort.csv")
    if len(own) < len(rows):
        line(f"and {counted(len(rows) - len(own), 'subject')} of earlier runs in cohort.csv")
    line(f"cohort report  {results.address('cohort.html')}")
    first = next((row["report"] for row in own if row.get("report")), None)
    if first:
        line(f"first subject  {results.address(first)}")
    if tracking_uri.startswith("sqlite"):
        from cardioscar.services.tracking.client import TrackingTarget

        line(f"MLflow         mlflow ui --backend-store-uri {shlex.quote(TrackingTarget(tracking_uri).address)}")


def printable(text: str) -> str:
    r"""Replace what would steer the terminal.

    >>> printable("no file '\x1b[31m.nii'")
    "no file '�[31m.nii'"
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _table(rows: Sequence[dict[str, str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [column for column in COLUMNS if any(row.get(column[0]) for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("subject", overflow="fold", min_width=8, vertical="bottom")
    table.add_column("QC", no_wrap=True, vertical="bottom")
    for _, title, _ in shown:
        table.add_column(title, justify="right", no_wrap=True, vertical="bottom")
    for row in rows:
        numbers = [f"{float(row[name]):.{digits}f}" if row.get(name) else "–" for name, _, digits in shown]
        table.add_row(Text(printable(row["subject"])), Text(row["qc"], _COLOURS.get(row["qc"], "")), *numbers)
    return table
