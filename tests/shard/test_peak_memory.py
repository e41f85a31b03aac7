"""The peak is that of the block, not of what the process did before."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cardioscar.shard import peak_memory as module
from cardioscar.shard.peak_memory import peak_memory

MIB = 2**20


def take(mib: int) -> None:
    assert np.ones(mib * MIB, dtype=np.uint8)[-1] == 1


def resettable() -> bool:
    return module._reset()


@pytest.mark.skipif(not resettable(), reason="this system does not let a process reset its peak")
def test_a_peak_is_of_its_own_block() -> None:
    with peak_memory() as idle:
        pass
    with peak_memory() as large:
        take(256)
    with peak_memory() as after:
        take(16)
    assert 240 < large.mib - idle.mib < 400
    assert after.mib < large.mib - 150


def test_where_the_peak_cannot_be_reset_it_is_that_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROCESS", tmp_path)
    take(256)
    with peak_memory() as small:
        pass
    assert small.mib > 256


def test_a_peak_is_known_of_work_that_failed() -> None:
    with pytest.raises(ValueError, match="no"), peak_memory() as peak:
        raise ValueError("no")
    assert peak.mib > 0


def test_memory_of_the_gpu_is_asked_of_torch_only_where_it_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    resets = []
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        reset_peak_memory_stats=lambda: resets.append(1),
        max_memory_allocated=lambda: 3 * MIB,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    with peak_memory() as peak:
        pass
    assert (peak.cuda_mib, resets) == (3.0, [1])
    cuda.is_initialized = lambda: False
    with peak_memory() as peak:
        pass
    assert peak.cuda_mib is None
    monkeypatch.delitem(sys.modules, "torch")
    with peak_memory() as peak:
        pass
    assert "torch" not in sys.modules
    assert peak.cuda_mib is None
