"""From a segmented subject to what MLflow and the cohort's table say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cardioscar.config import flattened
from cardioscar.lge.result import SegmentMetrics, read_metrics
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.shard.status import Status
from cardioscar.stages.lge.workflow import LGE_SEGMENTATION
from cardioscar.workflow import Conclusion


def subject_record(row: Status, experiment: str, artifacts: Sequence[Path]) -> SubjectRecord:
    """Gather what MLflow is to know of one subject: a run, and no model, for the network is not the subject's.

    Args:
        row: The subject's row.
        experiment: Name of the cohort's experiment.
        artifacts: Artifact folder of the one stage.

    Returns:
        The record, ready to be recorded.
    """
    [artifact] = artifacts
    folder = artifact / row.subject
    metrics = read_metrics(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    found = {**flat(metrics), "seconds.segment": row.seconds, "peak_memory_mib.segment": row.peak_memory_mib}
    kept = {name: folder / name for name in ("report.html", "metrics.json", "figures")}
    return SubjectRecord(
        subject=row.subject,
        cohort=experiment,
        metrics={name: float(value) for name, value in found.items() if value is not None},
        params={f"segment.{name}": _text(value) for name, value in flattened(row.config).items()},
        artifacts={name: path for name, path in kept.items() if path.exists()},
        kind=LGE_SEGMENTATION,
        qc=metrics.qc.verdict,
        reasons=metrics.qc.reasons,
        texts={"network": metrics.network.name},
        run_key=run_key(row.subject, row.inputs, row.config_sha256, row.version),
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
    return Conclusion(metrics.qc.verdict, metrics.qc.reasons, flat(metrics), {"network": metrics.network.name})


def flat(metrics: SegmentMetrics) -> dict[str, float | None]:
    """Numbers of a subject under the names of their columns."""
    regions = metrics.reference or {}
    scores = {
        f"{name}_{region}{unit}": getattr(regions[region], key) if region in regions else None
        for name, key, unit in (("dice", "dice", ""), ("hd95", "hd95_mm", "_mm"))
        for region in ("wall", "cavity", "scar")
    }
    return {
        **{
            name: getattr(metrics, name)
            for name in ("scar_ml", "scar_ml_low", "scar_ml_high", "wall_ml", "cavity_ml", "scar_fraction_of_wall")
        },
        "scar_percent": 100 * metrics.scar_fraction_of_wall,
        **{f"{rule}_ml": found.scar_ml for rule, found in metrics.thresholds.items()},
        "slices": float(sum(one.wall_ml > 0 for one in metrics.slices)),
        "slices_to_look_at": float(len(metrics.to_look_at)),
        **scores,
        "reference_scar_ml": regions["scar"].reference_ml if "scar" in regions else None,
    }


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
