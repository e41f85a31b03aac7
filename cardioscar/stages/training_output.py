"""Where a training writes: its folder, the checkpoint beside it, its curves and its page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import ConfigError, DivergedError, InputError, counted
from cardioscar.files.folders import platform_faults
from cardioscar.learning.curves import Curves

if TYPE_CHECKING:
    from cardioscar.report.training import TrainingSummary

CURVES, PAGE = "curves.json", "training.html"
SETTINGS, FACTS, OVERLAYS = "settings.yaml", "training.json", "overlays.png"
WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
FILES = (DESCRIPTION, WEIGHTS, SETTINGS, FACTS, CURVES, PAGE, OVERLAYS)
"""All files of a trained network's folder."""


@contextmanager
def checkpoint_beside(final: Path) -> Iterator[Path]:
    """A file beside the output, by which a training that was killed goes on; it goes when one ends.

    Of a training that stopped because of a file or a setting it stays: that can be mended. One that diverged would do
    so again.

    Args:
        final: The output.
    """
    path = final.with_name(f".{final.name}.checkpoint")
    try:
        yield path
    except DivergedError:
        _remove(path)
        raise
    _remove(path)


def checkpoints(path: Path) -> list[Path]:
    """The files of a checkpoint that are there: the file itself, and those of networks that are done."""
    return sorted(one for one in path.parent.glob(f"{path.name}*") if not one.name.endswith(".partial"))


def _remove(path: Path) -> None:
    for one in checkpoints(path):
        one.unlink(missing_ok=True)


def check_output(final: Path) -> None:
    """Refuse a folder that holds anything but an earlier training: it is replaced as a whole.

    Raises:
        ConfigError: If it does.
        PlatformError: If it cannot be looked at.
    """
    rule = "a new or empty folder, or that of an earlier training"
    with platform_faults(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in final.iterdir()} if final.is_dir() else set()
    others = len(names - set(FILES))
    if others or final.is_file():
        raise ConfigError("out", rule, f"one with {counted(others, 'other file')}" if others else "a file")
    if names:
        from cardioscar.learning.bundle import read_bundle

        try:
            read_bundle(final)
        except InputError as error:
            raise ConfigError("out", rule, str(error)) from None
        check_own_training(final)


def check_own_training(folder: Path) -> None:
    """Refuse to replace files of the names of curves and page that no training of ours wrote.

    Raises:
        ConfigError: If there are such.
    """
    from cardioscar.report.training import is_training_report

    for name, is_ours in ((CURVES, _is_curves), (PAGE, is_training_report)):
        path = folder / name
        if path.is_symlink() or (path.exists() and not is_ours(path)):
            rule = "a folder without such a file, or that of an earlier training"
            raise ConfigError("out", rule, f"another {name}; name another folder, or move it away")


def _is_curves(path: Path) -> bool:
    try:
        return bool(Curves.from_json(path.read_text(encoding="utf-8")))
    except (InputError, OSError, ValueError):
        return False


def write_curves_and_page(folder: Path, summary: TrainingSummary) -> None:
    """Write the curves of a training, and the page that shows it.

    Args:
        folder: Where to.
        summary: The training.
    """
    from cardioscar.report.training import write_training_report

    (folder / CURVES).write_text(summary.curves.as_json(), encoding="utf-8")
    write_training_report(folder / PAGE, summary)
