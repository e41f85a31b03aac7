"""Stage `plan`: the patient's maps joined; sites, corridors, one page; results published, run in MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.drawn_page import write_page_anyway
from cardioscar.stages.publishing import publishing, recorder
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.stages.study.layout import STUDY_LAYOUT
from cardioscar.stages.study.modality import log, read_modality
from cardioscar.stages.study.patient_files import Patients, patients
from cardioscar.stages.study.plan_config import Config
from cardioscar.stages.study.workflow import PLAN, PLANNED

__all__ = ["Config", "record", "run"]

ROLES = ("mesh",)
"""Files of the cohort that are read here, where there is no scar map."""


def run(
    cohort_uri: str | Path | CohortSource,
    scar_maps: str | Path,
    functions: str | Path,
    activations: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    """Plan each patient, write the page, publish the results and record them.

    Args:
        cohort_uri: The cohort, for `mesh.*` where there is no scar map: its folder or prefix, or one that is open.
        scar_maps: Artifact of `study_scar`.
        functions: Artifact of `study_function`.
        activations: Artifact of `study_activation`.
        subjects: Ids.
        output: Artifact folder: `<subject>/metrics.json`, `plan.json`, `report.html`, `figures/*.png`, and where they
            are there `plan.vtu`, `sites.csv` and `corridors.csv`.
        options: Settings of `Config` by name.
        recording: Where the results are published, and where the subjects are recorded.
        on_done: Called with each row once it is published, and whether it was reused.

    Returns:
        One row for each subject; one of whom nothing could be used is failed.

    Raises:
        ConfigError: If the place of the results is neither a folder nor an `s3://` address.
        InputError: If files of others are where a subject's results are to lie; those of the others are published.
        UnreachableError: If the tracking server does not answer; all results are published by then. If the object store
            does not answer; no subject is half published.
    """
    config = from_mapping(Config, options or {}, where="plan")
    source = open_cohort(cohort_uri, STUDY_LAYOUT)
    if source is not cohort_uri:
        ask_services(recording, PLANNED)
        source.ask(subjects)
    with patients(source, subjects, ROLES) as found:

        def work(job: Work) -> None:
            _plan(job, found, config)

        upstream = {"scar_maps": scar_maps, "functions": functions, "activations": activations}
        published = [scar_maps, functions, activations]
        with publishing(recording, PLAN.results, output, published, on_done) as done:
            rows = run_shard(
                PLAN["plan"], subjects, output, config, work, upstream=upstream, files=found.files,
                reads_settings=True, on_done=done,
            )  # fmt: skip
    if recording.tracking_uri:
        record(rows, [Path(root) for root in (*published, output)], recording)
    return rows


record = recorder("cardioscar.stages.study.subject_record:subject_record")
"""Records the subjects that are ok in MLflow: see `publishing.recorder`."""


def _plan(job: Work, found: Patients, config: Config) -> None:
    from cardioscar.stages.study.plan_files import write_plan
    from cardioscar.stages.study.plan_report import write_report
    from cardioscar.stages.study.planning import planned

    clock = time.perf_counter()
    modalities = [read_modality(job.upstream[name]) for name in ("scar_maps", "functions", "activations")]
    if not any(one.used for one in modalities):
        said = "; ".join(f"no {one.name}: {one.why}" for one in modalities)
        raise InputError(job.subject, "a modality that can be used", said)
    for remark in found.remarks(job.subject):
        log.warning(remark)
    made = planned(job, modalities, found.without_settings(job.subject), found.settings(job.subject), config)
    seconds = round(time.perf_counter() - clock, 2) + sum(row.seconds for row in job.upstream_status.values())
    write_plan(job, made, seconds=seconds)
    write_page_anyway(job.subject, partial(write_report, job, made), figures=config.figures)
