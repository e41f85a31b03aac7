"""From a finished subject's artifacts to what MLflow records of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cardioscar.config import config_sha256
from cardioscar.scar3d.methods_text import methods_text
from cardioscar.scar3d.quality.flat_metrics import flat_metrics
from cardioscar.scar3d.quality.result import read_metrics
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.shard.status import Status, read_status
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from cardioscar.workflow import Conclusion


def subject_record(row: Status, experiment: str, artifacts: Sequence[Path]) -> SubjectRecord:
    """Gather what MLflow is to know of one subject.

    Args:
        row: The subject's row of `evaluate`.
        experiment: Name of the cohort's experiment.
        artifacts: Artifact folders of the five stages, in their order.

    Returns:
        The record, ready to be recorded.
    """
    subject = row.subject
    stages = [read_status(root / subject) for root in artifacts]
    _, _, fields, _, output = artifacts
    known = [stage for stage in stages if stage is not None]
    configs = {stage.stage: stage.config for stage in known}
    # the cohort's own files, as preprocess and evaluate hashed them: intermediate files are consequences
    inputs = {k: v for stage in known for k, v in stage.inputs.items() if "/" not in k}
    metrics = read_metrics(json.loads((output / subject / "metrics.json").read_text(encoding="utf-8")))
    flat = flat_metrics(metrics) | {f"seconds.{stage.stage}": stage.seconds for stage in known}
    for name in ("peak_memory_mib", "cuda_peak_memory_mib"):
        flat |= {f"{name}.{stage.stage}": getattr(stage, name) for stage in known}
    params = {name: _text(value) for stage, config in configs.items() for name, value in _named(stage, config)}
    files = {
        "report.html": output / subject / "report.html",
        "metrics.json": output / subject / "metrics.json",
    }
    if (output / subject / "figures").is_dir():
        files["figures"] = output / subject / "figures"
    return SubjectRecord(
        subject=subject,
        cohort=experiment,
        metrics={name: value for name, value in flat.items() if value is not None},
        params=params,
        artifacts=files,
        kind=SCAR_FIELD,
        files={name: fields / subject / name for name in SCAR_FIELD.names},
        qc=metrics.qc.verdict,
        reasons=metrics.qc.reasons,
        texts={"septum": metrics.septum.source if metrics.septum else "unknown"},
        methods=methods_text(configs, metrics.target, row.version),
        run_key=run_key(
            subject, inputs, config_sha256({stage.stage: stage.config_sha256 for stage in known}), row.version
        ),
        started_ms=int(datetime.fromisoformat(row.started).timestamp() * 1000),
    )


def conclude(content: Mapping[str, Any]) -> Conclusion:
    """What the cohort's table says of a subject.

    Args:
        content: Content of its `metrics.json`.

    Raises:
        InputError: If that is of another form.
    """
    metrics = read_metrics(content)
    numbers = flat_metrics(metrics) | {"seconds": metrics.fit.seconds}
    septum = metrics.septum.source if metrics.septum else None
    return Conclusion(metrics.qc.verdict, metrics.qc.reasons, numbers, {"septum": septum})


def _named(prefix: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings by their full name, those within settings too."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _named(f"{prefix}.{name}", value)
        else:
            yield f"{prefix}.{name}", value


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
