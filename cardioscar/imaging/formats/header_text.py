"""Image headers that are text: their lines and numbers, and the files that they name for the voxels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError, InputError

MAX_HEADER_BYTES = 1 << 22
"""Length of the longest header that is read."""
LARGEST_NUMBER = 1e9
"""Largest number of a header: no length in millimetres is larger, whatever its unit."""
MAX_FILES = 4096
"""Files over which the voxels of one image may be spread."""

_LONGEST_PATH = 4096
_PATTERN = re.compile(r"([^%]*%0?[0-9]{0,2}d[^%]*?)\s+(-?[0-9]{1,9})\s+(-?[0-9]{1,9})\s+(-?[0-9]{1,9})(?:\s+([0-9]))?")


@dataclass(frozen=True)
class TextHeader:
    """A header in lines of name and value.

    Attributes:
        values: Value of each field by its name, lower case and without blanks.
        end: Byte of the file behind the header.
        names: Files that hold the voxels, as the header calls them; empty where the voxels follow it.
        file_axes: How many axes each of several files holds, where the header says so.
    """

    values: dict[str, str]
    end: int
    names: tuple[str, ...] = ()
    file_axes: int | None = None


def lines_of(where: str, data: bytes) -> Iterator[tuple[str, int]]:
    """Lines of text without their ends, each with the place behind it.

    Args:
        where: File name, for errors.
        data: Beginning of the file; what is longer than `MAX_HEADER_BYTES` is no header to its end.

    Raises:
        InputError: If the header goes on beyond that.
    """
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0 or end >= MAX_HEADER_BYTES:
            if len(data) > MAX_HEADER_BYTES:
                raise InputError(where, f"a header of at most {MAX_HEADER_BYTES} bytes", "a longer one")
            end = len(data)
        yield data[at:end].decode("latin-1").removesuffix("\r"), min(end + 1, len(data))
        at = end + 1


def plain(text: str) -> str:
    """A name without blanks, in lower case.

    >>> plain(" Data File ")
    'datafile'
    """
    return "".join(text.lower().split())


def files_named(where: str, text: str, lines: Iterator[tuple[str, int]]) -> tuple[tuple[str, ...], int | None]:
    """The files that the value of a data file's field names.

    Args:
        where: File name of the header, for errors.
        text: The value: a name, `LIST`, or a pattern with first, last and step.
        lines: The lines behind it, on which a list stands.

    Returns:
        The names, and how many axes each of the files holds where that is said.

    Raises:
        InputError: If there is none, there are too many, or the pattern is none.
    """
    if len(text) > _LONGEST_PATH:
        raise InputError(where, f"a path of at most {_LONGEST_PATH} characters", f"{len(text)}")
    words = text.split()
    axes: int | None = None
    if words[:1] == ["LIST"] and len(words) <= 2:
        axes = whole_number(where, words[1], "axes of each file") if len(words) > 1 else None
        names = tuple(line.strip() for line, _ in lines if line.strip())
    elif "%" in text:
        found = _PATTERN.fullmatch(text)
        if not found:
            raise InputError(where, "a pattern of file names with one %d, first, last and step", "another one")
        first, last, step = (int(number) for number in found.group(2, 3, 4))
        if step == 0 or (last - first) // step >= MAX_FILES:
            raise InputError(where, f"at most {MAX_FILES} files of voxels", "more")
        axes = int(found[5]) if found[5] else None
        names = tuple(found[1] % number for number in range(first, last + (1 if step > 0 else -1), step))
    else:
        names = (text,) if text else ()
    if not names or len(names) > MAX_FILES:
        raise InputError(where, f"1 to {MAX_FILES} files of voxels", f"{len(names)}")
    return names, axes


def header_numbers(where: str, text: str | None, count: int, name: str) -> np.ndarray:
    """Numbers of a field, finite and at most `LARGEST_NUMBER`, shape (count,).

    Raises:
        GeometryError: If the field is missing, or holds something else.
    """
    try:
        numbers = np.array([float(word) for word in (text or "").split()])
    except ValueError:
        numbers = np.array([])
    if numbers.size != count or not (np.abs(numbers) <= LARGEST_NUMBER).all():
        raise GeometryError(where, f"{count} numbers in {name}", "none" if text is None else "something else")
    return numbers


def whole_number(where: str, text: str, name: str) -> int:
    """A whole number of a field, of at most nine digits.

    Raises:
        InputError: If it is none.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text.strip(), re.ASCII):
        raise InputError(where, f"a whole number in {name}", "something else")
    return int(text)


def whole_numbers(where: str, text: str | None, name: str) -> list[int]:
    """Whole numbers of a field, at least one and at most 16.

    Raises:
        InputError: If the field is missing or holds something else.
    """
    words = (text or "").split()
    if not 1 <= len(words) <= 16:
        raise InputError(where, f"whole numbers in {name}", "none" if not words else f"{len(words)} words")
    return [whole_number(where, word, name) for word in words]


def resolve_names(root: Path, names: Sequence[str], *, where: str, rule: str) -> list[Path]:
    """The files that a header names, all in its own folder or below it.

    Args:
        root: Folder of the header.
        names: Relative paths, as the header has them.
        where: Name for errors.
        rule: What is expected of each, for errors.

    Raises:
        InputError: If a path leads outside, also by a link, or is none.
    """
    root, paths = root.resolve(), []
    for name in names:
        try:
            path = (root / name).resolve()
            path.exists()
        except (OSError, ValueError, RuntimeError):
            raise InputError(where, rule, "no path") from None
        if Path(name).is_absolute() or not path.is_relative_to(root):
            raise InputError(where, rule, "one that leads outside")
        paths.append(path)
    return paths
