"""Stage `conclude`: a verdict on the area; published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.results.opening import open_results
from cardioscar.results.publication import gather
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.workflow import Conclusion
from tests.toy_family.workflow import QUANTIFY


@dataclass(frozen=True)
class Config:
    """What is too much."""

    most: float = 1e6
    """Areas above it ask for a look."""


def conclude(metrics: Mapping[str, Any]) -> Conclusion:
    size = "large" if metrics["area"] > 500 else None
    return Conclusion(metrics["qc"]["verdict"], (), {"area_mm2": metrics["area"], "beats": 60.0}, {"size": size})


def run(
    areas: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    config = Config(**(options or {}))

    def work(job: Work) -> None:
        area = json.loads((job.upstream["areas"] / "area.json").read_text())
        verdict = {"verdict": "review" if area > config.most else "pass", "reasons": []}
        (job.out / "metrics.json").write_text(json.dumps({"area": area, "qc": verdict}))

    def done(row: Status, reused: bool) -> None:
        place = open_results(recording.results, QUANTIFY.results)
        place.publish(gather(row, Path(output), [Path(areas)], QUANTIFY.results), recording.run_id)
        if on_done:
            on_done(row, reused)

    return run_shard(QUANTIFY["conclude"], subjects, output, config, work, upstream={"areas": areas}, on_done=done)
