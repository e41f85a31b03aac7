"""Facts about one subject that its cine does not carry: what `subject.yaml` may say beside a cine."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cardioscar.config import kind_of
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.labels import LABEL_TABLES

SETTINGS = "subject.yaml"
"""Name of the file."""
BEAT_MS = (80.0, 4000.0)
"""Lengths of a heart beat, from small animals to the slowest hearts."""


@dataclass(frozen=True)
class CineSettings:
    """Facts about one subject that its cine does not carry (`subject.yaml`)."""

    septum_direction: tuple[float, float, float] | None = None
    """From the cavity to the middle of the septum, LPS; it fixes sectors and AHA segments."""
    apex_to_base: tuple[float, float, float] | None = None
    """From apex to base, LPS, where the slices are not in the usual direction."""
    beat_ms: float | None = None
    """Length of the beat in ms, for a cine that states no times."""
    header_trust: HeaderTrust | None = None
    """Which statement of an image header counts where two contradict each other: sform, qform, pixdim, agree (none)."""
    label_table: str | None = None
    """Convention of the labels, where it differs from the cohort's."""

    def __post_init__(self) -> None:
        # no value is repeated: it may be a record number or a date
        if self.label_table not in (None, *LABEL_TABLES):
            rule = f"one of {', '.join(LABEL_TABLES)}"
            raise ConfigError(f"{SETTINGS}: label_table", rule, kind_of(self.label_table))
        low, high = BEAT_MS
        if self.beat_ms is not None and not low <= self.beat_ms <= high:
            raise ConfigError(f"{SETTINGS}: beat_ms", f"{low:g} to {high:g}", "another number")
        for name in ("septum_direction", "apex_to_base"):
            vector = getattr(self, name)
            if vector is not None and not (math.isfinite(math.hypot(*vector)) and any(vector)):
                raise ConfigError(f"{SETTINGS}: {name}", "a direction", "no length, or none that is finite")
