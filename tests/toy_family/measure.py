"""Stage `measure`: the sum of a subject's contours, by its heart rate."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from tests.toy_family.workflow import LAYOUT, QUANTIFY


@dataclass(frozen=True)
class Config:
    """What is counted."""

    factor: float = 1.0
    """Multiplies every area."""


def check_machine(config: Config) -> None:
    if config.factor > 1_000:
        raise ConfigError("factor", "what this machine can hold", f"{config.factor:g}")


def check_cohort(config: Config, cohort: CohortSource, subjects: Collection[str]) -> None:
    if config.factor == len(subjects):
        raise ConfigError("factor", "another number than that of the subjects", f"{config.factor:g}")


def run(
    cohort: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    config, source = from_mapping(Config, options or {}, where="measure"), open_cohort(cohort, LAYOUT)
    with source.files(subjects, ("contours",)) as found:
        entries = {entry.subject: entry for entry in found}

        def work(job: Work) -> None:
            text = entries[job.subject].files["contours"].read_text(encoding="utf-8")
            if not all(word.isdecimal() for word in text.split()):
                raise InputError("contours.txt", "whole numbers", "another word")
            area = config.factor * sum(map(int, text.split())) * entries[job.subject].settings().heart_rate
            (job.out / "area.json").write_text(json.dumps(area))
            (job.out / "map.bin").write_bytes(bytes(8))

        def files(subject: str) -> dict[str, Path]:
            return entries[subject].checked()

        return run_shard(QUANTIFY["measure"], subjects, output, config, work, files=files, **hooks)
