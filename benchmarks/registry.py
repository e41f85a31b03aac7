"""A cohort's records in MLflow on PostgreSQL: how fast they are written, found again and repeated.

    python benchmarks/registry.py [--plan 1:50 4:150 16:1800] [--look-ups 30] [--write] [--keep] [--artifacts URI]

Each part `CLIENTS:SUBJECTS` of the plan records so many new subjects by so many processes at once, with the code that
the pipeline uses. What is recorded was measured once on a phantom: its real metrics, parameters, report and field;
subject, Dice and verdict are drawn. Look-ups are timed after each part. At the end all subjects are recorded again,
which must add no row. Servers of its own are started on loopback and stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from measured import conditions, median_and_p95, table, write_page
from servers import mlflow_server, postgresql

from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT, SCAR_FIELD

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "registry.md"
COHORT = "simulated cohort"
STARTED_MS = 1_700_000_000_000


def one_real_record(folder: Path) -> SubjectRecord:
    """Reconstruct one phantom, record it in a store of its own, and return what was recorded."""
    from cardioscar.phantom.cohort import write_cohort
    from cardioscar.stages.run.cohort import run_cohort

    (subject,) = write_cohort(folder / "cohort", subjects=1, nodes=3_000)
    store = TrackingTarget.local(folder / "store", COHORT)
    options = {"evaluate": {"figures": False}}
    run_cohort(
        RECONSTRUCT,
        folder / "cohort",
        folder / "out",
        options,
        jobs=1,
        recording=Recording(tracking=store.uri, experiment=COHORT),
    )
    shown = registry.show(store, SCAR_FIELD, subject)
    results = folder / "out" / "results" / subject
    return SubjectRecord(
        kind=SCAR_FIELD,
        subject=subject,
        cohort=COHORT,
        run_key=run_key(subject, {}, "", "benchmark"),
        qc="pass",
        started_ms=STARTED_MS,
        files={"field.safetensors": results / "field.safetensors", "field.json": results / "field.json"},
        metrics=shown["metrics"],
        params=shown["params"],
        artifacts={name: results / name for name in ("report.html", "metrics.json")},
    )


def simulated(pattern: SubjectRecord, number: int) -> SubjectRecord:
    """The record of subject `number`: three in a hundred failed, one in ten to be reviewed."""
    draw = random.Random(number)
    subject = f"S{number:06d}"
    dice = min(0.99, draw.gauss(0.93, 0.03))
    qc = "fail" if draw.random() < 0.03 else "review" if draw.random() < 0.1 else "pass"
    return dataclasses.replace(
        pattern,
        subject=subject,
        run_key=run_key(subject, {}, "", "benchmark"),
        qc=qc,
        started_ms=STARTED_MS + 1000 * number,
        metrics={**pattern.metrics, "dice": dice},
    )


def _record(uri: str, pattern: SubjectRecord, number: int) -> tuple[float, bool]:
    from cardioscar.services.tracking.recording import record_subject

    clock = time.perf_counter()
    done = record_subject(TrackingTarget(uri, COHORT), simulated(pattern, number))
    return time.perf_counter() - clock, done.reused


def _warm(_: int) -> None:
    import mlflow  # noqa: F401 - imported before the clock runs

    time.sleep(0.5)


def record_all(target: TrackingTarget, pattern: SubjectRecord, numbers: range, clients: int) -> dict[str, float]:
    """Record subjects by several processes; returns wall time and the time of each, and how many were found."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(clients, context) as pool:
        list(pool.map(_warm, range(clients)))
        clock = time.perf_counter()
        count = len(numbers)
        done = list(pool.map(_record, [target.uri] * count, [pattern] * count, numbers, chunksize=1))
        wall = time.perf_counter() - clock
    median, p95 = median_and_p95([seconds for seconds, _ in done])
    reused = sum(found for _, found in done)
    return {"clients": clients, "subjects": count, "wall_s": wall, "median_s": median, "p95_s": p95, "reused": reused}


