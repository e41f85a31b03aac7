"""Text that may have come from a file, made fit for a log, a terminal or a page."""

from __future__ import annotations

LONGEST = 4000
"""Characters of one message."""


def printable(text: str) -> str:
    """Show what a terminal would obey, or hide, as an escape: line breaks, control and direction marks.

    A text of more than `LONGEST` characters is cut.

    >>> printable("a\\nb\\x1b[2J\\u202ec"), printable("10×8 mm – Müller")
    ('a\\\\nb\\\\x1b[2J\\\\u202ec', '10×8 mm – Müller')
    """
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in cut)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
