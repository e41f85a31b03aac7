"""The families that have a workflow, and the one that is meant where nobody names one. A new family is added here."""

from __future__ import annotations

from cardioscar.errors import ConfigError
from cardioscar.identity.erasable import FamilyNames
from cardioscar.stages.activation.workflow import DETECT
from cardioscar.stages.lge.workflow import SEGMENT
from cardioscar.stages.lvquant.workflow import QUANTIFY
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.study.workflow import PLAN
from cardioscar.workflow import Workflow

WORKFLOWS: tuple[Workflow, ...] = (RECONSTRUCT, SEGMENT, QUANTIFY, DETECT, PLAN)

DEFAULT = RECONSTRUCT
"""The family of commands and components that work on any cohort, where they are not told another."""

NAMES = FamilyNames(
    folders=frozenset(name for workflow in WORKFLOWS for name in (workflow.name, *workflow.names)),
    roles=frozenset(role for workflow in WORKFLOWS for role in workflow.layout.endings),
    role_folders=frozenset(role for workflow in WORKFLOWS for role in workflow.layout.folders),
)
"""What all families call folders and files, so that an erasure tells a subject's folder from a folder of subjects."""

MODEL_NAMES = frozenset(workflow.model.name for workflow in WORKFLOWS if workflow.model)
"""Registered models of subjects, whose names no network that subjects share may have."""


def workflow_named(name: str) -> Workflow:
    """The workflow of a name, as a flag or a pipeline says it.

    Raises:
        ConfigError: If there is none.
    """
    found = {workflow.name: workflow for workflow in WORKFLOWS}
    if name not in found:
        raise ConfigError("family", " or ".join(found), "another name")
    return found[name]
