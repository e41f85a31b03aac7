"""Who may run in an output: runs of different subjects beside each other, never two of one subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cardioscar.errors import PlatformError
from cardioscar.files.folders import BusyError, only_writer

BESIDE = 16
"""A run of at most so many subjects leaves room for runs of others in the same output; each lock holds a file open."""


@contextmanager
def run_lock(out: Path, subjects: Sequence[str]) -> Iterator[None]:
    """Hold an output, or the subjects of it that a run is about.

    Args:
        out: Output folder.
        subjects: Ids of the run.

    Raises:
        PlatformError: If another run works on one of them, or on all of the output.
    """
    alone = len(subjects) > BESIDE
    with ExitStack() as held:
        try:
            held.enter_context(only_writer(out, "run", beside_others=not alone))
            for subject in () if alone else subjects:
                held.enter_context(only_writer(out, subject))
        except BusyError as error:
            raise PlatformError(
                f"{error}: wait for it, or name another output (-o); runs of up to {BESIDE} subjects each may share an "
                "output where their subjects differ"
            ) from None
        yield
