"""How far a long command is, on standard error: bars where somebody watches, a line now and then where a file does."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol


class Tell(Protocol):
    """Is told of a part of the work, of how much of it is done and of how much there is, and what is at work."""

    def __call__(self, part: str, done: int, of: int, now: str = "") -> None:
        """Tell it."""


EVERY_SECONDS = 10.0
"""Between two lines, where standard error is no terminal."""


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Tell]:
    """Bars with counts and the time left for each part of a work; plain lines where standard error is no terminal.

    Args:
        quiet: Show none.
    """
    if quiet:
        yield lambda part, done, of, now="": None
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield Lines().tell


@contextmanager
def waiting(what: str, how_long: str, *, quiet: bool = False) -> Iterator[None]:
    """A work that does not say how far it is: what it is, how long it takes, and the time so far.

    Args:
        what: What is done.
        how_long: How long that takes, in words.
        quiet: Say nothing.
    """
    if quiet:
        yield
        return
    if not sys.stderr.isatty():
        with _now_and_then(lambda seconds: f"{what}: {duration(seconds)} so far ({how_long})"):
            yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(f"{what}: {how_long}", total=None)
        yield


@contextmanager
def _now_and_then(text: Callable[[float], str]) -> Iterator[None]:
    """A line every so often until the work is done; none for one that is done soon."""
    started, done = time.monotonic(), threading.Event()

    def say() -> None:
        while not done.wait(EVERY_SECONDS):
            sys.stderr.write(text(time.monotonic() - started) + "\n")
            sys.stderr.flush()

    speaker = threading.Thread(target=say, name="progress", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


@contextmanager
def _bars() -> Iterator[Tell]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def tell(part: str, done: int, of: int, now: str = "") -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(escape(part), total=of)
            bar.update(tasks[part], completed=done, total=of, description=escape(f"{part}  {now}".rstrip()))

        yield tell


@dataclass
class Lines:
    """Lines for a file or a pipe: at the most one in `every_s` seconds, and one at the end of a part that had any.

    Attributes:
        every_s: Seconds between two lines of a part.
        clock: Seconds of a clock that goes on.
    """

    every_s: float = EVERY_SECONDS
    clock: Callable[[], float] = time.monotonic
    _begun: dict[str, tuple[float, int]] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def tell(self, part: str, done: int, of: int, now: str = "") -> None:
        """Say how far a part is, if it is time to."""
        clock = self.clock()
        since, first = self._begun.setdefault(part, (clock, done))
        last = self._last.setdefault(part, clock)
        if not (clock - last >= self.every_s or (done >= of and part in self._said and clock > last)):
            return
        self._last[part] = clock
        self._said.add(part)
        text = f"{part}: {done} of {of}"
        if done >= of:
            text += f", {duration(clock - since)}"
        elif done > first:
            text += f", {duration((clock - since) / (done - first) * (of - done))} left"
        sys.stderr.write(text + (f" ({now})" if now else "") + "\n")
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """Time in words that suit its length.

    >>> duration(4.2), duration(95), duration(7_300)
    ('4 s', '1 min 35 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
