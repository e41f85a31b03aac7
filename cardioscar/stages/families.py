"""The families that have a workflow, and the one that is meant where nobody names one. A new family is added here."""

from __future__ import annotations

from cardioscar.identity.erasable import FamilyNames
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.workflow import Workflow

WORKFLOWS: tuple[Workflow, ...] = (RECONSTRUCT,)

DEFAULT = RECONSTRUCT
"""The family of callers who cannot say which: pipelines written before there was a second one, and `cardioscar run`."""

NAMES = FamilyNames(
    folders=frozenset(name for workflow in WORKFLOWS for name in (workflow.name, *workflow.names)),
    roles=frozenset(role for workflow in WORKFLOWS for role in workflow.layout.endings),
    role_folders=frozenset(role for workflow in WORKFLOWS for role in workflow.layout.folders),
)
"""What all families call folders and files, so that an erasure tells a subject's folder from a folder of subjects."""
