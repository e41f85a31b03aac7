"""What a training frees it gets back without the kernel."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from cardioscar.learning.heap import keep_large_blocks

_SCRIPT = """
import resource, sys
from cardioscar.learning.heap import keep_large_blocks
if sys.argv[1] == "kept":
    assert keep_large_blocks()
def step():
    [b"x" * (16_000_000 + n) for n in range(4)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_large_blocks_are_not_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)

    def faults(how: str) -> int:
        said = subprocess.run([sys.executable, "-c", _SCRIPT, how], capture_output=True, text=True, check=True)
        return int(said.stdout)

    # 5 steps of 64 MB are 78,000 pages of 4 KiB; kernels that give huge pages fault less often
    assert faults("kept") < 0.2 * faults("freed")


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_large_blocks.__wrapped__()
