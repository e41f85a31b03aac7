"""The families that have a workflow, and the one that is meant where nobody names one. A new family is added here."""

from __future__ import annotations

from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.workflow import Workflow

WORKFLOWS: tuple[Workflow, ...] = (RECONSTRUCT,)

DEFAULT = RECONSTRUCT
"""The family of callers who cannot say which: pipelines written before there was a second one, and `cardioscar run`."""
