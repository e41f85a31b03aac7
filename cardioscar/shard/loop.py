"""The one loop over the subjects of a shard: quarantine, idempotence, atomic folders, one log line each.

A stage brings a function that fills one subject's scratch folder; all else that a platform expects of a stage is here.
A subject's fault becomes a row; the machine's fault (disk full, output not writable, out of memory) ends the stage.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.errors import CardioscarError, PlatformError
from cardioscar.files.folders import (
    PLATFORM_ERRNO,
    file_hashes,
    fresh_folder,
    only_writer,
    platform_faults,
    recover,
)
from cardioscar.identity.printable_text import printable
from cardioscar.identity.spoken_names import user_names_by_role, without_user_names
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.logs import about
from cardioscar.shard.concerns import Concerns, heard
from cardioscar.shard.metrics import ShardMetrics
from cardioscar.shard.own_files import keep, strangers_in
from cardioscar.shard.peak_memory import peak_memory
from cardioscar.shard.stage import Stage
from cardioscar.shard.status import FILE, Failure, Status, read_status, write_status

log = logging.getLogger(__name__)

OnDone = Callable[[Status, bool], None]
"""Called with each row, and whether an earlier run had done the work."""


@dataclass(frozen=True)
class Work:
    """What a stage's function is given for one subject.

    Attributes:
        subject: Pseudonymous id.
        upstream: The subject's folder in each artifact that the stage reads, by the artifact's name.
        upstream_status: The row that came with each of these folders.
        out: Empty scratch folder; what is in it when the function returns becomes the subject's folder at once.
        checkpoint: Path that outlives a killed process, for a stage that can resume; removed when the subject is done.
        warned: What the work has warned of so far, a sentence each.
    """

    subject: str
    upstream: Mapping[str, Path]
    upstream_status: Mapping[str, Status]
    out: Path
    checkpoint: Path
    warned: Callable[[], list[str]]


@dataclass(frozen=True)
class _Shard:
    stage: Stage
    output: Path
    config: Any
    work: Callable[[Work], None]
    upstream: Mapping[str, str | Path]
    files: Callable[[str], Mapping[str, Path]] | None
    reads_settings: bool


def run_shard(
    stage: Stage,
    subjects: Sequence[str],
    output: str | Path,
    config: Any,
    work: Callable[[Work], None],
    *,
    upstream: Mapping[str, str | Path] | None = None,
    files: Callable[[str], Mapping[str, Path]] | None = None,
    reads_settings: bool = False,
    on_done: OnDone | None = None,
) -> list[Status]:
    """Run a stage over the subjects of a shard.

    A subject is done again unless an earlier run ended well with the same settings, input files and version of
    cardioscar, and its files are what they were. One that failed is always tried again.

    Args:
        stage: The stage.
        subjects: Ids.
        output: Artifact folder; gets one folder for each subject.
        config: The stage's configuration dataclass.
        work: Fills `Work.out` for one subject, or raises.
        upstream: Artifact folders that the stage reads, by name. A subject that is not ok in one of them is skipped.
        files: Gives a subject's own input files by name (the first stages read the cohort); it may raise `InputError`.
        reads_settings: The stage reads settings and warnings of earlier stages too, so a change of these is a change of
            input.
        on_done: Called with each row, and whether it was reused.

    Returns:
        One row for each subject, in order.

    Raises:
        InputError: If an id is no pseudonym: it would become a folder's name. If the output has a folder of a subject's
            name that holds other files than this stage's.
        PlatformError: If the machine fails; finished subjects stay, nothing is half written.
    """
    for subject in subjects:
        check_subject_id(subject)
    one = _Shard(stage, Path(output), config, work, upstream or {}, files, reads_settings)
    with platform_faults(one.output):
        one.output.mkdir(parents=True, exist_ok=True)
        for subject in subjects:
            strangers_in(one.output / subject, stage.own)  # refused before any work
    rows, metrics = [], ShardMetrics(stage.name, subjects)
    try:
        with heard(stage.name) as concerns:
            for subject in subjects:
                with about(stage.name, subject):
                    with platform_faults(one.output), only_writer(one.output, subject):
                        row, reused = _run_subject(one, subject, concerns)
                    rows.append(row)
                    metrics.add(row, reused)
                    if on_done:
                        on_done(row, reused)
                concerns.forget(subject)
    finally:
        with about(stage.name, "-"):
            metrics.push()
    return rows


def _run_subject(shard: _Shard, subject: str, concerns: Concerns) -> tuple[Status, bool]:
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    new = Status(
        subject, shard.stage.name, "ok", started=started, version=__version__, config=as_mapping(shard.config),
        config_sha256=config_sha256(shard.config),
    )  # fmt: skip
    final, checkpoint = shard.output / subject, shard.output / f".{subject}.checkpoint"
    folders = {name: Path(root) / subject for name, root in shard.upstream.items()}
    upstream = {name: _upstream_row(folder, subject) for name, folder in folders.items()}

    recover(final)
    with user_names_by_role(_own_files(shard, subject)):
        job = Work(subject, folders, upstream, final, checkpoint, lambda: concerns.of(subject))
        return _reuse_or_work(shard, new, job, started=clock)


def _own_files(shard: _Shard, subject: str) -> Mapping[str, Path]:
    try:
        return shard.files(subject) if shard.files else {}
    except (CardioscarError, OSError):
        return {}  # `_inputs_or_skip` meets the same error and makes a row of it


def _reuse_or_work(shard: _Shard, new: Status, job: Work, *, started: float) -> tuple[Status, bool]:
    """Reuse the row of an earlier run, or do the work; `job.out` is the subject's final folder."""
    final = job.out
    others = strangers_in(final, shard.stage.own)
    row = _quarantine(new, lambda: _inputs_or_skip(shard, new, job.upstream_status))
    earlier = read_status(final)
    present = {name: sha for name, sha in file_hashes(final, without=FILE).items() if name not in others}
    reused = earlier is not None and earlier.answers(row) and present == earlier.outputs
    if earlier is not None and reused:
        log.info("unchanged: reused", extra={"outcome": "reused"})
        row = earlier
    else:
        with fresh_folder(final) as scratch:
            with peak_memory() as peak:
                if row.outcome == "ok":
                    asked, task = row, dataclasses.replace(job, out=scratch)
                    row = _quarantine(asked, lambda: _run_work(shard, task, asked))
            if row.outcome == "failed":
                _empty(scratch)
            row = dataclasses.replace(
                row, seconds=round(time.perf_counter() - started, 3), peak_memory_mib=peak.mib,
                cuda_peak_memory_mib=peak.cuda_mib, warnings=job.warned(),
            )  # fmt: skip
            write_status(scratch, row)
            keep(others, final, scratch)
        if row.outcome == "ok":
            facts = {name: getattr(row, name) for name in ("outcome", "seconds", "peak_memory_mib")}
            log.info("ok in %.1f s", row.seconds, extra=facts)
    for leftover in shard.output.glob(f"{job.checkpoint.name}*"):
        leftover.unlink(missing_ok=True)
    return row, reused


