"""Which folder of a subject's name is the subject's, and no folder of subjects: exactly one is to be erased."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cardioscar.errors import InputError

_STAGES = {"preprocess", "group_sort", "group-sort", "train", "infer", "evaluate", "reconstruct"}
OWN_FOLDERS = frozenset(_STAGES | {"results", "work", "artifacts", "mlartifacts", "mlruns", "figures", "lge", "scar"})
"""Names of folders of cardioscar's own layout, and of a subject's folders of files."""

_OF_A_SUBJECT = ("lge", "scar", "figures")
_INPUT = re.compile(r"(mesh|lge|labels|scar|truth)[./]")


def check_erasable(subject: str) -> None:
    """Refuse an id that is the name of a folder of our own layout: nobody could tell the two apart.

    Raises:
        InputError: If it is one.
    """
    if subject.lower() in OWN_FOLDERS:
        raise InputError("subject id", "that of a subject", f"'{subject}', a folder of cardioscar's own")


def check_one_subject(where: str, names: Iterable[str], row_subject: str | None, subject: str) -> None:
    """Refuse a folder of the subject's name that holds the folders of others, or another subject's row.

    Args:
        where: Folder or prefix in messages.
        names: Relative names of the files in it.
        row_subject: The subject that its `status.json` names; None where it has none that can be read.
        subject: Id that is to be erased.

    Raises:
        InputError: If it is not that subject's folder.
    """
    if row_subject not in (None, subject):
        raise InputError(where, f"the folder of subject {subject}", "that of another, as its status.json says")
    if any(_of_several(name) for name in names):
        raise InputError(where, f"the folder of subject {subject}", "one that holds folders of subjects")


def _of_several(name: str) -> bool:
    """Whether a file's name below a folder is that of a cohort, or of a subject in a folder of its own.

    >>> [_of_several(name) for name in ("P001/status.json", "cohort.csv", "P001/lge/1.dcm", "P001/mesh.vtu")]
    [True, True, True, True]
    >>> [_of_several(name) for name in ("status.json", "lge/1.dcm", "figures/a.png", "scar/x/mesh.vtk", "notes/a.txt")]
    [False, False, False, False, False]
    """
    top, slash, rest = name.partition("/")
    if name in ("cohort.csv", "cohort.html", "cohort.json"):
        return True
    return bool(slash) and (
        name.endswith("/status.json") or (top not in _OF_A_SUBJECT and any(map(_INPUT.match, _tails(rest))))
    )


def _tails(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[i:]) for i in range(len(parts))]
