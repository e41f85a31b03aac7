"""From a finished subject's artifact to what MLflow records of it, and to its row of the cohort's table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cardioscar.config import flattened
from cardioscar.lvquant.subject_metrics import flat_metrics, read_metrics
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.shard.status import Status
from cardioscar.stages.lvquant.workflow import QUANTIFIED
from cardioscar.workflow import Conclusion


def subject_record(row: Status, experiment: str, artifacts: Sequence[Path]) -> SubjectRecord:
    """Gather what MLflow is to know of one subject: a run without a model of its own.

    Args:
        row: The subject's row.
        experiment: Name of the cohort's experiment.
        artifacts: Artifact folder of the one stage.
    """
    [output] = artifacts
    folder = output / row.subject
    metrics = read_metrics(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    flat = flat_metrics(metrics) | {"peak_memory_mib": row.peak_memory_mib}
    names = ("report.html", "metrics.json", "indices.csv", "figures")
    params = {
        f"{row.stage}.{name}": json.dumps(value) if isinstance(value, list | dict) else value
        for name, value in flattened(row.config).items()
    }
    return SubjectRecord(
        kind=QUANTIFIED,
        subject=row.subject,
        cohort=experiment,
        run_key=run_key(row.subject, row.inputs, row.config_sha256, row.version),
        qc=metrics.qc.verdict,
        started_ms=int(datetime.fromisoformat(row.started).timestamp() * 1000),
        metrics={name: value for name, value in flat.items() if value is not None},
        params=params,
        reasons=metrics.qc.reasons,
        texts={"septum": metrics.septum, "network": metrics.network_sha256[:16] or "unnamed"},
        artifacts={name: folder / name for name in names if (folder / name).exists()},
    )


def conclude(content: Mapping[str, Any]) -> Conclusion:
    """What the cohort's table says of a subject.

    Args:
        content: Content of its `metrics.json`.

    Raises:
        InputError: If that is of another form.
    """
    metrics = read_metrics(content)
    return Conclusion(metrics.qc.verdict, metrics.qc.reasons, flat_metrics(metrics), {"septum": metrics.septum})
