"""Rows of the registry, and conditions on their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cardioscar.errors import InputError
from cardioscar.services.tracking import records

Comparison = Literal["<", "<=", ">", ">=", "=", "!="]
_CONDITION = re.compile(r"\s*([^\s<>=!]+)\s*(<=|>=|!=|<|>|=)\s*(\S+)\s*")


@dataclass(frozen=True)
class MetricFilter:
    """A condition on one recorded metric. A model without that metric does not meet it.

    >>> MetricFilter.parse("volume_error_ml > 2.5")
    MetricFilter(metric='volume_error_ml', comparison='>', value=2.5)
    """

    metric: str
    comparison: Comparison
    value: float

    def __post_init__(self) -> None:
        records.check_metric_name(self.metric)

    @classmethod
    def parse(cls, text: str) -> MetricFilter:
        """Read a condition such as `dice < 0.9`.

        Raises:
            InputError: If it is no metric name, comparison and number.
        """
        found = _CONDITION.fullmatch(text)
        try:
            return cls(found[1], found[2], float(found[3]))  # type: ignore[index,arg-type]
        except (TypeError, ValueError):
            raise InputError("condition", "a metric, < <= > >= = or !=, and a number", repr(text)) from None

    def __str__(self) -> str:
        return f"metrics.`{self.metric}` {self.comparison} {self.value!r}"


@dataclass(frozen=True)
class ModelRow:
    """One version of the registered model, or one run whose map failed quality control and became none."""

    subject: str
    cohort: str
    version: int | None
    """None where quality control failed."""
    qc: str
    created: datetime
    """When the model was logged, in UTC; of a failed map, when its work began."""
    run_id: str
    model_id: str | None
    """None where quality control failed."""
    metrics: Mapping[str, float]
    """Those of its kind's `key_metrics` that it has, or all."""
    reasons: str = ""
    """What the verdict rests on."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Facts in words that its kind knows; empty where one was not recorded."""
