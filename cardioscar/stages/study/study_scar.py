"""Stage `study_scar`: the scar map of a patient, by the stages of the reconstruction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

from cardioscar.cohort.source import CohortSource
from cardioscar.config import as_mapping, from_mapping
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.scar3d import evaluate, group_sort, infer, preprocess, train
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.study.family_run import FamilyRun, family_run
from cardioscar.stages.study.layout import SCAR_ROLES, SHOW_SCAR
from cardioscar.stages.study.modality import Modality, attempted, failed, missing, plain, write_modality
from cardioscar.stages.study.patient_files import Patients, patients
from cardioscar.stages.study.workflow import PLAN

NAME = "scar map"


@dataclass(frozen=True)
class Config:
    """How scar maps are made: settings of the stages of `cardioscar run`."""

    preprocess: preprocess.Config = field(default_factory=preprocess.Config)
    """How pixels become groups."""
    group_sort: group_sort.Config = field(default_factory=group_sort.Config)
    """How groups become batches."""
    train: train.Config = field(default_factory=train.Config)
    """How the field is fitted."""
    infer: infer.Config = field(default_factory=infer.Config)
    """How the field becomes a map."""
    evaluate: evaluate.Config = field(default_factory=evaluate.Config)
    """What is scored and drawn."""


def check_machine(config: Config) -> None:
    """Refuse what the stages of the reconstruction refuse."""
    for name, settings in as_mapping(config).items():
        RECONSTRUCT[name].check_machine(settings)


def run(
    cohort_uri: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Reconstruct the scar of each patient.

    Args:
        cohort_uri: Folder or `s3://` prefix of patients' folders, or of a `cohort.csv`; or a cohort that is open.
        subjects: Ids.
        output: Artifact folder: `<subject>/modality.json`, and where there is a map `wall.vtu` (the wall mesh with the
            map as point data), `scar_draws.npz` and `scar.html`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject; a map that could not be made is said in `modality.json`, and no failure of the row.
    """
    config = from_mapping(Config, options or {}, where="study_scar")
    with patients(cohort_uri, subjects, SCAR_ROLES) as found:

        def work(job: Work) -> None:
            write_modality(job.out, attempted(NAME, lambda: _scar(job, found, config)))

        return run_shard(PLAN["study_scar"], subjects, output, config, work, files=found.files, **hooks)


def _scar(job: Work, found: Patients, config: Config) -> Modality:
    files = found.without_settings(job.subject)
    if not {*SHOW_SCAR} & {*files}:
        return missing(NAME, "late enhancement (lge.*, labels.*, scar.*)")
    options = as_mapping(replace(config, infer=replace(config.infer, write_draws=True)))
    with family_run(RECONSTRUCT, job.subject, files, found.settings(job.subject), options, job.out) as made:
        return failed(NAME, made.failure) if made.failure else _kept(made, job.out)


def _kept(made: FamilyRun, out: Path) -> Modality:
    """Keep what the plan needs of the family's artifacts."""
    from cardioscar.imaging.formats.mesh_files import write_mesh
    from cardioscar.scar3d.posterior.stored_draws import SCAR_DRAWS
    from cardioscar.scar3d.scar_mesh import read_scar
    from cardioscar.stages.scar3d.subject_record import conclude

    groups, scars, results = (made.folders[name] for name in ("preprocess", "infer", "evaluate"))
    write_mesh(out / "wall.vtu", read_scar(scars / "scar.vtu", groups))
    copyfile(scars / SCAR_DRAWS, out / SCAR_DRAWS)
    copyfile(results / "report.html", out / "scar.html")
    facts = json.loads((groups / "preprocess.json").read_text(encoding="utf-8"))
    metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
    concluded = conclude(metrics)
    return Modality(
        NAME,
        "used",
        source=str(facts["target"]),
        verdict=concluded.verdict,
        reasons=concluded.reasons,
        warnings=made.warnings,
        numbers=plain(concluded.numbers),
        facts={
            "long_axis": facts["long_axis"],
            "septum_direction": facts["septum_direction"],
            "septum": facts["septum"]["source"],
            "threshold": metrics["threshold"],
            "channels": metrics["channels"] or [],
        },
    )
