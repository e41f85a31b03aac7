"""Run the cohort pipeline here: `python -m pipelines.reconstruct_cohort.local COHORT --output DIR`."""

import argparse
import csv
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.compile import compile_pipeline
from pipelines.ir import ROOT
from pipelines.local_runner import WORKERS, TaskFailedError, TaskRecord, run_pipeline

REJECTED, BROKEN = 1, 2
"""Exit codes: the cohort's verdict is negative; the run itself failed or could not start."""

_COLUMNS = {
    "dice": "Dice",
    "dice_log_odds": "log-odds",
    "dice_signed_distance": "signed dist.",
    "heldout_dice": "Dice, hidden slices",
    "heldout_dice_log_odds": "log-odds, hidden",
    "heldout_dice_signed_distance": "signed dist., hidden",
    "scar_ml": "scar, ml",
    "scar_percent": "scar, % of wall",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline and print the cohort's table, the reports and the wall times.

    Returns:
        0 if the cohort is accepted, 1 if too many subjects failed, 2 if the run broke.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    ir = compile_pipeline("reconstruct_cohort")
    declared = ir.parameters(ROOT)
    given = dict(assignment.partition("=")[::2] for assignment in options.set)
    if unknown := given.keys() - declared.keys():
        parser.error(f"--set: the pipeline has no parameter {', '.join(sorted(unknown))}")
    chosen = {
        name: text if declared[name]["parameterType"] == "STRING" else yaml.safe_load(text)
        for name, text in given.items()
    }
    output = options.output.resolve()
    cohort = options.cohort.resolve()
    console = Console(file=sys.stdout, highlight=False)
    if not cohort.exists():
        _say(console, f"{options.cohort.name}: expected a cohort's folder or cohort.csv, found none")
        return BROKEN

    started = time.monotonic()
    verdict = 0
    records: list[TaskRecord] = []
    try:
        with console.status("starting") as status:

            def on_start(record: TaskRecord) -> None:
                records.append(record)
                status.update(", ".join(_label(r) for r in records if r.seconds is None))

            def on_end(record: TaskRecord) -> None:
                mark = "[green]✓[/]" if record.exit_code == 0 else "[red]✗[/]"
                console.print(f"{mark} {_label(record):<28} {record.seconds:5.1f} s")
                status.update(", ".join(_label(r) for r in records if r.seconds is None))

            run_pipeline(
                ir,
                _pipeline_arguments(options, cohort, output) | chosen,
                root=output,
                on_start=on_start,
                on_end=on_end,
            )
    except TaskFailedError as failure:
        kind, _, reason = failure.record.reason.partition(": ")
        if not kind.endswith("CohortRejected"):
            _say(console, f"{failure}\nlog: {failure.record.log}")
            return BROKEN
        verdict = REJECTED

    rows = _read_rows(output / "results" / "cohort.csv")
    console.print(_cohort_table(rows))
    _print_reports(console, rows, output / "results")
    console.print(_times_table(records, time.monotonic() - started))
    if verdict == REJECTED:
        _say(console, f"cohort rejected: {reason}")
    return verdict


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.reconstruct_cohort.local", description=__doc__)
    parser.add_argument("cohort", type=Path, help="folder of subject folders, or a cohort.csv")
    parser.add_argument("--output", type=Path, required=True, help="folder of results, artifacts, logs, MLflow store")
    parser.add_argument("--shard-size", type=int, help="subjects of one task (default: half of them)")
    parser.add_argument("--max-failed-fraction", type=float, default=0.1, help="default: %(default)s")
    parser.add_argument("--holdout", default="none", help="none, odd, even or a list of slices (default: none)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of the pipeline, for instance --set method=reference",
    )
    return parser


def _pipeline_arguments(options: argparse.Namespace, cohort: Path, output: Path) -> dict[str, Any]:
    manifest = cohort / "cohort.csv" if cohort.is_dir() else cohort
    if manifest.is_file():
        subjects = len(_read_rows(manifest))
    else:
        subjects = sum(path.is_dir() for path in cohort.iterdir())
    return {
        "cohort_uri": str(cohort),
        "results_uri": str(output / "results"),
        "tracking_uri": f"sqlite:///{output / 'mlflow.db'}",
        "shard_size": options.shard_size or max(1, math.ceil(subjects / WORKERS)),
        "max_failed_fraction": options.max_failed_fraction,
        "holdout": options.holdout,
    }


def _say(console: Console, text: str) -> None:
    console.print(text, style="red", markup=False, soft_wrap=True)


def _label(record: TaskRecord) -> str:
    return record.name if record.iteration is None else f"{record.name} (shard {record.iteration + 1})"


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _cohort_table(rows: list[dict[str, str]]) -> Table:
    table = Table(title="Cohort")
    shown = [column for column in _COLUMNS if any(row.get(column) for row in rows)]
    for title in ["subject", "outcome", *(_COLUMNS[column] for column in shown), "reason"]:
        table.add_column(title, justify="right" if title in _COLUMNS.values() else "left")
    for row in rows:
        numbers = [f"{float(row[column]):.3f}" if row.get(column) else "–" for column in shown]
        colour = "green" if row["outcome"] == "ok" else "red"
        reason = f"{row.get('stage', '')}: {row['error_message']}" if row.get("error_message") else ""
        table.add_row(row["subject"], f"[{colour}]{row['outcome']}[/]", *numbers, escape(reason))
    return table


def _print_reports(console: Console, rows: list[dict[str, str]], results: Path) -> None:
    console.print("Reports:")
    for report in [*(row["report"] for row in rows if row.get("report")), "cohort.html"]:
        console.print(f"  {results / report}", markup=False, soft_wrap=True)


def _times_table(records: list[TaskRecord], total: float) -> Table:
    table = Table(title=f"Wall time: {total:.1f} s")
    for title in ("part", "tasks", "longest, s", "sum, s"):
        table.add_column(title, justify="left" if title == "part" else "right")
    for name in dict.fromkeys(record.name for record in records):
        seconds = [record.seconds or 0.0 for record in records if record.name == name]
        table.add_row(name, str(len(seconds)), f"{max(seconds):.1f}", f"{sum(seconds):.1f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
