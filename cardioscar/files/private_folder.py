"""Copies of patients' data below TMPDIR: for their owner's eyes, removed at the end, or else by the next command.

A process that is killed removes nothing. So each folder holds a file that its process keeps locked; the kernel frees
the lock with the process, whatever ended it, and who finds it free removes the folder. No process id is trusted: other
containers may share the folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX, _LOCK, _FILES = "cardioscar-", "owner.lock", "files"
_MARK = b"A private copy of cardioscar; it is removed when no process holds this file.\n"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give an empty folder below TMPDIR that only this user may read, removed when the block ends.

    Raises:
        OSError: If it cannot be made.

    >>> with private_folder() as folder:
    ...     _ = (folder / "image").write_text("a heart")
    >>> folder.exists()
    False
    """
    root = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        # under another name until it is locked: nobody finds it free before
        making = root / f".{_LOCK}"
        with making.open("xb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.write(_MARK)
            lock.flush()
            making.rename(root / _LOCK)
            (root / _FILES).mkdir(mode=0o700)
            try:
                yield root / _FILES
            finally:
                shutil.rmtree(root, ignore_errors=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def remove_leftovers() -> int:
    """Remove the folders of this user's processes that were killed.

    Returns:
        How many there were.
    """
    removed = 0
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                removed += _remove_if_left(Path(entry.path))
    return removed


def _remove_if_left(root: Path) -> bool:
    """Remove a folder if it is one of ours and nobody holds it."""
    try:
        handle = os.open(root / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as lock:
        about = os.fstat(lock.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or lock.read(len(_MARK) + 1) != _MARK:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        shutil.rmtree(root, ignore_errors=True)
        return True
