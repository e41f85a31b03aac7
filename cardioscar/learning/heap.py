"""Memory that a training keeps between its steps, in place of asking the kernel for it again in each."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST, _MOST_OF_OLD = 2**31 - 1, 32 * 2**20
"""Largest threshold that `mallopt` takes; versions of glibc before 2.35 take no more than half of a heap."""


@cache
def keep_large_blocks() -> bool:
    """Let the C library keep large blocks that were freed, for the rest of the process.

    glibc returns large blocks to the kernel, and the activations of a network are such: each step on a CPU then begins
    with a page fault for every 4 KiB of them. Elsewhere nothing is done.

    Returns:
        Whether it does.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    kept = mallopt(_MMAP_THRESHOLD, _MOST) or mallopt(_MMAP_THRESHOLD, _MOST_OF_OLD)
    return bool(kept and mallopt(_TRIM_THRESHOLD, _MOST))
