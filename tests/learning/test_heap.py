"""What a training frees it gets back without the kernel."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from cardioscar.learning.heap import large_blocks_kept

_SCRIPT = """
import resource, sys
from contextlib import nullcontext
from cardioscar.learning.heap import large_blocks_kept
def step():
    [b"x" * (16_000_000 + n) for n in range(4)]
def faults():
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
with large_blocks_kept() as kept:
    assert kept
    during = faults()
print(during, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_large_blocks_are_not_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)

    said = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    kept, after = map(int, said.stdout.split())
    # 5 steps of 64 MB are 78,000 pages of 4 KiB; kernels that give huge pages fault less often
    assert kept < 0.2 * after


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with large_blocks_kept() as kept:
        assert not kept
