"""Batches made by other processes while the network learns, each from its number alone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeVar

from cardioscar.files.end_with_parent import end_with_parent

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Results of a function of a whole number, computed ahead.

    What a number gives does not depend on who computes it or when: a training that is resumed, or that has more
    processes, meets the same batches.

    Args:
        make: The function; with processes it must be importable by name, or an instance of an importable class.
        workers: Processes; 0 computes in this one.
        ahead: Numbers that are computed ahead for each process.

    >>> with Prefetch(abs, workers=0) as batches:
    ...     batches(3)
    3
    """

    def __init__(self, make: Callable[[int], T], *, workers: int = 0, ahead: int = 2) -> None:
        self._make, self._ahead = make, workers * ahead
        self._pool: ProcessPoolExecutor | None = None
        self._coming: dict[int, Future[T]] = {}
        if workers:
            # a forked process would share the threads' locks of this one
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(workers, context, end_with_parent, (os.getpid(),))

    def __call__(self, number: int) -> T:
        """The result of a number; those after it are begun."""
        if self._pool is None:
            return self._make(number)
        for one in range(number, number + self._ahead + 1):
            if one not in self._coming:
                self._coming[one] = self._pool.submit(self._make, one)
        for passed in [one for one in self._coming if one < number]:
            self._coming.pop(passed).cancel()
        return self._coming.pop(number).result()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            self._coming.clear()

    def __enter__(self) -> Prefetch[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        self.close()
