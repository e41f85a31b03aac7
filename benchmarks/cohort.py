"""A cohort of small phantoms through `cardioscar run` and through the pipeline: what a subject costs beyond its fit.

    python benchmarks/cohort.py [--subjects 20 200] [--ways run pipeline] [--figures on off] [--write]

Each measurement is a fresh output folder and a command in a process of its own; the pipeline runs its tasks in
subprocesses (`python -m pipelines.reconstruct_cohort.local`), two shards at once. Both record in an MLflow store of
their own. Settings are the defaults, but for the meshes, which are small so that everything but the fit shows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from measured import conditions, table, write_page
from process_tree import Measured, run_measured

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "benchmarks" / "cohort.md"
STAGES = ("preprocess", "group_sort", "train", "infer", "evaluate")
WORKERS = 2
"""What `kfp.local` runs at once; `cardioscar run` is given as many."""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    way: str
    figures: str
    subjects: int
    measured: Measured
    stage_s: Mapping[str, float]
    """Seconds of each stage, summed over the subjects."""
    parts_s: Mapping[str, float]
    """Wall time of the parts of `cardioscar run`, or of the longest chain of the pipeline's tasks."""

    @property
    def overhead_s(self) -> float:
        """Seconds of a worker that a subject takes beyond its fit."""
        return (self.measured.wall_s * WORKERS - self.stage_s["train"]) / self.subjects

    @property
    def elsewhere_s(self) -> float:
        """Seconds of a worker that a subject takes outside the stages' work on it."""
        return (self.measured.wall_s * WORKERS - sum(self.stage_s.values())) / self.subjects


