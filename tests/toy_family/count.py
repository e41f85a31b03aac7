"""Stage `count`: the words of a subject's contours, published; the only stage of its workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.shard.status import Status
from cardioscar.stages.publishing import publishing
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.workflow import Conclusion, Workflow
from tests.toy_family.workflow import LAYOUT


@dataclass(frozen=True)
class Config:
    """How it is counted."""

    least: int = 1
    """Fewer words ask for a look."""


def conclude(metrics: Mapping[str, Any]) -> Conclusion:
    return Conclusion(metrics["verdict"], (), {})


COUNT = Workflow(
    "count",
    "Count the contours of a cohort.",
    LAYOUT,
    (
        Stage(
            "count",
            "tests.toy_family.count",
            "Count.",
            "count",
            (COHORT,),
            "results",
            ("metrics.json",),
            publishes=True,
        ),
    ),
    conclusion="tests.toy_family.count:conclude",
)


def run(
    cohort: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    config = from_mapping(Config, options or {}, where="count")
    with open_cohort(cohort, LAYOUT).files(subjects, ("contours",)) as found:
        entries = {entry.subject: entry for entry in found}

        def work(job: Work) -> None:
            count = len(entries[job.subject].files["contours"].read_text(encoding="utf-8").split())
            verdict = "review" if count < config.least else "pass"
            (job.out / "metrics.json").write_text(json.dumps({"count": count, "verdict": verdict}))

        with publishing(recording, COUNT.results, output, [], on_done) as done:
            return run_shard(
                COUNT["count"], subjects, output, config, work, files=lambda s: entries[s].checked(), on_done=done
            )
