"""Text of others, shown."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cardioscar.identity.printable_text import LONGEST, printable


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = printable(text)
    assert not [c for c in shown if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"]
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


def test_a_long_text_is_cut() -> None:
    assert len(printable("x" * 10**7)) == LONGEST
