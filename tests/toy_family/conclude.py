"""Stage `conclude`: a verdict on the area; published and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.publishing import publishing, record_rows
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.workflow import Conclusion
from tests.toy_family.workflow import AREA, QUANTIFY


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

    with publishing(recording, QUANTIFY.results, output, [areas], on_done) as done:
        rows = run_shard(QUANTIFY["conclude"], subjects, output, config, work, upstream={"areas": areas}, on_done=done)
    if recording.tracking_uri:
        record(rows, [Path(areas), Path(output)], recording)
    return rows


def record(
    rows: Sequence[Status],
    artifacts: Sequence[Path],
    recording: Recording,
    *,
    on_done: Callable[[str, bool], None] | None = None,
) -> None:
    def of(row: Status) -> SubjectRecord:
        areas, output = (root / row.subject for root in artifacts)
        found = conclude(json.loads((output / "metrics.json").read_text()))
        return SubjectRecord(
            AREA,
            row.subject,
            recording.experiment,
            run_key(row.subject, row.inputs, row.config_sha256, row.version),
            "review" if found.verdict == "review" else "pass",
            int(datetime.fromisoformat(row.started).timestamp() * 1000),
            files={"map.bin": areas / "map.bin"},
            metrics={name: value for name, value in found.numbers.items() if value is not None},
            texts={name: text for name, text in found.texts.items() if text},
        )

    record_rows(rows, recording, of, on_done)
