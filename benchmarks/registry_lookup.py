"""Look-ups by number among many versions: `python benchmarks/registry_lookup.py [--versions 10000] [--postgresql]`.

One subject is recorded with the code that the pipeline uses, once in an experiment of this version of cardioscar, and
once in one of another origin, whose models bear all numbers, as those of earlier versions did. Its rows are then copied
in the database, with other subjects, Dice and verdicts, until each experiment has as many versions as asked for. Wall
time depends on what else the machine does; the processor times of client and server do so less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measured import conditions, table
from registry import one_real_record
from servers import mlflow_server, postgresql

from cardioscar.services.tracking import records, registry
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.recording import record_subject
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.stages.scar3d.workflow import SCAR_FIELD

BATCH = 500
OF_A_RUN = ("runs", "metrics", "latest_metrics", "params", "tags")
OF_A_MODEL = ("logged_models", "logged_model_metrics", "logged_model_tags")
OF_A_VERSION = ("model_versions", "model_version_tags")
TIMES = ("creation_timestamp_ms", "last_updated_timestamp_ms", "start_time", "creation_time")


def copies(uri: str, pattern: SubjectRecord, run_id: str, model_id: str, version: int, first: int, count: int) -> None:
    """Copy a recorded subject's rows.

    Args:
        uri: The database, for SQLAlchemy.
        pattern: What was recorded.
        run_id: Its run.
        model_id: Its logged model.
        version: Its version of the registered model.
        first: Version of the first copy.
        count: Number of copies.
    """
    import sqlalchemy as sql

    engine, meta = sql.create_engine(uri), sql.MetaData()
    meta.reflect(engine)
    with engine.connect() as connection:

        def rows(name: str, column: str, value: object) -> list[dict[str, Any]]:
            table_ = meta.tables[name]
            return [
                dict(row._mapping) for row in connection.execute(sql.select(table_).where(table_.c[column] == value))
            ]

        found = {name: rows(name, "run_uuid", run_id) for name in OF_A_RUN}
        found |= {name: rows(name, "model_id", model_id) for name in OF_A_MODEL}
        found |= {name: rows(name, "version", version) for name in OF_A_VERSION}
    with engine.begin() as connection:
        for start in range(0, count, BATCH):
            made = [_copy(found, pattern, run_id, model_id, first + i) for i in range(start, min(start + BATCH, count))]
            for name in found:
                connection.execute(sql.insert(meta.tables[name]), [row for one in made for row in one[name]])
    if uri.startswith("postgresql"):
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(sql.text("ANALYZE"))
    engine.dispose()


def _copy(
    found: dict[str, list[dict[str, Any]]], pattern: SubjectRecord, run_id: str, model_id: str, version: int
) -> dict[str, list[dict[str, Any]]]:
    draw = random.Random(version)
    subject, dice = f"S{version:06d}", min(0.99, draw.gauss(0.93, 0.03))
    tags = {
        records.TAG_QC: "review" if draw.random() < 0.1 else "pass",
        records.TAG_RUN_KEY: run_key(subject, {}, "", "benchmark"),
        records.TAG_VERSION: str(version),
    }
    ids = {run_id: f"{version:032x}", model_id: f"m-{version:032x}", pattern.subject: subject}

    def value(row: dict[str, Any], column: str) -> Any:
        old = row[column]
        if isinstance(old, str):
            for before, after in ids.items():
                old = old.replace(before, after)
        if column == "version":
            return version
        if column in TIMES and old:
            return old + 1000 * version
        name = row.get("key") or row.get("tag_key") or row.get("metric_name")
        if name == "dice" and column in ("value", "metric_value"):
            return dice
        return tags.get(name, old) if column in ("value", "tag_value") else old

    return {name: [{column: value(row, column) for column in row} for row in rows] for name, rows in found.items()}


def fill(target: TrackingTarget, uri: str, pattern: SubjectRecord, versions: int) -> dict[str, TrackingTarget]:
    """Make the two experiments with so many versions each; the targets that see them."""
    plain = TrackingTarget(target.uri, "before")
    client = connect(plain)
    location = None if plain.database is None else (plain.database.parent / "mlartifacts" / "before").as_uri()
    client.create_experiment("before", artifact_location=location)  # without our tag
    found = {}
    for number, name in enumerate(("before", "after")):
        seen = TrackingTarget(target.uri, name)
        key = run_key(name, {}, "", "benchmark")
        record = SubjectRecord(**{**vars(pattern), "cohort": name, "run_key": key})
        got = record_subject(seen, record)
        assert got.model_id is not None
        assert got.version is not None
        copies(uri, record, got.run_id, got.model_id, got.version, 1000 + number * versions, versions - 1)
        found[name] = seen
    return found


def server_seconds(pid: int) -> float:
    """Processor time of a process group so far."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(words[2]) == pid:
                total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")


def ask(target: TrackingTarget, repeats: int, pid: int) -> Iterator[tuple[str, float, float, float]]:
    """Each question with wall time, processor time here and in the server's processes, medians in seconds."""
    find = partial(registry.find, target, SCAR_FIELD)
    questions = {
        "Dice below 0.9, 100 rows": lambda: find(dice_below=0.9),
        "Dice below 0.9, 20 rows": lambda: find(dice_below=0.9, limit=20),
        "needs review, 100 rows": lambda: find(qc="review"),
        "scar below 1 litre and wall below 1 litre, 100 rows": lambda: find(
            conditions=[registry.MetricFilter("scar_ml", "<", 1000), registry.MetricFilter("wall_ml", "<", 1000)],
        ),
        "Dice below 0.9, 100 rows with every number": lambda: find(dice_below=0.9, all_metrics=True),
        "newest model of a subject": lambda: find(subject="S001500"),
    }
    for name, question in questions.items():
        times = []
        for _ in range(repeats + 1):
            wall, here, there = time.perf_counter(), time.process_time(), server_seconds(pid)
            found = question()
            times.append((time.perf_counter() - wall, time.process_time() - here, server_seconds(pid) - there))
            if not found and name != "newest model of a subject":
                raise RuntimeError(f"{name}: found nothing")
        yield (name, *(statistics.median(column) for column in zip(*times[1:], strict=True)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, default=10_000, help="versions in each of two experiments")
    parser.add_argument("--repeats", type=int, default=10, help="repetitions of each question")
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    arguments = parser.parse_args()
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory(prefix="cardioscar-lookup-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        pattern = one_real_record(folder / "pattern")
        if arguments.database == "postgresql":
            uri = f"postgresql+psycopg://{stack.enter_context(postgresql())}"
        else:
            uri = f"sqlite:///{folder}/mlflow.db"
        target, pid = stack.enter_context(mlflow_server(uri, str(folder / "artifacts")))
        places = fill(target, uri, pattern, arguments.versions)
        asked = {name: list(ask(seen, arguments.repeats, pid)) for name, seen in places.items()}
    print(conditions(["cardioscar", "mlflow"]))
    print(f"- {arguments.database}, {arguments.versions:,} versions in each experiment\n")
    heads = [f"{name}: {what}" for name in asked for what in ("wall s", "client CPU s", "server CPU s")]
    rows = [
        (row[0], *(f"{value:.3f}" for name in asked for value in asked[name][index][1:]))
        for index, row in enumerate(asked["before"])
    ]
    print(table(["look-up", *heads], rows))


if __name__ == "__main__":
    main()
