"""Published results: `<subject>/` with stable file names for whoever reads them next, in a folder or an object store.

`status.json` is the marker: it appears last, and a subject without it has no result. `run.json` beside it says which
run vouches for the result; it is renewed where a run finds the result unchanged.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cardioscar.stages.places import place
from cardioscar.stages.status import FILE, Status, read_status
from cardioscar.stages.subject_folder import file_hashes, fresh_folder, only_writer, platform_faults, recover

STAMP, METRICS = "run.json", "metrics.json"

OF_EARLIER_STAGES = (
    "scar.vtu",
    "scar_probability.nii.gz",
    "scar.pts",
    "scar.elem",
    "scar.lon",
    "field.safetensors",
    "field.json",
)
"""Files of earlier stages that belong to a subject's results."""


@dataclass(frozen=True)
class Publication:
    """What is published of one subject.

    Attributes:
        row: The subject's row in `evaluate`.
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
        metrics: Content of `metrics.json`; None where there is none.
    """

    subject: str
    row: Status | None = None
    run_id: str = ""
    metrics: Mapping[str, Any] | None = None


class Results(Protocol):
    """A place of published results."""

    def publish(self, what: Publication, run_id: str = "") -> None:
        """Make a subject's files appear under stable names; nothing is written but the stamp where they are there.

        Raises:
            PlatformError: If they cannot be written; an earlier publication stays.
            UnreachableError: If the store does not answer; no subject is half published.
        """

    def results(self, subjects: Sequence[str]) -> Iterator[Result]:
        """What there is of each subject, in order."""

    def workspace(self) -> AbstractContextManager[Path]:
        """A folder for the cohort's own files, which `put` shows in the results."""

    def put(self, path: Path) -> None:
        """Show a finished file of the workspace under its name."""

    def read(self, name: str) -> bytes:
        """Content of a file that was put."""

    def address(self, name: str) -> str:
        """Where a user finds a file."""


def open_results(uri: str | Path, *, where: str = "results_uri") -> Results:
    """The results at a path or URI; nothing is read or made yet.

    Raises:
        ConfigError: If it is neither a folder nor an `s3://` address.
    """
    at = place(uri, where=where)
    if isinstance(at, Path):
        return FolderResults(at)
    from cardioscar.stages.published_store import StoreResults

    return StoreResults(at)


def gather(row: Status, output: Path, artifacts: Sequence[Path]) -> Publication:
    """Collect what belongs to a subject's results.

    Args:
        row: The subject's row in `evaluate`.
        output: Artifact of `evaluate`.
        artifacts: Artifacts of earlier stages, whose `OF_EARLIER_STAGES` files belong to the results too.
    """
    files = {name: output / row.subject / name for name in row.outputs}
    hashes = dict(row.outputs)
    if row.outcome == "ok":
        for artifact in artifacts:
            earlier = read_status(artifact / row.subject)
            for name, sha in (earlier.outputs if earlier else {}).items():
                if name in OF_EARLIER_STAGES:
                    files[name], hashes[name] = artifact / row.subject / name, sha
    return Publication(row, output / row.subject / FILE, files, hashes)


def stamp_bytes(run_id: str) -> bytes:
    """Content of `run.json`."""
    return (json.dumps({"run_id": run_id}) + "\n").encode()


def stamp_of(data: bytes | None) -> str:
    """Run that a `run.json` names; empty where it is missing or torn."""
    try:
        return str(json.loads(data or b"")["run_id"])
    except (ValueError, LookupError, TypeError):
        return ""


def metrics_of(data: bytes | None) -> dict[str, Any] | None:
    """Content of a `metrics.json`; None where it is missing or torn."""
    try:
        metrics = json.loads(data or b"")
    except ValueError:
        return None
    return metrics if isinstance(metrics, dict) else None


class FolderResults:
    """Results in a folder; a subject's folder appears whole, and only where it differs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, what: Publication, run_id: str = "") -> None:
        """See `Results`."""
        from cardioscar.imaging.atomic import atomic_file

        final = self.root / what.row.subject
        with platform_faults(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            with only_writer(self.root, what.row.subject):
                recover(final)
                present = file_hashes(final)
                present.pop(STAMP, None)
                if read_status(final) == what.row and present == what.hashes:
                    if run_id and stamp_of(_content(final / STAMP)) != run_id:
                        with atomic_file(final / STAMP) as partial:
                            partial.write_bytes(stamp_bytes(run_id))
                    return
                with fresh_folder(final) as scratch:
                    for name, source in what.files.items():
                        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(source, scratch / name)
                    if run_id:
                        (scratch / STAMP).write_bytes(stamp_bytes(run_id))
                    shutil.copyfile(what.marker, scratch / FILE)

    def results(self, subjects: Sequence[str]) -> Iterator[Result]:
        """See `Results`."""
        for subject in subjects:
            folder = self.root / subject
            with platform_faults(self.root):
                stamp, metrics = _content(folder / STAMP), _content(folder / METRICS)
            yield Result(subject, read_status(folder), stamp_of(stamp), metrics_of(metrics))

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """See `Results`: the folder itself."""
        with platform_faults(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        yield self.root

    def put(self, path: Path) -> None:
        """See `Results`: the file is in its place."""

    def read(self, name: str) -> bytes:
        """See `Results`."""
        return (self.root / name).read_bytes()

    def address(self, name: str) -> str:
        """See `Results`."""
        return str(self.root / name)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
