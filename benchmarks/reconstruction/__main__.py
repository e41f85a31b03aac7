"""Every reconstruction method on the same cases, as tables and figures.

    python -m benchmarks.reconstruction                                # choosing set, 30,000 nodes
    python -m benchmarks.reconstruction --methods log-odds network --cases oblique --nodes 300000
    python -m benchmarks.reconstruction --set people-choosing --hearts 20 --methods shape-based linear posterior
    python -m benchmarks.reconstruction --set reporting real --nodes 30000 300000 --jobs 2 --write

What has been run with the same code, settings and case is not run again. `--write` puts tables and figures on the page
in `docs/benchmarks/`; otherwise they go to the output folder.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measured import conditions
from benchmarks.reconstruction.page import write_report
from benchmarks.reconstruction.plan import Planned, plan
from benchmarks.reconstruction.processes import run_all
from benchmarks.reconstruction.results import Results
from benchmarks.reconstruction.roster import REFERENCE, ROSTER
from benchmarks.reconstruction.suite import REFERENCE_CASES, SETS

PACKAGES = ("cardioscar", "torch", "numpy", "scipy", "pyvista")
REPOSITORY = Path(__file__).resolve().parents[2]


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 if a trial failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reconstruction", description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--set", dest="sets", nargs="+", choices=list(SETS), default=["choosing"], help="sets of cases")
    parser.add_argument("--cases", nargs="+", default=[], help="only cases whose name holds one of these words")
    parser.add_argument("--hearts", type=int, default=20, help="hearts of each set of people-like phantoms")
    parser.add_argument("--methods", nargs="+", choices=list(ROSTER), default=list(ROSTER), help="methods")
    parser.add_argument("--nodes", nargs="+", type=int, default=[30_000], help="numbers of mesh nodes")
    parser.add_argument("--seed", type=int, default=0, help="seed of the methods and their draws")
    parser.add_argument("--draws", type=int, default=40, help="draws for intervals")
    parser.add_argument("--reference-seconds", type=float, default=60.0, help="processor time of a reference fit")
    parser.add_argument("--reference-cases", nargs="+", default=REFERENCE_CASES, help="the reference runs on these")
    parser.add_argument("--reference-nodes", type=int, default=30_000, help="the reference runs up to so many nodes")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, one thread each")
    parser.add_argument("--again", action="store_true", help="run also what has been run")
    parser.add_argument("--kept", action="store_true", help="run nothing: tables and figures of what has been run")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "bench-reconstruction", help="output folder")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / "build" / "bench-cases", help="folder of cases")
    parser.add_argument("--write", action="store_true", help="write to docs/benchmarks/")
    asked = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    head = conditions(PACKAGES, program="-m benchmarks.reconstruction")
    results = Results(asked.out / "results.jsonl")
    planned, skipped = plan(asked)
    for reason in skipped:
        print(f"skipped: {reason}", flush=True)
    if not asked.kept:
        _run(planned, results, jobs=asked.jobs, again=asked.again)
    rows, stale = _rows(planned, results, any_code=asked.kept)
    failed = [row for row in rows if "error" in row]
    for row in failed:
        print(f"failed: {row['method']} on {row['case']}: {row['error']}")
    if stale:
        print(f"{stale} of {len(rows)} results are of other code or settings")
    if not rows:
        print("no results")
        return 1
    page = REPOSITORY / "docs" / "benchmarks" / "reconstruction.md" if asked.write else asked.out / "reconstruction.md"
    text = write_report(rows, page, head=head, skipped=skipped, stale=stale, reference_s=asked.reference_seconds)
    print(text)
    return 1 if failed else 0


def _run(planned: Sequence[Planned], results: Results, *, jobs: int, again: bool) -> None:
    todo = {one.trial: one for one in planned if again or "scores" not in (results.get(one.key) or {})}
    # the reference takes longest: at the end it would run alone
    todo = dict(sorted(todo.items(), key=lambda item: item[0].method != REFERENCE))
    clock = time.perf_counter()
    for done, (trial, outcome) in enumerate(run_all(list(todo), jobs=jobs), start=1):
        results.add(todo[trial].row(outcome))
        told = outcome.get("error") or f"Dice {outcome['scores']['dice'] or 0:.3f}"
        print(
            f"{done}/{len(todo)} {time.perf_counter() - clock:5.0f} s  {trial.method} · {trial.case.name}: {told}",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def _rows(planned: Sequence[Planned], results: Results, *, any_code: bool) -> tuple[list[dict], int]:
    """Rows in the order of the plan, and how many of them are of other code."""
    newest = {(r["method"], r["case"], r["nodes_wanted"], r["seed"]): r for r in results.newest()}
    rows, stale = [], 0
    for one in planned:
        row = results.get(one.key)
        if row is None and any_code:
            row = newest.get((one.trial.method, one.case, one.nodes, one.trial.seed))
            stale += row is not None
        if row is not None:
            rows.append(row)
    return rows, stale


if __name__ == "__main__":
    sys.exit(main())
