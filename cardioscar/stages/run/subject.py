"""One subject through all stages of a run, and what all subjects of the run have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cardioscar.cohort.source import CohortSource
from cardioscar.shard.status import Status
from cardioscar.stages.networks import registry_at
from cardioscar.stages.recording import Recording
from cardioscar.workflow import Workflow

Event = tuple[str, str, str]
"""Subject, stage, outcome: `ok`, `failed`, `skipped`, or `reused` where an earlier run had done the work."""


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Plan:
    """What all subjects of a run have in common, as it travels to worker processes.

    Attributes:
        workflow: The stages of the family whose cohort it is.
        cohort: The cohort as it was listed when the run began.
        out: Output folder.
        options: Settings of each stage by its name.
        recording: Where the run publishes, with its name; subjects are recorded at its end, by one process.
    """

    workflow: Workflow
    cohort: CohortSource
    out: str
    options: Mapping[str, Mapping[str, Any]]
    recording: Recording

    def of(self, subject: str) -> Plan:
        """What a worker is sent for one subject."""
        return replace(self, cohort=self.cohort.of([subject]))


def run_subject(plan: Plan, subject: str, note: OnEvent) -> Status:
    """Take one subject through all stages (a shard of one) and publish its results; returns its last row."""

    def done(row: Status, reused: bool) -> None:
        note((subject, row.stage, "reused" if reused and row.outcome == "ok" else row.outcome))

    recording = replace(plan.recording, track=False)
    with registry_at(recording.tracking):
        [row] = plan.workflow.run(
            plan.cohort, [subject], Path(plan.out) / "work", plan.options, recording=recording, on_done=done
        )
    return row
