"""Stage `study_scar`: the scar map of a patient: late enhancement labelled, where it is not, and reconstructed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

from cardioscar.cohort.source import CohortSource
from cardioscar.config import as_mapping, from_mapping
from cardioscar.errors import CardioscarError, InputError
from cardioscar.scar3d.field.fit_config import check_device_here
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.lge import segment
from cardioscar.stages.lge.workflow import SEGMENT
from cardioscar.stages.networks import SHIPPED
from cardioscar.stages.scar3d import evaluate, group_sort, infer, preprocess, train
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.study.family_run import FamilyRun, family_run
from cardioscar.stages.study.layout import SCAR_ROLES, SHOW_SCAR
from cardioscar.stages.study.modality import (
    NO_FAULT_OF_FILES,
    Modality,
    attempted,
    failed,
    log,
    missing,
    plain,
    write_modality,
)
from cardioscar.stages.study.network_once import with_network
from cardioscar.stages.study.patient_files import Patients, patients
from cardioscar.stages.study.settings import StudySettings
from cardioscar.stages.study.workflow import PLAN

NAME = "scar map"
LABELS = "lge_labels.nii.gz"
VERDICTS = ("pass", "review", "fail")


@dataclass(frozen=True)
class Config:
    """How scar maps are made: settings of `cardioscar lge segment` and of the stages of `cardioscar run`."""

    segment: segment.Config = field(default_factory=segment.Config)
    """How an image is labelled that has no labels."""
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
    """Refuse what the stages refuse; the network that ships is asked for where it is needed."""
    _check_devices(config)
    if config.segment.network != SHIPPED:
        SEGMENT["segment"].check_machine(as_mapping(config.segment))
    for name, settings in _stages(config).items():
        RECONSTRUCT[name].check_machine(settings)


def _check_devices(config: Config) -> None:
    for device in (config.segment.device, config.preprocess.device, config.train.device, config.infer.device):
        check_device_here(device)


def _stages(config: Config) -> dict[str, Any]:
    """Settings of the stages of the reconstruction."""
    return {name: settings for name, settings in as_mapping(config).items() if name in RECONSTRUCT.names}


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
            map as point data), `scar_draws.npz` and `scar.html`, and
            `lge_labels.nii.gz` and `segmentation.html` where the network labelled the image.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject; a map that could not be made is said in `modality.json`, and no failure of the row.
    """
    config = from_mapping(Config, options or {}, where="study_scar")
    _check_devices(config)
    with patients(cohort_uri, subjects, SCAR_ROLES) as found:

        def needs(subject: str) -> bool:
            return {*SHOW_SCAR} & {*found.there(subject)} == {"lge"}

        def shard(some: Sequence[str], settings: segment.Config) -> list[Status]:
            named = replace(config, segment=settings)

            def work(job: Work) -> None:
                write_modality(job.out, attempted(NAME, lambda: _scar(job, found, named)))

            return run_shard(PLAN["study_scar"], some, output, named, work, files=found.files, **hooks)

        return with_network(subjects, needs, config.segment, "lge", shard)


def _scar(job: Work, found: Patients, config: Config) -> Modality:
    files = found.without_settings(job.subject)
    if not {*SHOW_SCAR} & {*files}:
        return missing(NAME, "late enhancement (lge.*, labels.*, scar.*)")
    settings, options = (
        found.settings(job.subject),
        _stages(replace(config, infer=replace(config.infer, write_draws=True))),
    )
    given: dict[str, Any] = {}
    labelled = None
    if not {"labels", "scar"} & {*files}:
        labelled = _labelled(job, files, settings, config)
        if labelled.failure and "mesh" not in files:
            return failed(NAME, labelled.failure)
        if labelled.failure:
            labelled = None
        else:
            files, given = files | {"labels": job.out / LABELS}, {"label_table": "cardioscar"}
    with family_run(RECONSTRUCT, job.subject, files, settings, options, job.out, **given) as made:
        return failed(NAME, made.failure) if made.failure else _kept(made, job.out, labelled)


@dataclass(frozen=True)
class _Labelled:
    """What came of the labels of an image that had none."""

    failure: str = ""
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    verdict: str = "pass"


def _labelled(job: Work, files: Mapping[str, Path], settings: StudySettings, config: Config) -> _Labelled:
    """Label an image by the network, and keep labels and page."""
    options = {"segment": as_mapping(config.segment)}
    lge = {name: path for name, path in files.items() if name.split(".")[0] == "lge"}
    try:
        with family_run(SEGMENT, job.subject, lge, settings, options, job.out) as made:
            if made.failure:
                raise InputError("lge", "an image that the network can label", made.failure)
            folder = made.folders["segment"]
            copyfile(folder / "labels.nii.gz", job.out / LABELS)
            copyfile(folder / "report.html", job.out / "segmentation.html")
            concluded = SEGMENT.conclude(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
            return _Labelled("", concluded.reasons, made.warnings, concluded.verdict)
    except NO_FAULT_OF_FILES:
        raise
    except CardioscarError as error:
        if "mesh" in files:
            log.warning("scar by the signal within the mesh, for the image could not be labelled: %s", error)
        return _Labelled(str(error))


def _kept(made: FamilyRun, out: Path, labelled: _Labelled | None) -> Modality:
    """Keep what the plan needs of the family's artifacts."""
    from cardioscar.imaging.formats.mesh_files import write_mesh
    from cardioscar.scar3d.posterior.stored_draws import SCAR_DRAWS
    from cardioscar.scar3d.scar_mesh import read_scar
    from cardioscar.stages.scar3d.subject_record import conclude

    groups, scars, results = (made.folders[name] for name in ("preprocess", "infer", "evaluate"))
    write_mesh(out / "wall.vtu", read_scar(scars / "scar.vtu", groups))
    copyfile(scars / SCAR_DRAWS, out / SCAR_DRAWS)
    page = (results / "report.html").read_text(encoding="utf-8")
    # the map lies with the plan's other fields
    (out / "scar.html").write_text(page.replace('href="scar.vtu"', 'href="plan.vtu"'), encoding="utf-8")
    facts = json.loads((groups / "preprocess.json").read_text(encoding="utf-8"))
    metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
    concluded = conclude(metrics)
    network = _Labelled() if labelled is None else labelled
    return Modality(
        NAME,
        "used",
        source="labels of the network" if labelled is not None else str(facts["target"]),
        verdict=max(concluded.verdict, network.verdict, key=VERDICTS.index),
        reasons=(*network.reasons, *concluded.reasons),
        warnings=(*network.warnings, *made.warnings),
        numbers=plain(concluded.numbers),
        facts={
            "long_axis": facts["long_axis"],
            "septum_direction": facts["septum_direction"],
            "septum": facts["septum"]["source"],
            "threshold": metrics["threshold"],
            "doubt_range": metrics["doubt_range"],
            "channels": metrics["channels"] or [],
        },
    )
