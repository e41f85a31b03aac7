"""Names that users gave their files, kept out of rows and logs: `doe_jane_lge.nii.gz` is said as `lge.nii.gz`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from cardioscar.errors import ConfigError, InputError
from cardioscar.identity.subject_id import looks_personal

_names: ContextVar[Mapping[str, str] | None] = ContextVar("names", default=None)

_ENDINGS = "nii nii.gz nrrd nhdr mha mhd raw dcm ima vtu vtk vtp ply stl pts elem lon"
_ENDING = "|".join(re.escape(ending) for ending in sorted(_ENDINGS.split(), key=len, reverse=True))
_STEMS = "scar_probability|view_lge"
_QUOTED = re.compile(rf"'(?![a-z]+[0-9]*\.|(?:{_STEMS})\.)[^'/]+\.({_ENDING})'")


@contextmanager
def user_names_by_role(files: Mapping[str, Path]) -> Iterator[None]:
    """Let `without_user_names` say a subject's files by what they are for.

    Args:
        files: Path of each file or folder by its role.
    """
    names: dict[str, str] = {}
    for role, path in files.items():
        inside = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else []
        names |= {p.name: f"a file of {role}" for p in inside}
        stem, ending = role.split(".")[0], re.search(rf"\.(?:{_ENDING})$", path.name, re.IGNORECASE)
        names[path.name] = role if role == path.name else stem + (ending[0] if ending else "")
    token = _names.set({name: said for name, said in names.items() if name != said})
    try:
        yield
    finally:
        _names.reset(token)


@contextmanager
def labelled_part(subject: str, part: str, path: Path) -> Iterator[None]:
    """Faults of a labelled subject's file are said by the subject's number and what the file is for.

    >>> with labelled_part("labelled subject 2", "labels", Path("Doe_Jane.nii.gz")):
    ...     raise InputError("Doe_Jane.nii.gz", "labels 0 to 3", "7")
    Traceback (most recent call last):
    cardioscar.errors.InputError: labelled subject 2: labels: expected labels 0 to 3, found 7

    Args:
        subject: Such as `labelled subject 2`; empty leaves the names of files.
        part: Such as `image`.
        path: The file or folder.
    """
    if not subject:
        yield
        return
    with user_names_by_role({part: path}):
        try:
            yield
        except ConfigError:
            raise
        except InputError as error:
            rule, finding = without_user_names(error.rule), without_user_names(error.finding)
            raise type(error)(f"{subject}: {part}", rule, finding) from None


def without_user_names(text: str) -> str:
    """Say the files that a text names by their role; of other data files, in quotes, only the ending is left
    where the name is more than one plain word.

    What else is quoted (an unknown key, an odd value) is left out where it looks like a date or a person's name.

    >>> with user_names_by_role({"lge": Path("doe jane.nii.gz")}):
    ...     without_user_names("doe jane.nii.gz: expected a complete NIfTI file, found a truncated one")
    'lge.nii.gz: expected a complete NIfTI file, found a truncated one'
    >>> without_user_names("line 2: expected the file of 'lge', found no file 'Doe, Jane.nii'")
    "line 2: expected the file of 'lge', found no file '….nii'"
    """
    for name, said in sorted((_names.get() or {}).items(), key=lambda pair: -len(pair[0])):
        # a backslash in what is put in would be read as a group
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", said.replace("\\", r"\\"), text)
    text = _QUOTED.sub(lambda found: f"'….{found[1]}'", text)
    return re.sub(r"'([^']+)'", lambda found: "'…'" if looks_personal(found[1]) else found[0], text)
