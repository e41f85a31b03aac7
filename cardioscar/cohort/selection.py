"""Which subjects of a cohort are wanted, and what each will cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource, Listed
from cardioscar.errors import InputError, counted
from cardioscar.identity.subject_id import parse_ids


def select(cohort: str | Path | CohortSource, subjects: str = "") -> list[Listed]:
    """The subjects of a cohort, or those of a comma-separated list.

    Args:
        cohort: Path, URI or source of the cohort.
        subjects: Comma-separated ids to keep; empty for all.

    Raises:
        InputError: If there is no cohort, or an id of the list is not in it.
    """
    entries = open_cohort(cohort).listed()
    wanted = parse_ids(subjects)
    if not wanted:
        return entries
    known = {entry.subject: entry for entry in entries}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError("subjects", f"ids of the cohort ({counted(len(known), 'subject')})", ", ".join(missing[:5]))
    return [known[name] for name in wanted]


def costs(entries: Sequence[Listed]) -> list[tuple[str, float]]:
    """What each subject costs, in bytes of its mesh: work grows with the nodes, and these with the file.

    Where no subject has a mesh, the bytes of labels and images stand in. A subject without a mesh among others with one
    is unknown: bytes of images and of meshes do not compare.
    """
    roles = ("mesh",) if any("mesh" in entry.sizes for entry in entries) else ("labels", "lge", "scar")
    found = []
    for entry in entries:
        size = next((float(entry.sizes[role]) for role in roles if role in entry.sizes), math.nan)
        found.append((entry.subject, 0.0 if entry.problem else size))  # one that is refused at the door costs nothing
    return found