def measure(way: str, figures: str, subjects: list[str], cohort: Path, out: Path) -> Row:
    """Take one measurement.

    Raises:
        RuntimeError: If the command fails, or a subject is not ok.
    """
    ids = ",".join(subjects)
    if way == "run":
        command = [sys.executable, "-m", "cardioscar.cli", "run", str(cohort), "--out", str(out), "--subjects", ids]
        command += ["--jobs", str(WORKERS), "--figures" if figures == "on" else "--no-figures"]
    else:
        shard_size = -(-len(subjects) // WORKERS)
        command = [sys.executable, "-m", "pipelines.reconstruct_cohort.local", str(cohort), "--output", str(out)]
        command += ["--shard-size", str(shard_size), "--set", f"subjects={ids}"]
        command += ["--set", f"figures={'true' if figures == 'on' else 'false'}"]
    # one thread a worker in both, as `cardioscar run` gives them on as many cores as there are workers
    done = run_measured(command, REPOSITORY, {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    if done.exit_code:
        raise RuntimeError(f"{way}: exit code {done.exit_code}: {done.output[-500:]}")
    stage_s = dict.fromkeys(STAGES, 0.0)
    rows = [json.loads(path.read_text()) for path in _statuses(out, way)]
    for row in rows:
        stage_s[row["stage"]] += row["seconds"]
    ok = sum(row["stage"] == "evaluate" and row["outcome"] == "ok" for row in rows)
    if ok != len(subjects):
        raise RuntimeError(f"{way}: {ok} of {len(subjects)} subjects are ok")
    return Row(way, figures, len(subjects), done, stage_s, _parts(done.output, way))


def _statuses(out: Path, way: str) -> list[Path]:
    folder = out / ("work" if way == "run" else "artifacts")
    return [path for path in folder.rglob("status.json") if not path.parent.name.startswith(".")]


def _parts(output: str, way: str) -> dict[str, float]:
    """Read what the command says of its own time."""
    if way == "run":
        last = re.findall(r"(\w+) (\d+\.\d) s", output.strip().splitlines()[-1])
        return {name: float(seconds) for name, seconds in last}
    found = re.findall(r"^ *(\w+) +\d+ +(\d+\.\d) +\d+\.\d *$", output, re.MULTILINE)
    return {name: float(seconds) for name, seconds in found}


def report(rows: list[Row]) -> str:
    """The tables."""
    main = [
        (
            row.way, row.figures, row.subjects, f"{row.measured.wall_s:.0f}",
            f"{60 * row.subjects / row.measured.wall_s:.1f}", f"{row.stage_s['train'] / row.subjects:.2f}",
            f"{row.overhead_s:.2f}", f"{row.measured.cpu_s / row.subjects:.2f}", f"{row.measured.peak_mib:.0f}",
            row.measured.peak_processes,
        )
        for row in rows
    ]  # fmt: skip
    columns = ["way", "figures", "subjects", "wall s", "subjects/min", "fit s a subject", "overhead s a subject",
               "CPU s a subject", "peak MiB", "processes"]  # fmt: skip
    where = [
        (
            f"{row.way}, figures {row.figures}, {row.subjects}",
            *(f"{row.stage_s[stage] / row.subjects:.2f}" for stage in STAGES if stage != "train"),
            f"{row.elsewhere_s:.2f}",
            ", ".join(f"{name} {seconds:.0f}" for name, seconds in row.parts_s.items()),
        )
        for row in rows
    ]
    split = ["seconds of a worker, a subject", *(s for s in STAGES if s != "train"), "outside stages", "wall of parts"]
    growth = []
    for way, figures in dict.fromkeys((row.way, row.figures) for row in rows):
        of_way = sorted((r for r in rows if (r.way, r.figures) == (way, figures)), key=lambda r: r.subjects)
        first, last = of_way[0], of_way[-1]
        if first is not last:
            growth.append(
                f"- {way}, figures {figures}, from {first.subjects} to {last.subjects} subjects: wall "
                f"×{last.measured.wall_s / first.measured.wall_s:.1f}, overhead a subject "
                f"{first.overhead_s:.2f} ▸ {last.overhead_s:.2f} s, processor time a subject "
                f"{first.measured.cpu_s / first.subjects:.2f} ▸ {last.measured.cpu_s / last.subjects:.2f} s, "
                f"peak memory {first.measured.peak_mib:.0f} ▸ {last.measured.peak_mib:.0f} MiB"
            )
    return "\n\n".join([table(columns, main), table(split, where), "\n".join(growth)]).strip()


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=[20, 200], help="sizes of the cohort")
    parser.add_argument("--ways", nargs="+", choices=["run", "pipeline"], default=["run", "pipeline"])
    parser.add_argument("--figures", nargs="+", choices=["on", "off"], default=["off", "on"])
    parser.add_argument("--nodes", type=int, default=3_000, help="nodes of a mesh")
    parser.add_argument("--write", action="store_true", help=f"replace the numbers in docs/benchmarks/{PAGE.name}")
    arguments = parser.parse_args()
    from cardioscar.phantom.cohort import write_cohort

    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    head = conditions(["cardioscar", "torch", "kfp", "mlflow", "pyvista"])
    rows = []
    with tempfile.TemporaryDirectory(prefix="cardioscar-cohort-") as name:
        folder = Path(name)
        ids = write_cohort(folder / "cohort", subjects=max(arguments.subjects), nodes=arguments.nodes)
        for figures in arguments.figures:
            for way in arguments.ways:
                for count in arguments.subjects:
                    out = folder / f"{way}-{figures}-{count}"
                    rows.append(measure(way, figures, ids[:count], folder / "cohort", out))
                    load = os.getloadavg()[0]
                    print(f"{way}, figures {figures}, {count} subjects: {rows[-1].measured.wall_s:.0f} s, "
                          f"load {load:.1f}", file=sys.stderr, flush=True)  # fmt: skip
    text = f"{head}\n- phantoms of about {arguments.nodes:,} nodes, {WORKERS} workers of one thread\n\n{report(rows)}"
    print(text)
    if arguments.write:
        write_page(PAGE, text)


if __name__ == "__main__":
    main()
