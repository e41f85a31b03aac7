"""How numbers are said."""

from __future__ import annotations


def counted(count: int, thing: str, things: str = "") -> str:
    """A number and what it counts, in the singular or the plural.

    >>> counted(1, "subject"), counted(2, "subject"), counted(0, "copy", "copies")
    ('1 subject', '2 subjects', '0 copies')
    """
    return f"{count} {thing if count == 1 else things or thing + 's'}"
