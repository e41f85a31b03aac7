"""One command and all its descendants: wall time and memory at its highest, from /proc."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PERIOD_S = 0.5


@dataclass(frozen=True)
class Measured:
    """What a command took."""

    exit_code: int
    wall_s: float
    cpu_s: float
    """Processor time of the tree, which other work on the machine changes little."""
    peak_mib: float
    """Highest sum over the processes of the tree of their proportional memory (shared pages counted once)."""
    peak_processes: int
    output: str


def run_measured(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and watch its tree."""
    clock, cpu_s = time.perf_counter(), _children_cpu_s()
    with subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as process:  # fmt: skip
        peak = [0.0, 0.0]
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        output, _ = process.communicate()
        wall_s = time.perf_counter() - clock
        watcher.join()
    return Measured(process.returncode, wall_s, _children_cpu_s() - cpu_s, peak[0], int(peak[1]), output)


def _children_cpu_s() -> float:
    """Processor time of all descendants that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    while process.poll() is None:
        tree = _tree(process.pid)
        peak[0] = max(peak[0], sum(_memory_mib(pid) for pid in tree))
        peak[1] = max(peak[1], len(tree))
        time.sleep(PERIOD_S)


def _tree(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _memory_mib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)
