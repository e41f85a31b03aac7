"""Which folder of a subject's name is the subject's, and no folder of subjects: exactly one is to be erased."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cardioscar.errors import InputError

_OURS = frozenset({"results", "work", "artifacts", "mlartifacts", "mlruns", "figures"})
"""Folders of cardioscar's own layout, whatever the family."""


@dataclass(frozen=True)
class FamilyNames:
    """What families call folders and files: none of it can be the name of a subject.

    Attributes:
        folders: Folders of a run: stages and workflows.
        roles: Roles of a subject's files.
        role_folders: Those of them that may be a folder.
    """

    folders: frozenset[str]
    roles: frozenset[str]
    role_folders: frozenset[str]

    @property
    def taken(self) -> frozenset[str]:
        """Names that folders of our layout, and of a subject's files, have."""
        return _OURS | self.folders | {name.replace("_", "-") for name in self.folders} | self.role_folders


def check_erasable(subject: str, names: FamilyNames) -> None:
    """Refuse an id that is the name of a folder of our own layout: nobody could tell the two apart.

    Raises:
        InputError: If it is one.
    """
    if subject.lower() in names.taken:
        raise InputError("subject id", "that of a subject", f"'{subject}', a folder of cardioscar's own")


def check_one_subject(
    where: str, files: Iterable[str], row_subject: str | None, subject: str, names: FamilyNames
) -> None:
    """Refuse a folder of the subject's name that holds the folders of others, or another subject's row.

    Args:
        where: Folder or prefix in messages.
        files: Relative names of the files in it.
        row_subject: The subject that its `status.json` names; None where it has none that can be read.
        subject: Id that is to be erased.
        names: What families call folders and files.

    Raises:
        InputError: If it is not that subject's folder.
    """
    if row_subject not in (None, subject):
        raise InputError(where, f"the folder of subject {subject}", "that of another, as its status.json says")
    if any(_of_several(name, names) for name in files):
        raise InputError(where, f"the folder of subject {subject}", "one that holds folders of subjects")


def _of_several(name: str, names: FamilyNames) -> bool:
    """Whether a file's name below a folder is that of a cohort, or of a subject in a folder of its own.

    >>> names = FamilyNames(frozenset(), frozenset({"mesh", "lge", "scar"}), frozenset({"lge", "scar"}))
    >>> [_of_several(name, names) for name in ("P001/status.json", "cohort.csv", "P001/lge/1.dcm", "P001/mesh.vtu")]
    [True, True, True, True]
    >>> [_of_several(name, names) for name in ("status.json", "lge/1.dcm", "figures/a.png", "scar/x/mesh.vtk", "a.txt")]
    [False, False, False, False, False]
    """
    top, slash, rest = name.partition("/")
    if name in ("cohort.csv", "cohort.html", "cohort.json"):
        return True
    inside = {*names.role_folders, "figures"}
    return bool(slash) and (
        name.endswith("/status.json") or (top not in inside and any(_is_input(tail, names) for tail in _tails(rest)))
    )


def _is_input(name: str, names: FamilyNames) -> bool:
    """Whether a relative name begins with that of a subject's file or folder."""
    return re.split("[./]", name, maxsplit=1)[0] in names.roles and re.search("[./]", name) is not None


def _tails(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[i:]) for i in range(len(parts))]
