"""Memory that a training keeps between its steps, in place of asking the kernel for it again in each."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST, _MOST_OF_OLD = 2**31 - 1, 32 * 2**20
"""Largest threshold that `mallopt` takes; versions of glibc before 2.35 take no more than half of a heap."""
_USUAL = 128 * 2**10
"""Both thresholds of a process that has set none."""


@contextmanager
def large_blocks_kept() -> Iterator[bool]:
    """Let the C library keep large blocks that were freed, for as long as the block lasts; then it gives them back.

    glibc returns large blocks to the kernel, and the activations of a network are such: each step on a CPU then begins
    with a page fault for every 4 KiB of them. Elsewhere nothing is done.

    Yields:
        Whether it does.
    """
    library = _glibc()
    if library is None:
        yield False
        return
    kept = library.mallopt(_MMAP_THRESHOLD, _MOST) or library.mallopt(_MMAP_THRESHOLD, _MOST_OF_OLD)
    try:
        yield bool(kept and library.mallopt(_TRIM_THRESHOLD, _MOST))
    finally:
        for threshold in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            library.mallopt(threshold, _USUAL)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError):
        return None
