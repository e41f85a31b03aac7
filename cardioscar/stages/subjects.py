"""The one loop over the subjects of a shard: quarantine, idempotence, atomic folders, one log line each.

A stage brings a function that fills one subject's scratch folder; all else that a platform expects of a stage is here.
A subject's fault becomes a row; the machine's fault (disk full, output not writable, out of memory) ends the stage.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.errors import CardioscarError, PlatformError
from cardioscar.stages.logs import about
from cardioscar.stages.status import FILE, Failure, Status, read_status, write_status
from cardioscar.subject_id import check_subject_id

log = logging.getLogger(__name__)

_PLATFORM_ERRNO = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENOMEM}


@dataclass(frozen=True)
class Work:
    """What a stage's function is given for one subject.

    Attributes:
        subject: Pseudonymous id.
        upstream: The subject's folder in each artifact that the stage reads, by the artifact's name.
        upstream_status: The row that came with each of these folders.
        out: Empty scratch folder; what is in it when the function returns becomes the subject's folder at once.
        checkpoint: Path that outlives a killed process, for a stage that can resume; removed when the subject is done.
    """

    subject: str
    upstream: Mapping[str, Path]
    upstream_status: Mapping[str, Status]
    out: Path
    checkpoint: Path


def run_shard(
    stage: str,
    subjects: Sequence[str],
    output: str | Path,
    config: Any,
    work: Callable[[Work], None],
    *,
    upstream: Mapping[str, str | Path] | None = None,
    files: Callable[[str], Mapping[str, Path]] | None = None,
    on_done: Callable[[Status], None] | None = None,
) -> list[Status]:
    """Run a stage over the subjects of a shard.

    Args:
        stage: Name of the stage.
        subjects: Ids.
        output: Artifact folder; gets one folder for each subject.
        config: The stage's configuration dataclass.
        work: Fills `Work.out` for one subject, or raises.
        upstream: Artifact folders that the stage reads, by name. A subject that is not ok in one of them is skipped.
        files: Gives a subject's own input files by name (the first stages read the cohort); it may raise `InputError`.
        on_done: Called with each row.

    Returns:
        One row for each subject, in order.

    Raises:
        PlatformError: If the machine fails; finished subjects stay, nothing is half written.
    """
    output = Path(output)
    with _platform_faults(output):
        output.mkdir(parents=True, exist_ok=True)
    rows = []
    for subject in subjects:
        with about(stage, subject), _platform_faults(output), _only_writer(output, subject):
            row = _run_subject(stage, subject, output, config, work, upstream or {}, files)
        rows.append(row)
        if on_done:
            on_done(row)
    return rows


def _run_subject(
    stage: str,
    subject: str,
    output: Path,
    config: Any,
    work: Callable[[Work], None],
    upstream: Mapping[str, str | Path],
    files: Callable[[str], Mapping[str, Path]] | None,
) -> Status:
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    final, scratch = output / subject, output / f".{subject}.partial"
    row = Status(
        subject, stage, "ok", started=started, version=__version__, config=as_mapping(config),
        config_sha256=config_sha256(config),
    )  # fmt: skip
    _recover(final, scratch)
    scratch.mkdir()
    try:
        check_subject_id(subject)
        folders = {name: Path(root) / subject for name, root in upstream.items()}
        rows = {name: _upstream_row(folder, subject) for name, folder in folders.items()}
        bad = next((r for r in rows.values() if r.outcome != "ok"), None)
        if bad:
            row = dataclasses.replace(row, outcome="skipped", error=bad.error)
            log.info("skipped: failed in %s", bad.error.stage if bad.error else bad.stage)
        else:
            row = dataclasses.replace(row, inputs=_input_hashes(rows, files(subject) if files else {}))
            earlier = read_status(final)
            if earlier and earlier.outcome == "ok" and earlier.same_work(row) and _whole(final, earlier):
                log.info("unchanged: reused")
                shutil.rmtree(scratch)
                return earlier
            work(Work(subject, folders, rows, scratch, output / f".{subject}.checkpoint"))
            row = dataclasses.replace(row, outputs=_hashes(scratch))
    except PlatformError:
        raise
    except CardioscarError as error:
        row = _failed(row, error.kind, str(error))
    except MemoryError as error:
        raise PlatformError(f"{subject}: out of memory in {stage}") from error
    except OSError as error:
        if error.errno in _PLATFORM_ERRNO:
            raise
        row = _failed(row, type(error).__name__, error.strerror or "operating-system error")
    except Exception as error:  # one subject's unforeseen fault must not take the cohort with it
        log.debug("unforeseen", exc_info=True)
        row = _failed(row, type(error).__name__, _one_line(error))
    if row.outcome == "failed":
        _empty(scratch)
    row = dataclasses.replace(row, seconds=round(time.perf_counter() - clock, 3))
    write_status(scratch, row)
    publish_folder(scratch, final)
    if row.outcome != "skipped":
        (output / f".{subject}.checkpoint").unlink(missing_ok=True)
    if row.outcome == "ok":
        log.info("ok in %.1f s", row.seconds)
    return row


def _failed(row: Status, kind: str, message: str) -> Status:
    log.error("failed: %s", message)
    return dataclasses.replace(row, outcome="failed", error=Failure(kind, message, row.stage))


def _one_line(error: Exception) -> str:
    """First line of an unforeseen error without what looks like a path: paths can identify people."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    words = [Path(w).name if "/" in w.strip("'\"") else w for w in lines[0][:300].split()]
    return f"{type(error).__name__}: {' '.join(words)}"


def _upstream_row(folder: Path, subject: str) -> Status:
    row = read_status(folder)
    if row is None:
        raise PlatformError(f"{subject}: the earlier stage left no {FILE}; run it again")
    return row


def _input_hashes(upstream: Mapping[str, Status], files: Mapping[str, Path]) -> dict[str, str]:
    hashes = {f"{name}/{file}": sha for name, row in upstream.items() for file, sha in row.outputs.items()}
    return hashes | {name: file_sha256(path) for name, path in files.items()}


def _hashes(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): file_sha256(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != FILE
    }


def _whole(folder: Path, row: Status) -> bool:
    return all((folder / name).is_file() for name in row.outputs)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def publish_folder(scratch: Path, final: Path) -> None:
    """Make a finished folder appear under its final name, whole, in place of an older one.

    A directory cannot replace a full one in a single step; the older one steps aside first and is put back by the next
    run if the process is killed between the two renames.
    """
    aside = final.with_name(f".{final.name}.old")
    if final.exists():
        final.rename(aside)
    scratch.rename(final)
    shutil.rmtree(aside, ignore_errors=True)


def _recover(final: Path, scratch: Path) -> None:
    """Clean up after a killed process: drop its scratch folder, put a folder that had stepped aside back."""
    shutil.rmtree(scratch, ignore_errors=True)
    aside = final.with_name(f".{final.name}.old")
    if aside.exists():
        if final.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(final)


@contextmanager
def _only_writer(output: Path, subject: str) -> Iterator[None]:
    """Hold the subject's lock, so that two runs over the same output cannot mix their files."""
    path = output / f".{_lock_name(subject)}.lock"
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PlatformError(f"another process is working on {subject} in the same output") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _lock_name(subject: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in subject)[:64]


@contextmanager
def _platform_faults(output: Path) -> Iterator[None]:
    """Turn errors of the machine into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PlatformError(
                f"no space left on the device of output '{output.name}'; finished subjects are kept"
            ) from error
        raise PlatformError(f"cannot write to output '{output.name}': {error.strerror}") from error
