"""What `subject.yaml` may say of a patient: of the late enhancement, of the cine, and of the strain."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cardioscar.activation.formats.given import Given
from cardioscar.config import as_mapping
from cardioscar.errors import ConfigError
from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.scar3d.subject_settings import SETTINGS, SubjectSettings


@dataclass(frozen=True)
class StudySettings(SubjectSettings):
    """Facts about one patient that the files do not carry (`subject.yaml`)."""

    beat_ms: float | None = None
    """Length of the beat in ms, for a cine that states no times."""
    cine_label_table: str | None = None
    """Convention of the labels of the cine, where it differs from the cohort's."""
    strain: Given = field(default_factory=Given)
    """What the files of strain do not say: frame times, pixel size, how sectors are counted."""
    strain_apex_mm: float | None = None
    """Where the apex lies along the long axis, as the slices of strain count their locations."""
    strain_base_mm: float | None = None
    """Where the base lies, likewise; both or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beat_ms is not None and not 80 <= self.beat_ms <= 4000:
            raise ConfigError(f"{SETTINGS}: beat_ms", "80 to 4000", "another number")
        if self.cine_label_table not in (None, *LABEL_TABLES):
            raise ConfigError(f"{SETTINGS}: cine_label_table", f"one of {', '.join(LABEL_TABLES)}", "another")
        if (self.strain_apex_mm is None) != (self.strain_base_mm is None):
            raise ConfigError(SETTINGS, "strain_apex_mm and strain_base_mm, both or none", "one of them")


def write_settings(path: Path, settings: StudySettings, kind: type, **others: Any) -> None:
    """Write what a family's own `subject.yaml` may say of what the patient's says.

    Args:
        path: `subject.yaml`; nothing is written where there is nothing to say.
        settings: Of the patient.
        kind: The family's dataclass of settings.
        others: Keys that have another name there.
    """
    said = as_mapping(settings) | others
    names = [one.name for one in dataclasses.fields(kind)]
    told = {name: said[name] for name in names if said.get(name) is not None}
    if told:
        path.write_text(yaml.safe_dump(told, sort_keys=True), encoding="utf-8")
