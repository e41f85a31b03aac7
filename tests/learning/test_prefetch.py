from __future__ import annotations

import os
import time

import pytest

from cardioscar.learning.prefetch import Prefetch


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def refused(number: int) -> int:
    if number == 2:
        raise ValueError("two")
    return number


def test_without_processes_the_work_is_done_here() -> None:
    with Prefetch(squared) as batches:
        assert [batches(n) for n in (0, 3, 3)] == [(0, os.getpid()), (9, os.getpid()), (9, os.getpid())]


def test_processes_give_the_same_in_any_order_and_end_with_it() -> None:
    with Prefetch(squared, workers=1, ahead=3) as batches:
        found = [batches(n) for n in (0, 1, 2, 10, 4)]
        assert [value for value, _ in found] == [0, 1, 4, 100, 16]
        [process] = {pid for _, pid in found}
        assert process != os.getpid()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and os.path.exists(f"/proc/{process}"):  # noqa: PTH110
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{process}")  # noqa: PTH110


def test_a_fault_reaches_whoever_asks_for_its_number() -> None:
    with Prefetch(refused, workers=1) as batches:
        assert batches(1) == 1
        with pytest.raises(ValueError, match="two"):
            batches(2)
