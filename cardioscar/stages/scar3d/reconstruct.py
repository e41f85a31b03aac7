"""Stage `reconstruct`: the five stages over one shard, one after the other in one process.

For shards of little work, whose pods would take longer to start than to finish. Rows, artifacts and published results
are those of the five stages, and those of `cardioscar run`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.files.folders import platform_faults
from cardioscar.services.store.places import local_folder
from cardioscar.shard.status import Status
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.networks import registry_at
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT


def run(
    cohort_uri: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Mapping[str, Any]],
    recording: Recording = UNPUBLISHED,
) -> list[Status]:
    """Reconstruct a shard of subjects.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`.
        subjects: Ids.
        output: Artifact folder: `<stage>/<subject>` for each stage, as the folder `work` of `cardioscar run`.
        options: Settings of each stage by its name.
        recording: Where the results are published, and where the subjects are recorded.

    Returns:
        The last row of each subject.

    Raises:
        ConfigError: If a setting of any stage is unknown or impossible, or the object store refuses to be read or
            written to (before any work).
        PlatformError: If the machine fails; what is finished is published.
        UnreachableError: If the object store or the tracking server does not answer.
    """
    RECONSTRUCT.check_options(options)
    source = open_cohort(cohort_uri, RECONSTRUCT.layout)
    source.ask(subjects)
    ask_services(recording, RECONSTRUCT.model)
    at = local_folder(output, where="output")
    with platform_faults(at):
        at.mkdir(parents=True, exist_ok=True)
    with registry_at(recording.tracking):
        return RECONSTRUCT.run(source, subjects, at, options, recording=recording)
