"""What in a subject's folder is ours: what a `status.json` of ours names. All else is somebody's, and stays.

The folder's name says nothing. A folder that holds files and no row of ours is refused; a file beside ours is kept.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.identity.endings import shown_ending
from cardioscar.identity.subject_id import looks_personal
from cardioscar.shard.status import FILE, Status, parse_status

STAMP = "run.json"
_OF_THE_LOOP = (FILE, STAMP, "publishing.json")


@dataclass(frozen=True)
class OwnFiles:
    """What of ours may lie in a subject's folder at one place: in the artifact of a stage, or among the results.

    Attributes:
        stages: Stages whose finished work may stand there.
        names: Relative names that stages give, `*` for letters, digits, `_` and `-`: they decide where the row, which
            knows better, cannot be read any more.
        earlier: Files of earlier stages that lie beside those of the row.
    """

    stages: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()

    @cached_property
    def _written(self) -> re.Pattern[str]:
        names = (re.escape(name).replace(r"\*", r"[\w-]+") for name in (*self.names, *_OF_THE_LOOP))
        return re.compile("|".join(names))

    def is_written(self, name: str) -> bool:
        """Whether a relative name is one that stages give.

        >>> own = OwnFiles(names=("figures/*.png",))
        >>> [own.is_written(name) for name in ("figures/map_1.png", "figures/a/b.png", "status.json", "notes.txt")]
        [True, False, True, False]
        """
        return self._written.fullmatch(name) is not None

    def vouched(self, row: Status) -> set[str]:
        """Names of the files that a row vouches for, those of earlier stages beside it included."""
        return {*row.outputs, *(self.earlier if row.outcome == "ok" else ()), FILE, STAMP}


def strangers(where: str, names: Collection[str], marker: bytes | None, *, subject: str, own: OwnFiles) -> list[str]:
    """The files of a subject's folder, or objects below its prefix, that are not ours.

    Args:
        where: Folder or prefix in messages.
        names: Relative names of all that lies there.
        marker: Bytes of its `status.json`; None where there is none.
        subject: Id.
        own: What of ours may stand there.

    Returns:
        Names of what is to be kept, sorted.

    Raises:
        InputError: If the place holds something, and it is not one that such a stage has written for the subject.
    """
    others = sorted({*names} - {FILE})
    if marker is None:
        if others:
            raise _refused(where, shown(others[0]))
        return []
    row = parse_status(marker)
    if row is None:
        if foreign := [name for name in others if not own.is_written(name)]:
            raise _refused(where, shown(foreign[0]))
        if _of_others(marker):
            raise _refused(where, FILE)
        return []
    if row.subject != subject:
        raise _refused(where, f"{FILE} of another subject")
    if row.outcome == "ok" and row.stage not in own.stages:
        raise _refused(where, f"{FILE} of another stage")
    return sorted({*others} - own.vouched(row))


def strangers_in(folder: Path, own: OwnFiles) -> list[str]:
    """The files in a subject's folder that are not ours; the folder need not exist.

    Links and what is no plain file never are. Folders that hold no file do not count.

    Args:
        folder: Folder of one subject, which has its name.
        own: What of ours may stand there.

    Raises:
        InputError: If it holds something, and is not a folder that such a stage has written for the subject.
        OSError: If it cannot be read.
    """
    if folder.is_symlink():
        raise _refused(folder.name, "a link")
    if not folder.exists():
        return []
    if not folder.is_dir():
        raise _refused(folder.name, "a file")
    plain, odd = _listed(folder)
    marker = (folder / FILE).read_bytes() if FILE in plain else None
    if FILE in odd:
        raise _refused(folder.name, f"{FILE}, which is a link")
    kept = strangers(folder.name, [*plain, *odd], marker, subject=folder.name, own=own)
    return sorted({*kept, *odd})


def keep(names: Iterable[str], old: Path, new: Path) -> None:
    """Copy the files of others from a folder into the one that is to take its place.

    Raises:
        InputError: If the new folder has a file of that name: neither may replace the other.
        OSError: If they cannot be copied.
    """
    for name in names:
        target = new / name
        if os.path.lexists(target) or any(p.is_file() for p in target.parents if p.is_relative_to(new)):
            raise InputError(old.name, f"no file of others named {shown(name)}", "one; move it away")
        target.parent.mkdir(parents=True, exist_ok=True)
        if (old / name).is_file() or (old / name).is_symlink():
            shutil.copy2(old / name, target, follow_symlinks=False)
        else:
            raise InputError(old.name, "files", f"{shown(name)}, which is none; move it away")


def _listed(folder: Path) -> tuple[set[str], set[str]]:
    """Relative names of plain files, and of links and all else."""
    plain, odd = set[str](), set[str]()

    def fail(error: OSError) -> None:
        raise error

    for at, folders, files in os.walk(folder, onerror=fail):
        here = Path(at)
        for name in [*files, *(one for one in folders if (here / one).is_symlink())]:
            path = here / name
            found = plain if path.is_file() and not path.is_symlink() else odd
            found.add(path.relative_to(folder).as_posix())
    return plain, odd


def _of_others(marker: bytes) -> bool:
    """Whether a `status.json` that is none of our rows is a whole one of somebody else's, rather than a torn one."""
    try:
        content = json.loads(marker)
    except (ValueError, RecursionError):
        return False
    known = {field.name for field in dataclasses.fields(Status)}
    return isinstance(content, dict) and not content.keys() <= known


def _refused(where: str, found: str) -> InputError:
    rule = "nothing, or what cardioscar has written for the subject"
    return InputError(where, rule, f"{found}; name another folder, or move it away")


def shown(name: str) -> str:
    r"""A stranger's file in a message: by its name, unless that may tell of a person or steer a terminal.

    >>> shown("manual_segmentation.nii.gz"), shown("Jane_Doe.nii.gz"), shown("a\x1b[2J.csv")
    ('manual_segmentation.nii.gz', 'a file with the ending .gz', 'a file with the ending .csv')
    """
    if name.isprintable() and len(name) <= 80 and not looks_personal(name):
        return name
    return f"a file with the ending {shown_ending(name)}".replace("the ending another", "another")
