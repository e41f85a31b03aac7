"""A folder that a command writes into: what it wrote there itself may be written again, all else is somebody's."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.shard.own_files import shown
from cardioscar.shard.status import FILE

RECORD = ".cardioscar.json"
"""Hash of each file that commands have written into the folder, by its name."""


def check_output(folder: Path, names: Sequence[str]) -> None:
    """Refuse a folder in which a command would write over what it did not write.

    Args:
        folder: It need not exist.
        names: Names of what is to be written, `*` for any letters.

    Raises:
        InputError: If it is a subject's folder of a run, or holds a file of these names that is none of ours, or that
            somebody has changed.
    """
    if os.path.lexists(folder / FILE):
        raise InputError(folder.name, "a folder of its own", f"one with {FILE}, results of a run; name another")
    known = _recorded(folder)
    for path in _there(folder, names):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or file_sha256(path) != known.get(name):
            found = f"{shown(path.name)}, written by others or changed since; name another folder, or move it away"
            raise InputError(folder.name, "nothing, or what the command has written", found)


def record_output(folder: Path, names: Sequence[str]) -> None:
    """Record what a command has written, so that it may write it again.

    Args:
        folder: The folder.
        names: As for `check_output`.
    """
    written = {path.relative_to(folder).as_posix(): file_sha256(path) for path in _there(folder, names)}
    with atomic_file(folder / RECORD) as partial:
        partial.write_text(json.dumps(_recorded(folder) | written, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _there(folder: Path, names: Sequence[str]) -> list[Path]:
    return sorted(path for name in names for path in folder.glob(name))


def _recorded(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
