"""From a finished plan to what MLflow records of it, and to its row of the cohort's table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cardioscar.config import config_sha256, flattened
from cardioscar.errors import InputError
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.shard.status import Status, read_status
from cardioscar.stages.study.workflow import PLANNED
from cardioscar.workflow import Conclusion

_FILES = ("report.html", "metrics.json", "plan.json", "sites.csv", "corridors.csv", "figures")


def subject_record(row: Status, experiment: str, artifacts: Sequence[Path]) -> SubjectRecord:
    """Gather what MLflow is to know of one patient: a run without a model.

    Args:
        row: The patient's row of `plan`.
        experiment: Name of the cohort's experiment.
        artifacts: Artifact folders of the four stages, in their order.
    """
    subject, output = row.subject, artifacts[-1] / row.subject
    known = [stage for root in artifacts if (stage := read_status(root / subject)) is not None]
    found = conclude(json.loads((output / "metrics.json").read_text(encoding="utf-8")))
    inputs = {name: sha for stage in known for name, sha in stage.inputs.items() if "/" not in name}
    params = {
        f"{stage.stage}.{name}": json.dumps(value) if isinstance(value, list | dict) else value
        for stage in known
        for name, value in flattened(stage.config).items()
    }
    metrics = dict(found.numbers) | {f"seconds.{stage.stage}": stage.seconds for stage in known}
    return SubjectRecord(
        kind=PLANNED,
        subject=subject,
        cohort=experiment,
        run_key=run_key(
            subject, inputs, config_sha256({stage.stage: stage.config_sha256 for stage in known}), row.version
        ),
        qc=found.verdict,  # type: ignore[arg-type] # one of the three
        started_ms=int(datetime.fromisoformat(row.started).timestamp() * 1000),
        metrics={name: value for name, value in metrics.items() if value is not None},
        params=params,
        reasons=found.reasons,
        texts={name: text or "none" for name, text in found.texts.items()},
        artifacts={name: output / name for name in _FILES if (output / name).exists()},
    )


def conclude(content: Mapping[str, Any]) -> Conclusion:
    """What the cohort's table says of a patient.

    Args:
        content: Content of its `metrics.json`.

    Raises:
        InputError: If that is of another form.
    """
    try:
        verdict, reasons = str(content["qc"]["verdict"]), tuple(map(str, content["qc"]["reasons"]))
        numbers = {str(name): None if value is None else float(value) for name, value in content["numbers"].items()}
        texts = {name: None if text is None else str(text) for name, text in content["texts"].items()}
        if verdict not in ("pass", "review", "fail"):
            raise ValueError
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError("metrics.json", "what this version of cardioscar writes", "another's") from None
    return Conclusion(verdict, reasons, numbers, texts)
