"""Stage `quantify`: labels, indices, volumes and ejection fraction of cines; a page a subject; results published."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import execution, from_mapping
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.drawn_page import write_page_anyway
from cardioscar.stages.lvquant.layout import LVQUANT_LAYOUT
from cardioscar.stages.lvquant.workflow import QUANTIFIED, QUANTIFY
from cardioscar.stages.networks import SHIPPED, bundle_at, registry_at, resolve_network
from cardioscar.stages.publishing import publishing, recorder
from cardioscar.stages.recording import UNPUBLISHED, Recording

if TYPE_CHECKING:
    from cardioscar.lvquant.inference.quantifier import Quantifier
    from cardioscar.lvquant.inference.quantify import QuantifiedCine
    from cardioscar.lvquant.subject_metrics import SubjectMetrics
    from cardioscar.lvquant.subject_settings import CineSettings
    from cardioscar.stages.lvquant.subject_cine import SubjectCine

log = logging.getLogger(__name__)

ROLES = ("cine", "labels")
"""Files of the cohort that are read here."""

Views = Literal[1, 2, 4, 8]
"""Turns and mirror images in which the network looks."""


@dataclass(frozen=True)
class Config:
    """How cines are quantified."""

    network: str = SHIPPED
    """The network: `shipped`, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias."""
    views: Views = 4
    """Turns and mirror images in which the network looks: their mean is measured, their spread makes the intervals."""
    least_surrounded: float = 0.5
    """Share of the cavity's outline that muscle must border in a slice at the base, 0 to 1; above, a slice counts for
    nothing."""
    label_table: str = "cardioscar"
    """Convention of the labels beside the cines, where there are some."""
    header_trust: HeaderTrust = "agree"
    """Which statement of an image header counts where two contradict each other: sform, qform, pixdim, agree (none)."""
    figures: bool = True
    """Draw the figures of the report."""
    device: str = execution("auto")
    """Where it computes: auto, cpu, cuda or cuda:N."""

    def __post_init__(self) -> None:
        if not 0 <= self.least_surrounded <= 1:
            raise ConfigError("least_surrounded", "a share from 0 to 1", f"{self.least_surrounded:g}")
        if self.label_table not in LABEL_TABLES:
            raise ConfigError("label_table", f"one of {', '.join(LABEL_TABLES)}", repr(self.label_table))


def run(
    cohort_uri: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    """Quantify each cine, write its report, publish its results and record it.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`; or a cohort that is open.
        subjects: Ids.
        output: Artifact folder: `<subject>/metrics.json`, `indices.csv`, `labels.nii.gz`, `report.html`, `figures/`.
        options: Settings of `Config` by name.
        recording: Where results are published, and where the subjects are recorded.
        on_done: Called with each row once it is published, and whether it was reused.

    Returns:
        One row for each subject.

    Raises:
        ConfigError: If a setting is unknown or impossible, or the object store refuses (before any work).
        InputError: If there is no such network, or it is none of this family.
        PlatformError: If the machine fails; what is finished is published.
        UnreachableError: If the object store, the registry or the tracking server does not answer.
    """
    config = from_mapping(Config, options or {}, where="quantify")
    # what is recorded of a result names the network by its content: another network is new work
    with registry_at(recording.tracking):
        config, bundle = resolve_network(config, "lvquant")
    source = open_cohort(cohort_uri, LVQUANT_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        source.ask(subjects)
        ask_services(recording, QUANTIFIED)
    from cardioscar.lvquant.inference.quantifier import of_bundle

    quantifier = of_bundle(bundle, device=config.device)
    with source.files(subjects, ROLES) as found:
        entries = {entry.subject: entry for entry in found}

        def files(subject: str) -> dict[str, Path]:
            if subject not in entries:
                raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
            return entries[subject].checked() | entries[subject].beside

        def work(job: Work) -> None:
            for remark in entries[job.subject].remarks:
                log.warning(remark)
            _quantify(job, files(job.subject), entries[job.subject].settings(), quantifier, config)

        with publishing(recording, QUANTIFY.results, output, [], on_done) as done:
            rows = run_shard(QUANTIFY["quantify"], subjects, output, config, work, files=files, on_done=done)
    if recording.tracking_uri:
        record(rows, [Path(output)], recording)
    return rows


record = recorder("cardioscar.stages.lvquant.subject_record:subject_record")
"""Records the subjects that are ok in MLflow: see `publishing.recorder`."""


def check_machine(config: Config) -> None:
    """Refuse a network or a device that is not there."""
    from cardioscar.lvquant.inference.quantifier import of_bundle

    of_bundle(bundle_at(config.network, "lvquant"), device=config.device)


def _quantify(
    job: Work, files: Mapping[str, Path], settings: CineSettings, quantifier: Quantifier, config: Config
) -> None:
    from cardioscar.imaging.formats.cine_files import write_cine
    from cardioscar.lvquant.inference.indices_csv import write_indices_csv
    from cardioscar.lvquant.inference.quantify import quantify
    from cardioscar.lvquant.network.views import UPRIGHT, VIEWS
    from cardioscar.lvquant.reference import compared
    from cardioscar.lvquant.subject_metrics import metrics_json, subject_metrics
    from cardioscar.stages.lvquant.subject_cine import read_subject_cine

    given = read_subject_cine(
        files,
        settings,
        label_table=settings.label_table or config.label_table,
        trust=settings.header_trust or config.header_trust,
    )
    clock = time.perf_counter()
    views = VIEWS if config.views == len(VIEWS) else UPRIGHT[: config.views]
    found = quantify(quantifier, given.cine, septum=given.septum, views=views, least_surrounded=config.least_surrounded)
    seconds = time.perf_counter() - clock
    write_cine(job.out / "labels.nii.gz", found.labels)
    write_indices_csv(job.out / "indices.csv", found)
    metrics = subject_metrics(
        found.result,
        times_ms=None if given.cine.times_ms is None else given.cine.times_ms.tolist(),
        septum=given.septum,
        septum_from=given.septum_from,
        reference=compared(found.labels, given.reference) if given.reference else None,
        seconds=round(seconds, 2),
        warnings=job.warned(),
    )
    (job.out / "metrics.json").write_text(metrics_json(metrics), encoding="utf-8")
    ef = "no ejection fraction" if metrics.lv_ef_percent is None else f"ejection fraction {metrics.lv_ef_percent:.0f} %"
    log.info("%s, %s", ef, metrics.qc.verdict)
    _write_report(job, given, found, metrics, files, config)


def _write_report(
    job: Work,
    given: SubjectCine,
    found: QuantifiedCine,
    metrics: SubjectMetrics,
    files: Mapping[str, Path],
    config: Config,
) -> None:
    from cardioscar.stages.lvquant.subject_report import write_report

    write_page_anyway(
        job.subject, partial(write_report, job, given, found, metrics, files, config), figures=config.figures
    )
