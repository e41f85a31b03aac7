"""Whether a `cohort.csv` is a table of results, which the next run renews, or a manifest, which is the user's."""

from __future__ import annotations

import csv

from cardioscar.errors import InputError

_COLUMNS = ("subject", "outcome", "stage", "error_kind", "error_message")
_PAGE_MARK = b'<p class="eyebrow">cardioscar'
_REMEDY = "name another folder for the results, or move it away"


def check_table(data: bytes | None) -> None:
    """Refuse to replace a `cohort.csv` that no run has written.

    Args:
        data: Its bytes; None where there is none.

    Raises:
        InputError: If it is another table: a manifest, for instance.
    """
    if not data:
        return
    line = data[:10_000].decode("utf-8", "replace").splitlines()[0]
    if tuple(next(csv.reader([line]), []))[: len(_COLUMNS)] != _COLUMNS:
        raise InputError("cohort.csv", "a table that a run has written, or none", f"a manifest or another; {_REMEDY}")


def is_own_page(data: bytes) -> bool:
    """Whether a page is one that a run has written."""
    return _PAGE_MARK in data


def check_page(data: bytes | None) -> None:
    """Refuse to replace a `cohort.html` that no run has written.

    Args:
        data: Its bytes; None where there is none.

    Raises:
        InputError: If it is another page.
    """
    if data and not is_own_page(data):
        raise InputError("cohort.html", "a page that a run has written, or none", f"another; {_REMEDY}")
