"""Whether a cohort's files among the results are a run's, which the next one renews, or the user's: a manifest, say."""

from __future__ import annotations

import csv

from cardioscar.errors import InputError

_COLUMNS = ("subject", "outcome", "stage", "error_kind", "error_message")
_PAGE_MARK = b'<p class="eyebrow">cardioscar'
_REMEDY = "name another folder for the results, or move it away"


def is_own_table(data: bytes) -> bool:
    """Whether a `cohort.csv` is a table that a run has written."""
    lines = data[:10_000].decode("utf-8", "replace").splitlines()
    return bool(lines) and tuple(next(csv.reader(lines[:1]), []))[: len(_COLUMNS)] == _COLUMNS


def check_table(data: bytes | None) -> None:
    """Refuse to replace a `cohort.csv` that no run has written.

    Args:
        data: Its bytes; None where there is none.

    Raises:
        InputError: If it is another table: a manifest, for instance.
    """
    if data and not is_own_table(data):
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


def check_data(data: bytes | None) -> None:
    """Refuse to replace a `cohort.json` that no run has written; one of another version, or torn, is renewed.

    Args:
        data: Its bytes; None where there is none.

    Raises:
        InputError: If it is another file.
    """
    from cardioscar.report.cohort_table import is_cohort_json

    if data and not is_cohort_json(data):
        raise InputError("cohort.json", "a file that a run has written, or none", f"another; {_REMEDY}")


CHECKS = {"cohort.json": check_data, "cohort.csv": check_table, "cohort.html": check_page}
"""Of each of the cohort's files among the results, what refuses to replace another's."""
