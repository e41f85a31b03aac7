"""Whose cohort a command is about: the flag that says so, and what a pipeline says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import tyro

from cardioscar.stages.families import DEFAULT, WORKFLOWS, workflow_named
from cardioscar.workflow import Workflow

if TYPE_CHECKING:
    from cardioscar.services.kubeflow.parameters import PipelinePackage

Family = Annotated[
    str, tyro.conf.arg(help=f"Whose cohort it is: {' or '.join(workflow.name for workflow in WORKFLOWS)}.")
]
"""Name of a workflow, which `stages.families.workflow_named` looks up."""


def family_of(package: PipelinePackage) -> Workflow:
    """Whose cohort a pipeline takes: what it tells its list of subjects; one of an earlier version tells nothing.

    Raises:
        ConfigError: If it is a family that this version does not know.
    """
    name = package.constant("list-subjects", "family")
    return DEFAULT if name is None else workflow_named(str(name))
