"""What a file asks for in memory is the file's claim: that it cannot be had is no fault of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cardioscar.errors import InputError


@contextmanager
def claimed_memory(where: str) -> Iterator[None]:
    """Read a file of others; one for which there is not memory enough is a fault of the file.

    Args:
        where: Name of the file, for the error.

    Raises:
        InputError: In place of `MemoryError`.

    >>> with claimed_memory("lge.nii"):
    ...     raise MemoryError
    Traceback (most recent call last):
    cardioscar.errors.InputError: lge.nii: expected a file that can be read in the memory there is, found a larger one
    """
    try:
        yield
    except MemoryError:
        raise InputError(where, "a file that can be read in the memory there is", "a larger one") from None
