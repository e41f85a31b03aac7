"""A patient through the whole workflow of one family, within a stage of the study: the same stages, the same results.

A family knows its own cohort: roles, settings, near misses of names. So it is shown a folder that holds this patient's
files of its roles and nothing else.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.shard.concerns import gathered
from cardioscar.shard.status import Status, read_status
from cardioscar.stages.recording import Recording
from cardioscar.stages.study.settings import StudySettings, write_settings
from cardioscar.workflow import Workflow

_NOWHERE = Recording(track=False)


@dataclass(frozen=True)
class FamilyRun:
    """What a family made of the patient.

    Attributes:
        row: Its last row.
        folders: The patient's folder in the artifact of each stage, by the stage's name.
        warnings: What the stages warned of, a sentence each.
    """

    row: Status
    folders: Mapping[str, Path]
    warnings: tuple[str, ...]

    @property
    def failure(self) -> str:
        """Why it failed; empty if it did not."""
        return self.row.error.message if self.row.error else ""


@contextmanager
def family_run(
    workflow: Workflow,
    subject: str,
    files: Mapping[str, Path],
    settings: StudySettings,
    options: Mapping[str, Mapping[str, Any]],
    scratch: Path,
    **others: Any,
) -> Iterator[FamilyRun]:
    """Take a patient through a family's workflow; nothing is published or recorded, and artifacts go with the block.

    Args:
        workflow: Of the family.
        subject: Id.
        files: The patient's files by the family's roles, and those that belong to them.
        settings: Of the patient.
        options: Settings of each stage by its name.
        scratch: Folder of this patient, on the disk of the artifacts.
        others: Settings of the patient that the family calls otherwise.

    Yields:
        What came of it.

    Raises:
        PlatformError: If the machine fails.
    """
    root = scratch / workflow.name
    try:
        cohort = _shown(root / "cohort" / subject, workflow, files, settings, others).parent
        source, work = open_cohort(cohort, workflow.layout), root / "work"
        rows = workflow.run(source, [subject], work, options, recording=_NOWHERE)
        folders = {name: work / name / subject for name in workflow.names}
        said = [(name, row.warnings) for name, folder in folders.items() if (row := read_status(folder))]
        yield FamilyRun(rows[-1], folders, tuple(one["text"] for one in gathered(said)))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _shown(
    folder: Path, workflow: Workflow, files: Mapping[str, Path], settings: StudySettings, others: Mapping[str, Any]
) -> Path:
    """Links to the files under the names that the family knows."""
    folder.mkdir(parents=True)
    for role, path in files.items():
        (folder / _name(workflow, role, path)).symlink_to(path.absolute())
    layout = workflow.layout
    write_settings(folder / layout.settings, settings, layout.settings_type, **others)
    return folder


def _name(workflow: Workflow, role: str, path: Path) -> str:
    endings = workflow.layout.endings.get(role)
    if endings is None:
        # the voxels of a header are named in it; the other files of an openCARP mesh are named by their role
        return role if role.split(".")[-1] in ("elem", "lon") else path.name
    if path.is_dir():
        return role
    return role + max((one for one in endings if path.name.endswith(one)), key=len, default=path.suffix)
