"""The flag by which a command that works on any cohort is told whose it is."""

from __future__ import annotations

from typing import Annotated

import tyro

from cardioscar.stages.families import WORKFLOWS

Family = Annotated[
    str, tyro.conf.arg(help=f"Whose cohort it is: {' or '.join(workflow.name for workflow in WORKFLOWS)}.")
]
"""Name of a workflow, which `stages.families.workflow_named` looks up."""
