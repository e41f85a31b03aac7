"""A training whose output lies in an object store: learned in a private folder, checkpoints sent there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import CardioscarError, ConfigError, counted
from cardioscar.files.folders import platform_faults
from cardioscar.services.store.places import place
from cardioscar.stages.training_output import DESCRIPTION, FILES, checkpoints
from cardioscar.types import OnStep

if TYPE_CHECKING:
    from cardioscar.services.store.object_store import Store
    from cardioscar.services.store.s3_uri import S3Place

SEND_SECONDS = 300.0
"""Time between two checkpoints that are sent."""
_CHECKPOINT, _NAME = ".checkpoint", "network"


@dataclass
class OutputPlace:
    """Where a training writes.

    Attributes:
        final: Folder on this machine that the output becomes.
    """

    final: Path

    def bring(self) -> None:
        """Bring what an earlier attempt left."""

    def watching(self, tell: OnStep, checkpoint: Path) -> OnStep:
        """Progress that is told on."""
        return tell

    def keep(self) -> None:
        """Keep the checkpoint, whatever happens to this machine."""

    def publish(self) -> None:
        """Show the output where it was asked for."""


@dataclass
class StoredPlace(OutputPlace):
    """An output in an object store.

    Attributes:
        at: Its prefix.
        store: The store.
    """

    at: S3Place
    store: Store
    _sent: dict[str, int] = field(default_factory=dict)
    _last: float = field(default_factory=time.monotonic)

    @property
    def _checkpoint(self) -> Path:
        return self.final.with_name(f".{self.final.name}{_CHECKPOINT}")

    def bring(self) -> None:
        """Bring an earlier output and checkpoints; refuse a place that holds something else."""
        names = [one.relative for one in self.store.files(self.at)]
        others = [name for name in names if name not in FILES and not name.startswith(_CHECKPOINT)]
        if others:
            rule = "a prefix of its own, or that of an earlier training"
            raise ConfigError("out", rule, f"one with {counted(len(others), 'other object')}")
        if DESCRIPTION in names:
            self.final.mkdir()
        for name in names:
            if name.startswith(_CHECKPOINT):
                path = self._checkpoint.with_name(self._checkpoint.name + name.removeprefix(_CHECKPOINT))
                self.store.download_file(self.at / name, path)
                self._sent[name] = path.stat().st_mtime_ns
            elif DESCRIPTION in names:
                self.store.download_file(self.at / name, self.final / name)

    def watching(self, tell: OnStep, checkpoint: Path) -> OnStep:
        """Progress that is told on, and sends checkpoints from time to time."""

        def told(part: str, done: int, of: int) -> None:
            if time.monotonic() - self._last >= SEND_SECONDS:
                with suppress(CardioscarError):  # a store that is away for a while stops no training
                    self.keep()
                self._last = time.monotonic()
            tell(part, done, of)

        return told

    def keep(self) -> None:
        """Send what the checkpoint holds that was not sent."""
        for path in checkpoints(self._checkpoint):
            name = _CHECKPOINT + path.name.removeprefix(self._checkpoint.name)
            changed = path.stat().st_mtime_ns
            if self._sent.get(name) != changed:
                self.store.write(self.at / name, path.read_bytes())
                self._sent[name] = changed

    def publish(self) -> None:
        """Publish the output, its description last, and take the checkpoints away."""
        self.store.publish(self.final, self.at, marker=DESCRIPTION, removable=lambda name: name in FILES)
        for one in self.store.files(self.at):
            if one.relative.startswith(_CHECKPOINT):
                self.store.delete(self.at / one.relative)


@contextmanager
def output_place(output: str | Path) -> Iterator[OutputPlace]:
    """The place that a path or address names.

    Args:
        output: Folder or `s3://` prefix.

    Raises:
        ConfigError: If the address is of another kind, or the store refuses.
        UnreachableError: If the store does not answer.
    """
    at = place(output, where="out")
    if isinstance(at, Path):
        yield OutputPlace(at.resolve())
        return
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.services.store.object_store import Store

    if not at.prefix:
        raise ConfigError("out", "an address s3://bucket/prefix", "a whole bucket")
    store = Store.connect()
    store.check_writable(at)
    with temporary_folder() as folder, platform_faults(folder):
        stored = StoredPlace(folder / _NAME, at, store)
        stored.bring()
        yield stored
