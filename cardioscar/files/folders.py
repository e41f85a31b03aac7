"""One subject's folder in an artifact: filled out of sight, shown whole, mended after a kill, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cardioscar.config import file_sha256
from cardioscar.errors import PlatformError

PLATFORM_ERRNO = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
"""System errors that are the machine's fault, not the subject's."""

# A run that was killed may have a worker that is still on its way out.
_LOCK_PATIENCE_S = 5.0


class BusyError(PlatformError):
    """Another process works in the same place."""


@contextmanager
def fresh_folder(final: Path) -> Iterator[Path]:
    """Give an empty folder out of sight that, when the block ends well, appears as `final`, in place of an older one.

    When the block raises, nothing of it stays, and an older `final` is as it was.

    Args:
        final: The subject's folder.

    Yields:
        Folder to fill, beside `final`.
    """
    recover(final)
    scratch = _scratch(final)
    scratch.mkdir()
    try:
        yield scratch
        # A folder cannot replace a full one in a single step: the older one steps aside first, and `recover` puts it
        # back if the process is killed between the two renames.
        if final.exists():
            final.rename(_aside(final))
        scratch.rename(final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(_aside(final), ignore_errors=True)


def recover(final: Path) -> None:
    """Clean up after a killed process: drop what was half written, put a folder that had stepped aside back."""
    shutil.rmtree(_scratch(final), ignore_errors=True)
    aside = _aside(final)
    if aside.exists():
        if final.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(final)


def file_hashes(folder: Path, *, without: str = "") -> dict[str, str]:
    """sha256 of each file of a folder by its path in it, but for one of that name; empty where there is no folder."""
    return {
        p.relative_to(folder).as_posix(): file_sha256(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not (without and p == folder / without)
    }


@contextmanager
def only_writer(
    folder: Path, name: str, *, patience_s: float | None = None, beside_others: bool = False
) -> Iterator[None]:
    """Hold the lock `.<name>.lock`, so that two processes cannot mix their files; the kernel frees it when one dies.

    Args:
        folder: Where the lock's file lies.
        name: What is written: a subject's id, `cohort` for its table, or `run` for all of an output.
        patience_s: How long to wait for another process, in seconds; default about what a killed one needs to end.
        beside_others: Hold it together with others who do; who holds it alone keeps these out.

    Raises:
        PlatformError: If the file cannot be made, or another process holds it for longer.
    """
    path, patience = folder / f".{name}.lock", time.monotonic() + (patience_s or _LOCK_PATIENCE_S)
    while True:
        with platform_faults(folder):
            handle = path.open("a")
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if beside_others else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            # the file may have been removed by the process that held it: then this lock locks nobody out
            if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
                break
            handle.close()
        except BlockingIOError as error:
            handle.close()
            if time.monotonic() > patience:
                raise BusyError(f"another process is working on '{name}' in the same output") from error
            time.sleep(0.05)
    with handle:
        try:
            yield
        finally:
            # the last one tidies up: a lock that others hold too cannot be had alone
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)


@contextmanager
def platform_faults(output: Path) -> Iterator[None]:
    """Turn errors of the machine into one clear line without the path, which may identify people.

    Raises:
        PlatformError: For any error of the operating system.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"no space left on the device of output '{output.name}'"
        else:
            reason = f"cannot write to output '{output.name}': {error.strerror or type(error).__name__}"
        raise PlatformError(f"{reason}; finished subjects are kept") from error


def _scratch(final: Path) -> Path:
    return final.with_name(f".{final.name}.partial")


def _aside(final: Path) -> Path:
    return final.with_name(f".{final.name}.old")
