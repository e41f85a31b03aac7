"""The first bytes of an input file, by which its format is told before a library is let near it."""

from __future__ import annotations

from pathlib import Path

from cardioscar.errors import InputError


def read_head(path: Path, *, kind: str, size: int) -> bytes:
    """Read the beginning of a file.

    Args:
        path: Input file.
        kind: What is expected, for messages: `an image file`, `a mesh file`.
        size: At most so many bytes.

    Raises:
        InputError: If the file is missing, cannot be read, or is empty.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(size)
    except FileNotFoundError:
        raise InputError(path.name, kind, "none of that name") from None
    except OSError as error:
        raise InputError(path.name, "a readable file", error.strerror or "an unreadable one") from None
    if not head:
        raise InputError(path.name, kind, "an empty file")
    return head
