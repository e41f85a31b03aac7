"""What every measurement says besides its numbers: where and how it was taken; and the page it is written to."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def conditions(packages: Sequence[str], *, program: str = "") -> str:
    """Command, machine, load of the last minutes and versions, as Markdown; `program` stands for the script's path."""
    words = [*(program or f"benchmarks/{Path(sys.argv[0]).name}").split(), *sys.argv[1:]]
    lines = [
        f"- command: `python {shlex.join(words)}`",
        f"- machine: {len(os.sched_getaffinity(0))} cores of {platform.machine()}, {memory_gib():.0f} GiB, no GPU used",
        f"- load average when it began: {', '.join(f'{load:.1f}' for load in os.getloadavg())} (1, 5, 15 minutes)",
        f"- Python {platform.python_version()}, {', '.join(f'{name} {_version(name)}' for name in packages)}",
    ]
    return "\n".join(lines)


def memory_gib() -> float:
    """Memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def median_and_p95(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    if len(seconds) < 2:
        return seconds[0], seconds[0]
    return statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def write_page(page: Path, text: str) -> None:
    """Replace what was measured before in a page; what is written around it stays."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page.name}: expected the lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
