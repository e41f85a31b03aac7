"""Each stage on one heart of a large mesh, as a container runs it: time and memory at its highest.

    python benchmarks/large_mesh.py [--nodes 1400000] [--against FOLDER] [--run] [--write]

A phantom is made, and the stages run one after the other, each a process of its own with one thread; memory is the
peak of the process's own (`ru_maxrss`). `--run` adds `cardioscar run` over the same heart, whose memory is the highest
sum over its processes. `--against` names a folder that holds another version of the package (a git worktree).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from measured import conditions, table, write_page
from process_tree import run_measured
from startup import MAIN, REPOSITORY, Spent, spend

PAGE = REPOSITORY / "docs" / "benchmarks" / "large-mesh.md"


def commands(cohort: Path, out: Path) -> dict[str, list[str]]:
    """The words of each stage, in order, with their default settings."""
    groups, order, fields, scars = (str(out / name) for name in ("groups", "sorted", "fields", "scars"))
    return {
        "preprocess": ["preprocess", str(cohort), "-o", groups],
        "group_sort": ["group-sort", groups, "-o", order],
        "train": ["train", order, "-o", fields],
        "infer": ["infer", groups, order, fields, "-o", scars],
        "evaluate": ["evaluate", str(cohort), groups, order, fields, scars, "-o", str(out / "report")],
    }


def check(artifact: Path) -> None:
    """Refuse to count a stage that failed, which costs little.

    Raises:
        RuntimeError: If a subject of an artifact is not ok.
    """
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(artifact.glob("*/status.json"))]
    bad = [f"{row['subject']}: {row['outcome']} {row['error']}" for row in rows if row["outcome"] != "ok"]
    if bad or not rows:
        raise RuntimeError(f"{artifact.name}: {'; '.join(bad) or 'no subject'}")


def stages(package: Path, cohort: Path, out: Path) -> dict[str, Spent]:
    """Run all stages with the package of a folder."""
    spent = {}
    for stage, words in commands(cohort, out).items():
        spent[stage] = spend(["-c", MAIN, *words], package)
        check(Path(words[words.index("-o") + 1]))
    return spent


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1_400_000, help="wanted number of mesh nodes")
    parser.add_argument("--against", type=Path, help="folder with another version of the package")
    parser.add_argument("--run", action="store_true", help="measure `cardioscar run` too")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(REPOSITORY)}")
    arguments = parser.parse_args()

    said = conditions(["cardioscar", "torch", "pyvista", "scipy"])
    packages = ({"before": arguments.against} if arguments.against else {}) | {"this": REPOSITORY}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cohort = root / "cohort"
        made = spend(
            ["-c", MAIN, "phantom", str(cohort), "--nodes", str(arguments.nodes), "--subjects", "1", "--seed", "100"],
            REPOSITORY,
        )
        rows = [["phantom (not a stage)", f"{made.cpu_s:.0f}", f"{made.wall_s:.0f}", f"{made.peak_mib:.0f}"]]
        for name, package in packages.items():
            spent = stages(package, cohort, root / name)
            rows += [
                [f"{stage}, {name}", f"{one.cpu_s:.0f}", f"{one.wall_s:.0f}", f"{one.peak_mib:.0f}"]
                for stage, one in spent.items()
            ]
            total = [sum(getattr(one, field) for one in spent.values()) for field in ("cpu_s", "wall_s")]
            highest = max(one.peak_mib for one in spent.values())
            rows.append([f"all stages, {name}", f"{total[0]:.0f}", f"{total[1]:.0f}", f"{highest:.0f}"])
        if arguments.run:
            words = [sys.executable, "-c", MAIN, "run", str(cohort), "-o", str(root / "run"), "-j", "1"]
            done = run_measured(words, root, {"PYTHONPATH": str(REPOSITORY), **os.environ})
            if done.exit_code:
                raise RuntimeError(f"cardioscar run: exit code {done.exit_code}\n{done.output[-800:]}")
            rows.append(["cardioscar run, this", f"{done.cpu_s:.0f}", f"{done.wall_s:.0f}", f"{done.peak_mib:.0f}"])
    text = f"{said}\n\n{table(('stage', 'CPU s', 'wall s', 'peak MiB'), rows)}"
    print(text)
    if arguments.write:
        write_page(PAGE, text)


if __name__ == "__main__":
    main()
