"""What a stage costs before its work: its import, a run that has nothing to do, and the libraries that work loads.

    python benchmarks/startup.py [--repeats 5] [--against FOLDER] [--write]

Each measurement is a process of its own, as in a container; the processor time is counted, which other work on the
machine changes little. `--against` names a folder that holds another version of the package (a git worktree), which is
measured in the same run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from measured import conditions, table, write_page

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "benchmarks" / "startup.md"
LIBRARIES = ("numpy", "SimpleITK", "pyvista", "vtk", "matplotlib", "torch", "torch._dynamo")
MAIN = "import sys; from cardioscar.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Spent:
    """What one process took."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    """Highest resident memory; never below that of the process that measures, which is small."""
    output: str


def spend(words: Sequence[str], package: Path) -> Spent:
    """Run Python with the package of a folder.

    Raises:
        RuntimeError: If the process fails.
    """
    environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryDirectory() as elsewhere:
        clock = time.perf_counter()
        # not in the repository: its folder would come before the package that is asked for
        child = subprocess.Popen(
            [sys.executable, *words], cwd=elsewhere, env=environment, stdout=output, stderr=output, text=True
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - clock
        output.seek(0)
        text = output.read()
    if child.returncode:
        raise RuntimeError(f"{' '.join(words[-8:])}: exit code {child.returncode}\n{text[-800:]}")
    return Spent(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024, text)


def commands(cohort: Path, out: Path) -> Mapping[str, list[str]]:
    """The words of each stage on one small phantom, in order."""
    groups, order, fields, scars = (str(out / name) for name in ("groups", "sorted", "fields", "scars"))
    return {
        "list_subjects": ["list-subjects", str(cohort)],
        "preprocess": ["preprocess", str(cohort), "-o", groups],
        "group_sort": ["group-sort", groups, "-o", order],
        "train": ["train", order, "-o", fields, "--steps", "20"],
        "infer": ["infer", groups, order, fields, "-o", scars],
        "evaluate": ["evaluate", str(cohort), groups, order, fields, scars, "-o", str(out / "report"), "--no-figures"],
    }


def loaded(importtime: str) -> list[str]:
    """Libraries among `LIBRARIES` that Python's `-X importtime` names.

    >>> loaded("import time:  1 | 2 |   numpy\\nimport time: 1 | 2 | torch.nn")
    ['numpy']
    """
    names = {line.rpartition("|")[2].strip() for line in importtime.splitlines() if line.startswith("import time:")}
    return [name for name in LIBRARIES if name in names]


def measure(package: Path, cohort: Path, out: Path, repeats: int) -> dict[str, list[object]]:
    """One row for each stage: import, nothing to do, a first subject (processor seconds), memory, libraries."""
    rows: dict[str, list[object]] = {}
    for stage, words in commands(cohort, out).items():
        imported = [spend(["-c", f"import cardioscar.stages.scar3d.{stage}"], package).cpu_s for _ in range(repeats)]
        first = spend(["-X", "importtime", "-c", MAIN, *words], package)
        again = [spend(["-c", MAIN, *words], package).cpu_s for _ in range(repeats)]
        rows[stage] = [
            f"{statistics.median(imported):.2f}", f"{statistics.median(again):.2f}", f"{first.cpu_s:.2f}",
            f"{first.peak_mib:.0f}", ", ".join(loaded(first.output)) or "none",
        ]  # fmt: skip
    return rows


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="the median of so many processes counts")
    parser.add_argument("--against", type=Path, help="folder with another version of the package, measured in turn")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(REPOSITORY)}")
    arguments = parser.parse_args()

    said = conditions(["cardioscar", "torch", "pyvista", "scipy"])
    packages = {"this": REPOSITORY} | ({"before": arguments.against} if arguments.against else {})
    lines: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        cohort = Path(folder) / "cohort"
        spend(["-c", MAIN, "phantom", str(cohort), "--nodes", "3000", "--subjects", "1"], REPOSITORY)
        found = {name: measure(path, cohort, Path(folder) / name, arguments.repeats) for name, path in packages.items()}
        for stage in found["this"]:
            lines += [[f"{stage}, {name}", *found[name][stage]] for name in reversed(packages)]
    columns = ("stage", "import s", "nothing to do s", "a first subject s", "peak MiB", "libraries loaded")
    text = f"{said}\n\n{table(columns, lines)}"
    print(text)
    if arguments.write:
        write_page(PAGE, text)


if __name__ == "__main__":
    main()
