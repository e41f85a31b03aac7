"""Every text that a file holds, however it is packed: what a search for a person's name must see."""

from __future__ import annotations

import base64
import binascii
import bz2
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_DEEPEST = 5


def layers(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes themselves, then those of every archive, compressed stream and base64 text inside, and inside those."""
    yield data
    if depth == _DEEPEST:
        return
    for inner in _inside(data):
        yield from layers(inner, depth + 1)


def _inside(data: bytes) -> Iterator[bytes]:
    if data[:2] == b"\x1f\x8b":
        yield zlib.decompressobj(wbits=31).decompress(data)  # also of one that is cut off
    elif data[:3] == b"BZh":
        yield bz2.decompress(data)
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                yield f"{info.filename} {info.comment!r}".encode()
                yield archive.read(info)
    else:
        # PNG text and pixels, blocks of VTU: compressed streams anywhere in a file
        for found in _ZLIB.finditer(data):
            try:
                stream = zlib.decompressobj().decompress(data[found.start() :], 50_000_000)
            except zlib.error:
                continue
            if len(stream) > 8:
                yield stream
        for found in _BASE64.finditer(data):
            text = found[0]
            try:
                yield base64.b64decode(text[: len(text) // 4 * 4], validate=True)
            except (binascii.Error, ValueError):
                continue


def holds(data: bytes, marks: tuple[str, ...]) -> list[str]:
    """Which of the marks are somewhere in the data, as text of 8, 16 or 32 bits, whatever the case of the letters."""
    forms = {
        mark: [mark.lower().encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")] for mark in marks
    }
    found = set()
    for layer in layers(data):
        lower = layer.lower()
        found |= {mark for mark, codes in forms.items() if any(code in lower for code in codes)}
    return sorted(found)
