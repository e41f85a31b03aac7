"""Whether a folder may take the files of a model that is loaded: what somebody else keeps there is not replaced."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cardioscar.config import file_sha256
from cardioscar.errors import InputError

SCRATCH = ".model-"
"""How the folder of an unfinished download begins."""


def check_replaceable(destination: Path, files: Sequence[Path]) -> None:
    """Refuse to replace what is no model that was loaded into a folder of its own.

    Args:
        destination: Folder that is to take the files.
        files: The files, elsewhere yet.

    Raises:
        InputError: If it holds other files of these names, and more than a model that was loaded before.
    """
    names = {file.name for file in files}
    there = [path for path in destination.iterdir() if path.name in names]
    if all(_is_same(path, file) for path in there for file in files if file.name == path.name):
        return
    others = [path for path in destination.iterdir() if path.name not in names and not path.name.startswith(SCRATCH)]
    if others or not _is_plain(there) or not _describes_itself(there):
        rule = "a folder without such a file, or with nothing but a model that was loaded before"
        raise InputError(there[0].name, rule, "another; name another folder, or move it away")


def _describes_itself(files: Sequence[Path]) -> bool:
    """Whether one of the files is the description that belongs to another: it has the hash of its weights."""
    try:
        said = [json.loads(path.read_bytes()).get("weights_sha256") for path in files if path.suffix == ".json"]
        return any(file_sha256(path) in said for path in files if path.suffix != ".json")
    except (OSError, ValueError, AttributeError):
        return False


def _is_same(path: Path, file: Path) -> bool:
    return _is_plain([path]) and file_sha256(path) == file_sha256(file)


def _is_plain(paths: Sequence[Path]) -> bool:
    return all(path.is_file() and not path.is_symlink() for path in paths)
