"""Which subjects of a cohort are wanted, and what each will cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cardioscar.cohort.layout import CohortLayout
from cardioscar.cohort.source import CohortSource, Listed
from cardioscar.errors import InputError, counted
from cardioscar.identity.subject_id import parse_ids


def select(cohort: CohortSource, subjects: str = "") -> list[Listed]:
    """The subjects of a cohort, or those of a comma-separated list.

    Args:
        cohort: The cohort.
        subjects: Comma-separated ids to keep; empty for all.

    Raises:
        InputError: If there is no cohort, or an id of the list is not in it.
    """
    entries = cohort.listed()
    wanted = parse_ids(subjects)
    if not wanted:
        return entries
    known = {entry.subject: entry for entry in entries}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError("subjects", f"ids of the cohort ({counted(len(known), 'subject')})", ", ".join(missing[:5]))
    return [known[name] for name in wanted]


def costs(entries: Sequence[Listed], layout: CohortLayout) -> list[tuple[str, float]]:
    """What each subject costs, in bytes of the file that the work grows with, see `CohortLayout.costs`.

    Args:
        entries: The subjects.
        layout: What files are for.

    Returns:
        Ids with their costs; NaN, which is unknown, for a subject without such a file among others with one.
    """
    known = (group for group in layout.costs if any(role in entry.sizes for entry in entries for role in group))
    roles = next(known, ())
    found = []
    for entry in entries:
        size = next((float(entry.sizes[role]) for role in roles if role in entry.sizes), math.nan)
        found.append((entry.subject, 0.0 if entry.problem else size))  # one that is refused at the door costs nothing
    return found
