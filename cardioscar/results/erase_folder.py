"""One subject out of a folder of artifacts or results, however deep: its folders, its rows, its lines in the log."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.files.folders import only_writer, platform_faults
from cardioscar.identity.erasable import FamilyNames, check_erasable, check_one_subject
from cardioscar.report.cohort_table import is_cohort_json
from cardioscar.results.own_table import is_own_page
from cardioscar.results.table import COHORT_FILES, DATA, PAGE, drop_subject, mentions
from cardioscar.shard.status import FILE, read_status

log = logging.getLogger(__name__)

FOLDERS, LEFTOVERS, TABLES, LOGS, OTHERS = (
    "subject folders", "files of interrupted work", "cohort tables", "logs", "other files that name it",
)  # fmt: skip

_STORES = ("mlflow.db", "mlartifacts")
"""What MLflow keeps beside the results: its own interface erases there."""

_TEXTS = ("", ".csv", ".html", ".json", ".log", ".md", ".txt", ".yaml", ".yml")
_LARGEST_TEXT = 64 * 2**20

_OWN = {DATA: is_cohort_json, PAGE: is_own_page}
"""How those of the cohort's files are told from a user's that erasing may remove."""


def find_in_folder(root: Path, subject: str, names: FamilyNames) -> Counter[str]:
    """Count what a folder holds of a subject, by kind.

    Folders of other subjects are not looked into, and links are not followed.

    Raises:
        InputError: If there is no such folder, or the id is no subject's there but the name of a folder of subjects.
        PlatformError: If it cannot be read.
    """
    with platform_faults(root):
        return Counter(kind for kind, _ in _checked(root, subject, names))


def erase_from_folder(root: Path, subject: str, names: FamilyNames) -> None:
    """Erase what `find_in_folder` finds, but not files of unknown kind that name the subject: these are the user's.

    Raises:
        InputError: As `find_in_folder`; then nothing is removed.
        PlatformError: If something cannot be removed, or a run is at work in the folder: it would write the subject
            into its table again. The same call goes on.
    """
    with platform_faults(root), ExitStack() as held:
        found = _checked(root, subject, names)
        for output in _outputs(root):
            held.enter_context(only_writer(output, "run"))
        for kind, path in found:
            if kind == FOLDERS:
                # out of the way of a run that is at work on it, and of readers who must not see a half
                with only_writer(path.parent, subject):
                    hidden = path.with_name(f".{subject}.old")
                    if hidden.is_symlink() or hidden.exists():
                        _remove(hidden)
                    path.rename(hidden)
                    _remove(hidden)
            elif kind == LEFTOVERS:
                _remove(path)
            elif kind == TABLES:
                drop_subject(path, subject)
            elif kind == LOGS:
                _drop_lines(path, subject)
            else:
                log.warning("%s names the subject and is none of cardioscar's files: left as it is", path.name)


def _remove(path: Path) -> None:
    """Remove a folder, or a file or a link alone: what a link leads to is not ours to remove."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _outputs(root: Path) -> list[Path]:
    """Folders in which a run may be at work: this one, those in it that a run holds, and the output that it is of."""
    held = {path.parent for path in root.rglob(".run.lock")}
    above = root.resolve().parents
    held |= {folder for folder in above if (folder / ".run.lock").exists()}
    if root.resolve().name in ("results", "work") and (above[0] / "work").is_dir():
        held.add(above[0])  # no run is at work there now, and none shall begin
    return sorted({root, *held})


def _checked(root: Path, subject: str, names: FamilyNames) -> list[tuple[str, Path]]:
    """All traces; refused where a folder of the subject's name is not the subject's."""
    check_erasable(subject, names)
    found = list(_traces(root, subject))
    for kind, path in found:
        if kind == FOLDERS and not path.is_symlink():
            row = read_status(path)
            files = (p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())
            check_one_subject(path.name, files, row.subject if row else None, subject, names)
    return found


def _traces(root: Path, subject: str) -> Iterator[tuple[str, Path]]:
    if not root.is_dir():
        raise InputError(root.name, "a folder", "none")
    if root.name == subject:
        raise InputError(root.name, "the folder above the subject's", "the subject's own")

    def unreadable(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(root, onerror=unreadable):
        here = Path(place)
        for name in list(folders):
            of_subject = name == subject or name.startswith(f".{subject}.")
            if of_subject:
                yield (FOLDERS if name == subject else LEFTOVERS), here / name
            if of_subject or name in _STORES or (here / name / FILE).is_file():
                folders.remove(name)
        foreign = [name for name, is_own in _OWN.items() if name in files and not is_own((here / name).read_bytes())]
        if _is_named(tuple(here / name for name in COHORT_FILES if name not in foreign), subject):
            yield TABLES, here
        for name in foreign:
            if _is_named((here / name,), subject):
                yield OTHERS, here / name
        for name in files:
            path = here / name
            if name.startswith(f".{subject}."):
                yield LEFTOVERS, path
            elif path.suffix == ".log" and path.is_file() and not path.is_symlink():
                if any(_is_about(line, subject) for line in path.read_bytes().splitlines()):
                    yield LOGS, path
            elif name not in (*COHORT_FILES, *_STORES) and _is_named((path,), subject):
                yield OTHERS, path


def _is_named(paths: tuple[Path, ...], subject: str) -> bool:
    return any(
        path.suffix in _TEXTS and path.is_file() and not path.is_symlink()
        and path.stat().st_size <= _LARGEST_TEXT and mentions(path.read_bytes(), subject)
        for path in paths
    )  # fmt: skip


def _is_about(line: bytes, subject: str) -> bool:
    """Whether a line of a log is of a subject, or names it; an id that is a mere word counts only as the subject."""
    if subject.isalpha():
        return re.search(rf'(^|\s){subject}:\s|"subject": "{subject}"'.encode(), line) is not None
    return mentions(line, subject)


def _drop_lines(path: Path, subject: str) -> None:
    from cardioscar.files.atomic import atomic_file

    kept = [line for line in path.read_bytes().splitlines(keepends=True) if not _is_about(line, subject)]
    with atomic_file(path) as partial:
        partial.write_bytes(b"".join(kept))
