"""Published results: `<subject>/` with stable file names for whoever reads them next, in a folder or an object store.

`status.json` is the marker: it appears last, and a subject without it has no result. `run.json` beside it says which
run vouches for the result; it is renewed where a run finds the result unchanged. It names the marker by its hash, so
that no run vouches for a result that another has put there since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cardioscar.results.signoff import SignOff
from cardioscar.shard.own_files import OwnFiles
from cardioscar.shard.status import FILE, Status, parse_status, read_status

METRICS = "metrics.json"
PICTURE = "figures/thumbnail.webp"
"""The subject as small as a finger nail, for tables; not every family draws one."""


@dataclass(frozen=True)
class Publication:
    """What is published of one subject.

    Attributes:
        row: The subject's row in the stage that publishes.
        marker: The file of that row.
        files: Where each file lies now, by its name in the results.
        hashes: sha256 of each of these files.
    """

    row: Status
    marker: Path
    files: Mapping[str, Path]
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """What the results say of one subject.

    Attributes:
        subject: Id.
        row: Its row; None where there is none, or none that can be read.
        run_id: Run that vouches for it; empty where none does.
        metrics: Content of `metrics.json`; None where there is none that can be trusted.
        damage: What is wrong with `metrics.json`; empty if nothing.
        signoff: What a person said of it; None where nobody did.
        picture: Content of `figures/thumbnail.webp`; empty where there is none that can be trusted.
    """

    subject: str
    row: Status | None = None
    run_id: str = ""
    metrics: Mapping[str, Any] | None = None
    damage: str = ""
    signoff: SignOff | None = None
    picture: bytes = b""


class Results(Protocol):
    """A place of published results."""

    def publish(self, what: Publication, run_id: str = "") -> None:
        """Make a subject's files appear under stable names; nothing is written but the stamp where they are there.

        Raises:
            PlatformError: If they cannot be written; an earlier publication stays.
            UnreachableError: If the store does not answer; no subject is half published.
            InputError: If the subject's folder holds files, and is none that was published for it.
        """

    def check(self, subjects: Sequence[str]) -> None:
        """Refuse a place that holds what is not ours where results are to lie; files beside ours stay.

        Args:
            subjects: Ids of those who are to be published.

        Raises:
            InputError: If a subject's folder holds files, and is none that was published for it; if the table, the
                page or the `cohort.json` is somebody else's.
        """

    def results(self, subjects: Sequence[str]) -> Iterator[Result]:
        """What there is of each subject, in order."""

    def ask(self) -> None:
        """Find out whether the place can be reached and written to, before hours of work.

        Raises:
            ConfigError: If it cannot be had, or not be written to, with these credentials.
            UnreachableError: If the store does not answer.
        """

    def subjects(self) -> list[str]:
        """Ids of all subjects that there is a result of, sorted."""

    def in_use(self) -> AbstractContextManager[None]:
        """Keep an erasure, as far as that can be, out of the place until the block ends; other runs may use it too.

        Raises:
            PlatformError: If an erasure is at work there.
        """

    def alone(self) -> AbstractContextManager[None]:
        """Keep other runs, as far as that can be, from writing the cohort's own files until the block ends.

        Raises:
            PlatformError: If another process holds them for too long.
        """

    def workspace(self) -> AbstractContextManager[Path]:
        """A folder for the cohort's own files, which `put` shows in the results."""

    def put(self, path: Path) -> None:
        """Show a finished file of the workspace under its name."""

    def read(self, name: str) -> bytes:
        """Content of a file that was put."""

    def address(self, name: str) -> str:
        """Where a user finds a file."""


def gather(row: Status, output: Path, artifacts: Sequence[Path], own: OwnFiles) -> Publication:
    """Collect what belongs to a subject's results.

    Args:
        row: The subject's row in the stage that publishes.
        output: Artifact of that stage.
        artifacts: Artifacts of earlier stages, whose published files belong to the results too.
        own: What belongs to the results of the workflow.
    """
    files = {name: output / row.subject / name for name in row.outputs}
    hashes = dict(row.outputs)
    if row.outcome == "ok":
        for artifact in artifacts:
            earlier = read_status(artifact / row.subject)
            for name, sha in (earlier.outputs if earlier else {}).items():
                if name in own.earlier:
                    files[name], hashes[name] = artifact / row.subject / name, sha
    return Publication(row, output / row.subject / FILE, files, hashes)


def stamp_bytes(run_id: str, marker: bytes) -> bytes:
    """Content of `run.json`."""
    return (json.dumps({"run_id": run_id, "status_sha256": hashlib.sha256(marker).hexdigest()}) + "\n").encode()


def result_of(
    subject: str, marker: bytes | None, stamp: bytes | None, metrics: bytes | None, picture: bytes | None = None
) -> Result:
    """What the files say of a subject.

    Args:
        subject: Its id.
        marker: Bytes of `status.json`; None where there is none.
        stamp: Bytes of `run.json`.
        metrics: Bytes of `metrics.json`.
        picture: Bytes of `figures/thumbnail.webp`.
    """
    row = parse_status(marker)
    if row is None or row.subject != subject:
        return Result(subject)
    run_id = stamp_of(stamp, marker)
    if row.outcome != "ok":
        return Result(subject, row, run_id)
    content, damage = None, "its metrics.json is missing"
    if metrics is not None and hashlib.sha256(metrics).hexdigest() != row.outputs.get(METRICS):
        damage = "its metrics.json is not the one that its status.json names"
    elif metrics is not None:
        content = _mapping(metrics)
        damage = "" if content is not None else "its metrics.json is damaged"
    known = picture is not None and hashlib.sha256(picture).hexdigest() == row.outputs.get(PICTURE)
    return Result(subject, row, run_id, content, damage, picture=picture if picture and known else b"")


def stamp_of(data: bytes | None, marker: bytes | None) -> str:
    """Run that a `run.json` names; empty where it is missing or torn, or was written beside another marker."""
    stamp = _mapping(data) or {}
    known = stamp.get("status_sha256")
    if known is not None and known != hashlib.sha256(marker or b"").hexdigest():
        return ""
    return str(stamp.get("run_id", ""))


def _mapping(data: bytes | None) -> dict[str, Any] | None:
    """Content of a JSON file; None where it is missing, torn, or no mapping."""
    try:
        content = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
