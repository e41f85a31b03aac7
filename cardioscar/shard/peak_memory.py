"""How much memory a piece of work took at its highest, of this process and of its GPU."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROCESS = Path("/proc/self")
_RESET_PEAK = "5"
"""What `/proc/<pid>/clear_refs` takes for "the peak is what is in use now" (man 5 proc)."""


@dataclass
class PeakMemory:
    """Peaks, filled in when the work is over."""

    mib: float = 0.0
    """Resident memory of this process at its highest, in MiB."""
    cuda_mib: float | None = None
    """Memory that torch held on the GPU at its highest, in MiB; None where torch used none."""


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Measure the peaks of a block.

    Linux lets a process set its own peak back, so that the block's peak is told from those of earlier work in the same
    process. Where that is refused (a hardened kernel, another system) the peak is that of the process since its start.

    Yields:
        Filled in at the end of the block, also when it raises.
    """
    peak = PeakMemory()
    resettable = _reset()
    cuda = _cuda()
    if cuda:
        cuda.reset_peak_memory_stats()
    try:
        yield peak
    finally:
        peak.mib = round(_high_water_mark() if resettable else _since_start(), 1)
        cuda = cuda or _cuda()
        if cuda:
            peak.cuda_mib = round(cuda.max_memory_allocated() / 2**20, 1)


def _reset() -> bool:
    try:
        (_PROCESS / "clear_refs").write_text(_RESET_PEAK)
        return _high_water_mark() > 0
    except (OSError, ValueError):
        return False


def _high_water_mark() -> float:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmHWM")


def _since_start() -> float:
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (2**20 if sys.platform == "darwin" else 1024)


def _cuda() -> Any:
    """torch.cuda, if this process has it at work: asking must neither import torch nor wake the GPU."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None
