"""The cohort's table on the terminal."""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = (
    ("dice", "Dice", 3),
    ("dice_log_odds", "log-odds", 3),
    ("dice_signed_distance", "signed dist.", 3),
    ("heldout_dice", "hidden Dice", 3),
    ("heldout_dice_log_odds", "log-odds", 3),
    ("heldout_dice_signed_distance", "signed dist.", 3),
    ("scar_ml", "scar ml", 1),
    ("scar_percent", "% of wall", 1),
)


def print_cohort(results: Path, tracking_uri: str, *, most: int = 40) -> None:
    """Print `cohort.csv` and where the reports lie.

    Args:
        results: Folder of published results.
        tracking_uri: Where the runs were recorded, or empty.
        most: At most so many rows; failed subjects first come into view in the report anyway.
    """
    from rich.console import Console
    from rich.table import Table

    with (results / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    shown = [column for column in COLUMNS if any(row.get(column[0]) for row in rows)]
    table = Table(title=None)
    table.add_column("subject")
    table.add_column("outcome")
    for _, title, _ in shown:
        table.add_column(title, justify="right")
    table.add_column("reason", overflow="fold")
    for row in rows[:most]:
        numbers = [f"{float(row[name]):.{digits}f}" if row.get(name) else "–" for name, _, digits in shown]
        colour = "green" if row["outcome"] == "ok" else "red"
        reason = f"{row['stage']}: {row['error_message']}" if row["outcome"] != "ok" else ""
        verdict = row["qc"] if row["outcome"] == "ok" else row["outcome"]
        table.add_row(row["subject"], f"[{colour}]{verdict}[/]", *numbers, reason)
    console = Console()
    console.print(table)
    if len(rows) > most:
        console.print(f"… and {len(rows) - most} more in cohort.csv")
    console.print(f"cohort report  {results / 'cohort.html'}", soft_wrap=True)
    first = next((row["report"] for row in rows if row.get("report")), None)
    if first:
        console.print(f"first subject  {results / first}", soft_wrap=True)
    if tracking_uri.startswith("sqlite:"):
        console.print(f"MLflow         mlflow ui --backend-store-uri {tracking_uri}", soft_wrap=True)
