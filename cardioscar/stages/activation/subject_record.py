"""From a finished subject's artifacts to what MLflow records of it, and to its row of the cohort's table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cardioscar.activation.findings import ActivationFindings, read_findings
from cardioscar.config import config_sha256, flattened
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.shard.status import Status, read_status
from cardioscar.stages.activation.workflow import DETECTED, MAP, TOS
from cardioscar.workflow import Conclusion

_ARTIFACTS = ("report.html", "metrics.json", TOS, MAP, "figures")


def subject_record(row: Status, experiment: str, artifacts: Sequence[Path]) -> SubjectRecord:
    """Gather what MLflow is to know of one subject: a run without a model of its own.

    Args:
        row: The subject's row of `detect`.
        experiment: Name of the cohort's experiment.
        artifacts: Artifact folders of the two stages, in their order.
    """
    stages = [one for one in (read_status(root / row.subject) for root in artifacts) if one is not None]
    folder = artifacts[-1] / row.subject
    found = read_findings(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    inputs = {name: sha for stage in stages for name, sha in stage.inputs.items() if "/" not in name}
    flat = flat_numbers(found) | {f"seconds.{stage.stage}": stage.seconds for stage in stages}
    flat |= {f"peak_memory_mib.{stage.stage}": stage.peak_memory_mib for stage in stages}
    params = {
        f"{stage.stage}.{name}": json.dumps(value) if isinstance(value, list | dict) else value
        for stage in stages
        for name, value in flattened(stage.config).items()
    }
    return SubjectRecord(
        kind=DETECTED,
        subject=row.subject,
        cohort=experiment,
        run_key=run_key(
            row.subject, inputs, config_sha256({stage.stage: stage.config_sha256 for stage in stages}), row.version
        ),
        qc=found.qc.verdict,  # type: ignore[arg-type] # checked by the record
        started_ms=int(datetime.fromisoformat(row.started).timestamp() * 1000),
        metrics={name: value for name, value in flat.items() if value is not None},
        params=params,
        reasons=found.qc.reasons,
        texts={"latest_segment": found.latest_segment or "none", "network": found.network_sha256[:16] or "a person"},
        artifacts={name: folder / name for name in _ARTIFACTS if (folder / name).exists()},
    )


def conclude(content: Mapping[str, Any]) -> Conclusion:
    """What the cohort's table says of a subject.

    Args:
        content: Content of its `metrics.json`.

    Raises:
        InputError: If that is of another form.
    """
    found = read_findings(content)
    texts = {"latest_segment": found.latest_segment or None, "onsets_by": found.onsets_by}
    return Conclusion(found.qc.verdict, found.qc.reasons, flat_numbers(found), texts)


def flat_numbers(found: ActivationFindings) -> dict[str, float | None]:
    """Numbers of a subject by the names of their columns."""
    return {
        "late_percent": round(100 * found.late_fraction, 2),
        "scarred_percent": round(100 * found.scarred_fraction, 2),
        "tos_ms": found.tos_ms,
        "earliest_ms": found.earliest_ms,
        "latest_ms": found.latest_ms,
        "dispersion_ms": found.dispersion_ms,
        "half_width_ms": found.half_width_ms,
        "peak_strain": found.peak_strain,
        "slices": float(len(found.slices)),
        "map_sd_ms": None if found.map is None else found.map.median_sd_ms,
    }
