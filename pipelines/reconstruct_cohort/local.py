"""Run the cohort pipeline here: `python -m pipelines.reconstruct_cohort.local COHORT --output DIR`."""

import argparse
import csv
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from cardioscar.results.opening import read_results
from cardioscar.results.terminal import print_cohort
from pipelines.compile import compile_pipeline
from pipelines.ir import ROOT
from pipelines.local_runner import WORKERS, TaskFailedError, TaskRecord, run_pipeline

REJECTED, BROKEN = 1, 2
"""Exit codes: the cohort's verdict is negative; the run itself failed or could not start."""

IN_STORE = 8
"""Subjects of a task where the cohort lies in an object store and is not listed before the run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline and print the cohort's table, the reports and the wall times.

    Returns:
        0 if the cohort is accepted, 1 if too many subjects failed, 2 if the run broke.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    before = os.umask(0o077)
    os.umask(before | 0o027)  # as the command line does; the tasks inherit it
    try:
        return _run(parser, options)
    finally:
        os.umask(before)


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    ir = compile_pipeline("reconstruct_cohort_fused" if options.fused else "reconstruct_cohort")
    declared = ir.parameters(ROOT)
    given = dict(assignment.partition("=")[::2] for assignment in options.set)
    if unknown := given.keys() - declared.keys():
        parser.error(f"--set: the pipeline has no parameter {', '.join(sorted(unknown))}")
    chosen = {
        name: text if declared[name]["parameterType"] == "STRING" else yaml.safe_load(text)
        for name, text in given.items()
    }
    output = options.output.resolve()
    cohort = options.cohort if _in_store(options.cohort) else str(Path(options.cohort).resolve())
    results = options.results or str(output / "results")
    console = Console(file=sys.stdout, highlight=False)
    if not _in_store(cohort) and not Path(cohort).exists():
        _say(console, f"{Path(cohort).name}: expected a cohort's folder or cohort.csv, found none")
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
                _pipeline_arguments(options, cohort, results, output) | chosen,
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

    print_cohort(read_results(results), "")
    console.print(_times_table(records, time.monotonic() - started))
    if verdict == REJECTED:
        _say(console, f"cohort rejected: {reason}")
    return verdict


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.reconstruct_cohort.local", description=__doc__)
    parser.add_argument("cohort", help="folder or s3:// prefix of subject folders, or a cohort.csv")
    parser.add_argument("--output", type=Path, required=True, help="folder of results, artifacts, logs, MLflow store")
    parser.add_argument("--results", default="", help="folder or s3:// prefix of results (default: in the output)")
    parser.add_argument(
        "--shard-size", type=int, help=f"most subjects of one task (default: half of them; {IN_STORE} in a store)"
    )
    parser.add_argument("--max-failed-fraction", type=float, default=0.1, help="default: %(default)s")
    parser.add_argument("--holdout", default="none", help="none, odd, even or a list of slices (default: none)")
    parser.add_argument("--fused", action="store_true", help="all stages of a shard in one task")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of the pipeline, for instance --set method=reference",
    )
    return parser


def _in_store(uri: str) -> bool:
    return uri.startswith("s3://")


def _shard_size(cohort: str) -> int:
    """Half of the subjects for each of the runner's workers, as far as a look at the folder tells their number."""
    if _in_store(cohort):
        return IN_STORE
    folder = Path(cohort)
    manifest = folder / "cohort.csv" if folder.is_dir() else folder
    if manifest.is_file():
        with manifest.open(encoding="utf-8", newline="") as stream:
            subjects = sum(1 for _ in csv.DictReader(stream))
    else:
        subjects = sum(path.is_dir() for path in folder.iterdir())
    return max(1, math.ceil(subjects / WORKERS))


def _pipeline_arguments(options: argparse.Namespace, cohort: str, results: str, output: Path) -> dict[str, Any]:
    return {
        "cohort_uri": cohort,
        "results_uri": results,
        "tracking_uri": "sqlite:///" + str(output / "mlflow.db").replace("%", "%25").replace("?", "%3F"),
        "shard_size": options.shard_size or _shard_size(cohort),
        "max_failed_fraction": options.max_failed_fraction,
        "holdout": options.holdout,
    }


def _say(console: Console, text: str) -> None:
    console.print(text, style="red", markup=False, soft_wrap=True)


def _label(record: TaskRecord) -> str:
    return record.name if record.iteration is None else f"{record.name} (shard {record.iteration + 1})"


def _times_table(records: list[TaskRecord], total: float) -> Table:
    table = Table(title=f"Wall time: {total:.1f} s", box=box.SIMPLE, pad_edge=False)
    for title in ("part", "tasks", "longest, s", "sum, s"):
        table.add_column(title, justify="left" if title == "part" else "right")
    for name in dict.fromkeys(record.name for record in records):
        seconds = [record.seconds or 0.0 for record in records if record.name == name]
        table.add_row(name, str(len(seconds)), f"{max(seconds):.1f}", f"{sum(seconds):.1f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
