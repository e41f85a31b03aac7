"""Which id stands for a subject whose own is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id


def check_folder_names(names: Sequence[str]) -> list[tuple[str, InputError | None]]:
    """The id of each folder, or a stand-in with what is wrong with its name."""
    known, checked = set(names), list[tuple[str, InputError | None]]()
    for number, name in enumerate(names, start=1):
        try:
            checked.append((check_subject_id(name), None))
        except InputError as error:
            checked.append((stand_in(number, known), InputError(f"folder {number}", error.rule, error.finding)))
    return checked


def is_stand_in(name: str) -> bool:
    """Whether an id is one that `stand_in` gives.

    >>> is_stand_in("row-3"), is_stand_in("row-3-refused"), is_stand_in("P003")
    (True, True, False)
    """
    return re.fullmatch(r"row-[0-9]+(-refused)*", name) is not None


def stand_in(number: int, names: Collection[str]) -> str:
    """Id of the row of a subject whose own id is refused; never that of another subject."""
    name = f"row-{number}"
    while name in names:
        name += "-refused"
    return name