def look_ups(target: TrackingTarget, subjects: int, repeats: int) -> list[tuple[str, float, float]]:
    """Time the registry's questions; median and 95th percentile in seconds."""
    draw = random.Random(subjects)

    def any_subject() -> str:
        while True:
            number = draw.randrange(subjects)
            if simulated_quality(number) != "fail":
                return f"S{number:06d}"

    def load() -> None:
        with tempfile.TemporaryDirectory() as folder:
            registry.load(target, SCAR_FIELD, subject=any_subject(), destination=Path(folder))

    questions: dict[str, Callable[[], object]] = {
        "newest model of a subject": lambda: _some(registry.find(target, SCAR_FIELD, subject=any_subject())),
        "Dice below 0.9, 100 rows": lambda: _some(registry.find(target, SCAR_FIELD, dice_below=0.9)),
        "Dice below 0.9, all rows": lambda: _some(registry.find(target, SCAR_FIELD, dice_below=0.9, limit=subjects)),
        "needs review, 100 rows": lambda: _some(registry.find(target, SCAR_FIELD, qc="review")),
        "needs review, all rows": lambda: _some(registry.find(target, SCAR_FIELD, qc="review", limit=subjects)),
        "load the model of a subject": load,
    }
    found = []
    for name, ask in questions.items():
        times = []
        for _ in range(repeats if "all rows" not in name else max(3, repeats // 5)):
            clock = time.perf_counter()
            ask()
            times.append(time.perf_counter() - clock)
        found.append((name, *median_and_p95(times)))
    return found


def simulated_quality(number: int) -> str:
    """Verdict of subject `number`, drawn as in `simulated`."""
    draw = random.Random(number)
    draw.gauss(0.93, 0.03)
    return "fail" if draw.random() < 0.03 else "review" if draw.random() < 0.1 else "pass"


def _some(rows: list[registry.ModelRow]) -> None:
    if not rows:
        raise RuntimeError("a look-up found nothing: what it took is not worth reporting")


def database(address: str) -> tuple[int, dict[str, int]]:
    """Size of the database in bytes, and the rows of its tables."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(f"postgresql://{address}") as connection:
        connection.autocommit = True
        connection.execute("VACUUM")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        counts = {}
        for name in names:
            counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
            counts[name] = int(counted[0]) if counted else 0
    return int(row[0]) if row else 0, counts


def folder_bytes(folder: Path) -> tuple[int, int]:
    """Files in a folder, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--plan",
        nargs="+",
        default=["1:50", "4:150", "16:1800"],
        metavar="CLIENTS:SUBJECTS",
        help="parts of the cohort; at least 20 subjects in the first, so that every question finds some",
    )
    parser.add_argument("--look-ups", type=int, default=30, help="repetitions of each question")
    parser.add_argument(
        "--artifacts", default="", help="s3:// prefix instead of a folder; endpoint from AWS_* variables"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes of the MLflow server")
    parser.add_argument("--write", action="store_true", help=f"replace the numbers in docs/benchmarks/{PAGE.name}")
    parser.add_argument("--keep", action="store_true", help="go on serving until interrupted")
    arguments = parser.parse_args()
    plan = [tuple(map(int, part.split(":"))) for part in arguments.plan]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    head = conditions(["cardioscar", "mlflow", "psycopg"])
    with tempfile.TemporaryDirectory(prefix="cardioscar-registry-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        artifacts = arguments.artifacts or str(folder / "artifacts")
        pattern = one_real_record(folder / "pattern")
        address = stack.enter_context(postgresql())
        uri = f"postgresql+psycopg://{address}"
        target, _ = stack.enter_context(mlflow_server(uri, artifacts, workers=arguments.workers))
        text = measured(target, address, pattern, plan, arguments.look_ups, folder / "artifacts")
        place = "S3" if arguments.artifacts else "a local folder"
        text = f"{head}\n- artifacts in {place}, processes of the server: {arguments.workers}\n\n{text}"
        print(text, flush=True)
        if arguments.write:
            write_page(PAGE, text)
        if arguments.keep:
            print(f"\nserving at {target.uri} until interrupted", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()


def measured(
    target: TrackingTarget,
    address: str,
    pattern: SubjectRecord,
    plan: list[tuple[int, ...]],
    repeats: int,
    artifacts: Path,
) -> str:
    """Go through the plan; returns the tables."""
    written, asked, recorded = [], [], 0
    empty_bytes, empty_rows = database(address)
    for clients, subjects in plan:
        part = record_all(target, pattern, range(recorded, recorded + subjects), clients)
        recorded += subjects
        written.append((f"{clients} clients, {subjects} new subjects", part))
        print(f"{recorded} recorded", file=sys.stderr, flush=True)
        asked.append((recorded, look_ups(TrackingTarget(target.uri, COHORT), recorded, repeats)))
    size, rows = database(address)
    clients = max(clients for clients, _ in plan)
    again = record_all(target, pattern, range(recorded), clients)
    _, rows_again = database(address)
    if again["reused"] != recorded or rows != rows_again:
        raise RuntimeError(f"recording again was not idempotent: {again}, {rows} before and {rows_again} after")
    written.append((f"{clients} clients, the same {recorded} subjects again", again))

    per_subject = {name: (rows[name] - empty_rows.get(name, 0)) / recorded for name in rows}
    largest = sorted(((n, c) for n, c in per_subject.items() if c >= 0.5), key=lambda item: -item[1])
    count, stored = folder_bytes(artifacts)
    speed = table(
        ["recording", "subjects/s", "median s", "p95 s"],
        [
            (name, f"{part['subjects'] / part['wall_s']:.1f}", f"{part['median_s']:.2f}", f"{part['p95_s']:.2f}")
            for name, part in written
        ],
    )
    names = [name for name, *_ in asked[0][1]]
    columns = ["look-up", *(f"{recorded:,} subjects: median s (p95)" for recorded, _ in asked)]
    times = [[f"{median:.2f} ({p95:.2f})" for _, median, p95 in answers] for _, answers in asked]
    finding = table(columns, [(name, *(part[i] for part in times)) for i, name in enumerate(names)])
    facts = [
        f"- database: {size / 2**20:.0f} MiB after {recorded:,} subjects, "
        f"{(size - empty_bytes) / recorded / 1024:.1f} KiB a subject, {sum(per_subject.values()):.0f} rows a subject "
        f"({', '.join(f'{n} {c:.0f}' for n, c in largest)})",
        f"- recording all {recorded:,} again added {sum(rows_again.values()) - sum(rows.values())} rows",
    ]
    if count:
        facts.append(f"- artifacts: {count / recorded:.1f} files and {stored / recorded / 1024:.0f} KiB a subject")
    return "\n\n".join([speed, finding, "\n".join(facts)])


if __name__ == "__main__":
    main()
