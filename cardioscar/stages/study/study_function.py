"""Stage `study_function`: function of the left ventricle from a cine, by labels of a reader or of the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

from cardioscar.cohort.source import CohortSource
from cardioscar.config import as_mapping, from_mapping
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.scar3d.field.fit_config import check_device_here
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.lvquant import quantify
from cardioscar.stages.lvquant.workflow import QUANTIFY
from cardioscar.stages.networks import SHIPPED
from cardioscar.stages.study.drawn_function import LABELS, drawn_function
from cardioscar.stages.study.family_run import FamilyRun, family_run
from cardioscar.stages.study.modality import Modality, attempted, failed, missing, plain, write_modality
from cardioscar.stages.study.network_once import with_network
from cardioscar.stages.study.patient_files import Patients, patients
from cardioscar.stages.study.workflow import PLAN

NAME = "LV function"
ROLES = ("cine", "cine_labels")
"""Files of the cohort that are read here."""
_TABLE_LINK = '<a href="indices.csv">Indices (CSV)</a>'
"""On the page of a quantified cine; a plan publishes the page without that table."""


@dataclass(frozen=True)
class Config:
    """How cines are quantified: settings of `cardioscar lvquant quantify`."""

    quantify: quantify.Config = field(default_factory=quantify.Config)
    """How the network is applied; where a reader's labels are there (`cine_labels.*`), they count."""


def check_machine(config: Config) -> None:
    """Refuse a device or a network that is not there; the network that ships is asked for where it is needed."""
    check_device_here(config.quantify.device)
    if config.quantify.network != SHIPPED:
        QUANTIFY["quantify"].check_machine(as_mapping(config.quantify))


def run(
    cohort_uri: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Quantify the left ventricle of each patient.

    Args:
        cohort_uri: Folder or `s3://` prefix of patients' folders, or of a `cohort.csv`; or a cohort that is open.
        subjects: Ids.
        output: Artifact folder: `<subject>/modality.json`, and where there is a cine `cine_labels.nii.gz` and, where
            the network labelled it, `function.html`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject; a cine that could not be used is said in `modality.json`, and no failure of the row.
    """
    config = from_mapping(Config, options or {}, where="study_function")
    check_device_here(config.quantify.device)
    with patients(cohort_uri, subjects, ROLES) as found:

        def needs(subject: str) -> bool:
            return {*ROLES} & {*found.there(subject)} == {"cine"}

        def shard(some: Sequence[str], settings: quantify.Config) -> list[Status]:
            named = replace(config, quantify=settings)

            def work(job: Work) -> None:
                write_modality(job.out, attempted(NAME, lambda: _function(job, found, named)))

            return run_shard(PLAN["study_function"], some, output, named, work, files=found.files, **hooks)

        return with_network(subjects, needs, config.quantify, "lvquant", shard)


def _function(job: Work, found: Patients, config: Config) -> Modality:
    files, settings = found.without_settings(job.subject), found.settings(job.subject)
    if "cine_labels" in files:
        trust: HeaderTrust = settings.header_trust or config.quantify.header_trust
        table = settings.cine_label_table or config.quantify.label_table
        return drawn_function(NAME, files, settings, job.out, table=table, trust=trust)
    if "cine" not in files:
        return missing(NAME, "cine (cine.*, cine_labels.*)")
    options = {"quantify": as_mapping(config.quantify)}
    with family_run(QUANTIFY, job.subject, files, settings, options, job.out, label_table=None) as made:
        return failed(NAME, made.failure) if made.failure else _kept(made, job.out)


def _kept(made: FamilyRun, out: Path) -> Modality:
    folder = made.folders["quantify"]
    copyfile(folder / "labels.nii.gz", out / LABELS)
    if (folder / "report.html").is_file():
        page = (folder / "report.html").read_text(encoding="utf-8")
        page = page.replace(_TABLE_LINK, "")
        (out / "function.html").write_text(page, encoding="utf-8")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    concluded = QUANTIFY.conclude(metrics)
    if metrics.get("ed_frame") is None:
        return failed(NAME, "; ".join(concluded.reasons) or "no left ventricle was found in the cine")
    return Modality(
        NAME,
        "used",
        source="cine, labelled by the network",
        verdict=concluded.verdict,
        reasons=concluded.reasons,
        warnings=made.warnings,
        numbers=plain(concluded.numbers),
        facts={"ed_frame": metrics.get("ed_frame"), "times_ms": metrics.get("times_ms")},
    )