def _inputs_or_skip(shard: _Shard, row: Status, upstream: Mapping[str, Status]) -> Status:
    """The row with its inputs, or as skipped where an earlier stage failed."""
    bad = next((r for r in upstream.values() if r.outcome != "ok"), None)
    if bad:
        log.info("skipped: failed in %s", bad.error.stage if bad.error else bad.stage, extra={"outcome": "skipped"})
        return dataclasses.replace(row, outcome="skipped", error=bad.error)
    inputs = {f"{name}/{file}": sha for name, r in upstream.items() for file, sha in r.outputs.items()}
    if shard.reads_settings:
        inputs |= {f"{name}/{FILE}": r.config_sha256 for name, r in upstream.items()}
        inputs |= {f"{name}/warnings": config_sha256(r.warnings) for name, r in upstream.items() if r.warnings}
    own = shard.files(row.subject) if shard.files else {}
    return dataclasses.replace(row, inputs=inputs | {name: file_sha256(path) for name, path in own.items()})


def _run_work(shard: _Shard, job: Work, row: Status) -> Status:
    shard.work(job)
    return dataclasses.replace(row, outputs=file_hashes(job.out, without=FILE))


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _quarantine(row: Status, step: Callable[[], Status]) -> Status:
    """Take a step with a row; a fault of the subject makes it a failed row, a fault of the machine is raised."""
    try:
        return step()
    except PlatformError:
        raise
    except CardioscarError as error:
        return _failed(row, error.kind, str(error))
    except OSError as error:
        if error.errno in PLATFORM_ERRNO:
            raise
        name = f"{Path(os.fsdecode(error.filename)).name}: " if error.filename else ""
        return _failed(row, type(error).__name__, name + (error.strerror or "operating-system error"))
    except Exception as error:  # one subject's unforeseen fault must not take the cohort with it
        fault = machine_fault(error)
        if fault:
            raise PlatformError(f"{row.subject}: {fault} in {row.stage}; finished subjects are kept") from error
        log.debug("unforeseen", exc_info=True)
        return _failed(row, type(error).__name__, _unforeseen(error))


def machine_fault(error: Exception) -> str:
    """What of the machine has failed, said by libraries in exceptions of their own; empty if nothing."""
    text = str(error)
    # torch.OutOfMemoryError (CUDA), and the plain RuntimeError of torch's allocator on the CPU
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text:
        return "out of memory"
    # safetensors reports what the system said as text
    return next((os.strerror(number).lower() for number in PLATFORM_ERRNO if f"(os error {number})" in text), "")


def _failed(row: Status, kind: str, message: str) -> Status:
    message = printable(without_user_names(message))
    log.error("failed: %s", message, extra={"outcome": "failed", "kind": kind})
    return dataclasses.replace(row, outcome="failed", error=Failure(kind, message, row.stage))


def _unforeseen(error: Exception) -> str:
    """Kind and place of an unforeseen error; its text may quote anything of a subject's files."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "cardioscar" in PurePath(frame.filename).parts[-4:]]
    at = f" at {PurePath(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    return f"unforeseen {type(error).__name__}{at}"


def _upstream_row(folder: Path, subject: str) -> Status:
    row = read_status(folder)
    if row is None:
        raise PlatformError(f"{subject}: the earlier stage left no {FILE}; run it again")
    return row
