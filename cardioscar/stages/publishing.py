"""What every stage that publishes does beside its own work: results out at once, and subjects recorded at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol

from cardioscar.errors import InputError
from cardioscar.logs import about
from cardioscar.results.opening import open_results
from cardioscar.results.publication import gather
from cardioscar.shard.loop import OnDone
from cardioscar.shard.own_files import OwnFiles
from cardioscar.shard.status import Status
from cardioscar.stages.recording import Recording

if TYPE_CHECKING:
    from cardioscar.services.tracking.records import SubjectRecord

log = logging.getLogger(__name__)


@contextmanager
def publishing(
    recording: Recording,
    own: OwnFiles,
    output: str | Path,
    artifacts: Sequence[str | Path],
    on_done: OnDone | None = None,
) -> Iterator[OnDone]:
    """Publish each subject as soon as its work is done: it is out even if the machine fails at the next one.

    Args:
        recording: Where results go; nowhere, if it does not say.
        own: What of the family's work lies among the results: `Workflow.results`.
        output: Artifact folder of the stage.
        artifacts: Those of earlier stages that hold published files.
        on_done: Called with each row once it is published, and whether it was reused.

    Yields:
        What the shard loop takes as `on_done`.

    Raises:
        ConfigError: If the place of the results is neither a folder nor an `s3://` address.
        InputError: At the end, if files of others were where a subject's results are to lie; those of the others are
            published.
        UnreachableError: If the object store does not answer; no subject is half published.
    """
    results = open_results(recording.results, own) if recording.results else None
    refused: list[InputError] = []

    def done(row: Status, reused: bool) -> None:
        if results:
            try:
                results.publish(gather(row, Path(output), [Path(root) for root in artifacts], own), recording.run_id)
            except InputError as error:  # somebody else's files are in the place of this subject's results
                refused.append(error)
                log.error("not published: %s", error, extra={"outcome": "failed"})
                return
        if on_done:
            on_done(row, reused)

    yield done
    if refused:
        raise refused[0]


def record_rows(
    rows: Sequence[Status],
    recording: Recording,
    record_of: Callable[[Status], SubjectRecord],
    on_done: Callable[[str, bool], None] | None = None,
) -> None:
    """Record the subjects that are ok in MLflow: one run, and one model version if accepted; idempotent.

    Args:
        rows: Rows of the stage that publishes.
        recording: Where to record.
        record_of: Gathers what is to be known of a subject.
        on_done: Called with each subject and whether an earlier record was found.

    Raises:
        UnreachableError: If the server does not answer within 30 s.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    from cardioscar.services.tracking.recording import record_subject

    target = recording.target
    for row in rows:
        if row.outcome != "ok":
            continue
        with about("track", row.subject):
            record = record_of(row)
            done = record_subject(target, record)
            unversioned = "without a version" + ("" if record.accepted else ": quality control failed")
            what = unversioned if done.version is None else f"as version {done.version}"
            log.info("%s %s", "already recorded" if done.reused else "recorded", what)
        if on_done:
            on_done(row.subject, done.reused)


class Recorder(Protocol):
    """Records the subjects of a stage that publishes."""

    def __call__(
        self,
        rows: Sequence[Status],
        artifacts: Sequence[Path],
        recording: Recording,
        *,
        on_done: Callable[[str, bool], None] | None = None,
    ) -> None:
        """Record those that are ok: one run each, and one model version if the family has models; idempotent.

        Args:
            rows: Rows of the stage.
            artifacts: Artifact folders of the family's stages, in their order.
            recording: Where to record.
            on_done: Called with each subject and whether an earlier record was found.

        Raises:
            UnreachableError: If the server does not answer within 30 s.
        """


def recorder(subject_record: str) -> Recorder:
    """The function `record` of a stage that publishes.

    Args:
        subject_record: Where the function is, as `module:name`, that gathers what MLflow is to know of a subject from
            its row, the name of the experiment and the artifact folders. It is imported when something is recorded.
    """

    def record(
        rows: Sequence[Status],
        artifacts: Sequence[Path],
        recording: Recording,
        *,
        on_done: Callable[[str, bool], None] | None = None,
    ) -> None:
        gather_record = resolve_name(subject_record)
        record_rows(rows, recording, lambda row: gather_record(row, recording.experiment, artifacts), on_done)

    return record
