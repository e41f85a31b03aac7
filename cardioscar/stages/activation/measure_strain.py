"""Stage `measure_strain`: strain of sectors × frames, whatever a subject's strain comes from."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError
from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.activation.layout import ACTIVATION_LAYOUT, SOURCES
from cardioscar.stages.activation.workflow import DETECT, STRAIN

if TYPE_CHECKING:
    from cardioscar.activation.subject_settings import ActivationSettings

log = logging.getLogger(__name__)

ROLES = (*SOURCES, "cine")
"""Files of the cohort that are read here."""


@dataclass(frozen=True)
class Config:
    """What is made of the sources."""

    sectors: int = 126
    """Sectors of a slice."""
    denoise: bool = False
    """Keep only the singular values of each strain matrix that stand out of its noise."""
    label_table: str = "cardioscar"
    """Convention of the labels of cines: cardioscar, emidec, acdc, mnms or scarnet."""

    def __post_init__(self) -> None:
        if not 6 <= self.sectors <= 1440:
            raise ConfigError("sectors", "6 to 1440", str(self.sectors))
        if self.label_table not in LABEL_TABLES:
            raise ConfigError("label_table", f"one of {', '.join(LABEL_TABLES)}", repr(self.label_table))


def run(
    cohort_uri: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Bring the strain of each subject into one form.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`; or a cohort that is open.
        subjects: Ids.
        output: Artifact folder: `<subject>/strain.npz`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject.
    """
    config = from_mapping(Config, options or {}, where="measure_strain")
    source = open_cohort(cohort_uri, ACTIVATION_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        source.ask(subjects)
    with source.files(subjects, ROLES) as found:
        entries = {entry.subject: entry for entry in found}

        def files(subject: str) -> dict[str, Path]:
            if subject not in entries:
                raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
            own = {role: path for role, path in entries[subject].checked().items() if _is_read(role)}
            return own | entries[subject].beside

        def work(job: Work) -> None:
            for remark in entries[job.subject].remarks:
                log.warning(remark)
            _measure(files(job.subject), entries[job.subject].settings(), config, job.out)

        return run_shard(DETECT["measure_strain"], subjects, output, config, work, files=files, **hooks)


def _is_read(role: str) -> bool:
    # meshes and onsets are for the next stage alone: another table of onsets is no other strain
    return role.split(".")[0] in ROLES or role == ACTIVATION_LAYOUT.settings


def _measure(files: Mapping[str, Path], settings: ActivationSettings, config: Config, out: Path) -> None:
    from dataclasses import replace

    from cardioscar.activation.formats.heart_files import write_heart
    from cardioscar.activation.formats.label_files import read_label_strain
    from cardioscar.activation.formats.place_files import places_of
    from cardioscar.activation.formats.strain_files import read_strain
    from cardioscar.activation.strain.checks import check_strain
    from cardioscar.activation.strain.denoising import denoise

    role = next(one for one in SOURCES if one in files)
    path, given = files[role], settings.given
    if role == "labels":
        table = settings.label_table or config.label_table
        slices, places = read_label_strain(path, given, cine=files.get("cine"), table=table, sectors=config.sectors)
        slices = [check_strain(one) for one in slices]
    else:
        slices = read_strain(path, given, sectors=config.sectors)
        places = places_of(path, slices, given)
    if config.denoise:
        slices = [replace(one, circumferential=denoise(one.circumferential)) for one in slices]
    write_heart(out / STRAIN, slices, places)
    log.info("%s: %d slices of %d sectors", role, len(slices), config.sectors)
