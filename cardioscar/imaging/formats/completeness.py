"""Whether PLY and STL files are complete.

VTK ends the whole process on a truncated PLY file and takes a truncated STL file for a smaller surface.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cardioscar.errors import InputError

_STL_HEADER, _STL_FACET = 84, 50

_BYTES = {
    "char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2,
    "int": 4, "uint": 4, "int32": 4, "uint32": 4, "float": 4, "float32": 4, "double": 8, "float64": 8,
}  # fmt: skip


def check_ply(path: Path) -> None:
    """Refuse a PLY file whose data end before the elements that its header declares.

    Args:
        path: ASCII or binary PLY.

    Raises:
        InputError: If it has no PLY header, or is truncated.
    """
    data = path.read_bytes()
    header, end, body = data.partition(b"end_header")
    lines = [line.split() for line in header.decode("latin-1").splitlines()]
    if not data.startswith(b"ply") or not end or not any(w[:1] == ["format"] for w in lines):
        raise InputError(path.name, "a PLY mesh", "no complete PLY header")
    body = body[body.find(b"\n") + 1 :]
    form = next(words[1] for words in lines if words[:1] == ["format"])
    try:
        elements = _elements(lines)
        if form == "ascii":
            complete = len(body.split()) >= sum(n * len(props) for n, props in elements)
            complete &= body.count(b"\n") + 1 >= sum(n for n, _ in elements)
        else:
            complete = _complete(body, elements, "little" if "little" in form else "big")
    except (KeyError, IndexError, ValueError):
        raise InputError(path.name, "a PLY mesh", "a header that cannot be understood") from None
    if not complete:
        raise InputError(path.name, "a complete file", "data that end before the declared elements (truncated)")


def check_stl(path: Path) -> None:
    """Refuse an STL file that ends before its last facet.

    Args:
        path: ASCII or binary STL.

    Raises:
        InputError: If it is truncated, or neither form of STL.
    """
    data = path.read_bytes()
    if len(data) >= _STL_HEADER:
        expected = _STL_HEADER + _STL_FACET * int.from_bytes(data[80:84], "little")
        if len(data) == expected:
            return
    else:
        expected = _STL_HEADER
    # Some binary files start with the word "solid" too, so the size is asked first.
    if data.lstrip()[:5].lower() == b"solid" and b"facet" in data[:1000]:
        if b"endsolid" not in data[-200:]:
            raise InputError(path.name, "a complete file", "no 'endsolid' (truncated)")
    elif len(data) < expected:
        raise InputError(path.name, f"a binary STL of {expected} bytes", f"{len(data)} (truncated, or no STL)")


def _elements(lines: list[list[str]]) -> list[tuple[int, list[list[str]]]]:
    elements: list[tuple[int, list[list[str]]]] = []
    for words in lines:
        if words[:1] == ["element"]:
            elements.append((int(words[2]), []))
        elif words[:1] == ["property"]:
            elements[-1][1].append(words[1:])
    return elements


def _complete(body: bytes, elements: list[tuple[int, list[list[str]]]], order: Literal["little", "big"]) -> bool:
    at = 0
    for count, properties in elements:
        if all(p[0] != "list" for p in properties):
            at += count * sum(_BYTES[p[0]] for p in properties)
            continue
        for _ in range(count):
            for kind, *rest in properties:
                if kind != "list":
                    at += _BYTES[kind]
                    continue
                size = _BYTES[rest[0]]
                if at + size > len(body):
                    return False
                at += size + int.from_bytes(body[at : at + size], order) * _BYTES[rest[1]]
    return at <= len(body)
