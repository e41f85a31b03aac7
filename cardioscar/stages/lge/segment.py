"""Stage `segment`: a late-enhancement image ▸ wall, cavity and scar with their doubt; report, publication, MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import execution, from_mapping
from cardioscar.errors import ConfigError, GeometryError, InputError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.lge.inference.config import InferConfig, RulesConfig
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.drawn_page import write_page_anyway
from cardioscar.stages.lge.layout import LGE_LAYOUT
from cardioscar.stages.lge.workflow import LABELS, PROBABILITY, SEGMENT
from cardioscar.stages.networks import SHIPPED, bundle_at, registry_at, resolve_network
from cardioscar.stages.publishing import publishing, recorder
from cardioscar.stages.recording import UNPUBLISHED, Recording

if TYPE_CHECKING:
    from cardioscar.lge.inference.segmenter import Segmenter
    from cardioscar.lge.result import SegmentMetrics
    from cardioscar.lge.summary import Evidence
    from cardioscar.scar3d.subject_settings import SubjectSettings

log = logging.getLogger(__name__)

FAMILY = "lge"
"""Whose network is meant by `shipped`."""
ROLES = ("lge", "labels")
"""Files of the cohort that are read here."""


@dataclass(frozen=True)
class Config:
    """How images are segmented and measured."""

    network: str = SHIPPED
    """Network: `shipped`, the folder of one, s3://bucket/prefix, or models:/name/version or models:/name@alias."""
    views: int = 8
    """Flips and turns that are averaged: 1 (none), 2, 4 or 8."""
    dropout_samples: int = 0
    """Passes of each view with random channels left out, averaged too; 0 for one pass with all."""
    rules: RulesConfig = field(default_factory=RulesConfig)
    """Rules of anatomy, each of which can be left out."""
    n_sd: float = 5.0
    """Standard deviations above remote myocardium at which the n-SD rule, beside the network, calls scar."""
    intervals: QuantifyConfig = field(default_factory=QuantifyConfig)
    """How intervals are made."""
    label_table: str = "cardioscar"
    """Convention of labels that came with a subject: cardioscar, emidec, acdc, mnms or scarnet."""
    header_trust: HeaderTrust = "agree"
    """Which statement counts where those of an image header contradict each other: agree (none: refused), sform, qform
    or pixdim; a subject's `subject.yaml` may say another."""
    dicom_seg: bool = True
    """Write DICOM segmentations of images that came as DICOM (needs highdicom)."""
    figures: bool = True
    """Draw the figures of the report."""
    device: str = execution("auto")
    """Where the network computes: auto (a GPU if there is one), cpu or cuda."""

    def __post_init__(self) -> None:
        self.inference()
        if not 0 < self.n_sd < float("inf"):
            raise ConfigError("n_sd", "a positive number", f"{self.n_sd:g}")
        if self.label_table not in LABEL_TABLES:
            raise ConfigError("label_table", f"one of {', '.join(LABEL_TABLES)}", repr(self.label_table))

    def inference(self) -> InferConfig:
        """Settings of the application of the network."""
        return InferConfig(views=self.views, dropout_samples=self.dropout_samples, rules=self.rules, device=self.device)


def run(
    cohort_uri: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    """Segment each subject's image, measure it, write its report, publish and record it.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`; or a cohort that is open.
        subjects: Ids.
        output: Artifact folder: `<subject>/labels.nii.gz`, `scar_probability.nii.gz`, `metrics.json`, `report.html`,
            `figures/*.png`, and DICOM segmentations of DICOM images.
        options: Settings of `Config` by name.
        recording: Where results are published, and where the subjects are recorded.
        on_done: Called with each row once it is published, and whether it was reused.

    Returns:
        One row for each subject.

    Raises:
        InputError: If a setting is impossible, or there is no such network.
        UnreachableError: If the object store, the registry or the tracking server does not answer.
    """
    with registry_at(recording.tracking):
        config, bundle = resolve_network(from_mapping(Config, options or {}, where="segment"), FAMILY)
    source = open_cohort(cohort_uri, LGE_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        ask_services(recording, SEGMENT.model)
        source.ask(subjects)
    read: list[Segmenter] = []

    def segmenter() -> Segmenter:
        if not read:  # torch is loaded by it: not where all is reused
            from cardioscar.lge.inference.segmenter import of_bundle

            read.append(of_bundle(bundle))
        return read[0]

    with source.files(subjects, ROLES) as found:
        entries = {entry.subject: entry for entry in found}

        def files(subject: str) -> dict[str, Path]:
            if subject not in entries:
                raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
            return entries[subject].checked() | entries[subject].beside

        def work(job: Work) -> None:
            for remark in entries[job.subject].remarks:
                log.warning(remark)
            _segment(job, files(job.subject), entries[job.subject].settings(), config, segmenter)

        with publishing(recording, SEGMENT.results, output, [], on_done) as done:
            rows = run_shard(SEGMENT["segment"], subjects, output, config, work, files=files, on_done=done)
    if recording.tracking_uri:
        record(rows, [Path(output)], recording)
    return rows


record = recorder("cardioscar.stages.lge.subject_record:subject_record")
"""Records the subjects that are ok in MLflow: see `publishing.recorder`."""


def check_machine(config: Config) -> None:
    """Refuse a network that is not there, and a device that this machine lacks."""
    from cardioscar.scar3d.field.fit_config import check_device_here

    bundle_at(config.network, FAMILY)
    check_device_here(config.device)


def _segment(
    job: Work,
    files: Mapping[str, Path],
    settings: SubjectSettings,
    config: Config,
    segmenter: Callable[[], Segmenter],
) -> None:
    import numpy as np

    from cardioscar.imaging.formats.claimed_memory import claimed_memory
    from cardioscar.imaging.formats.volume_files import write_volume
    from cardioscar.lge.image import read_lge, read_reference
    from cardioscar.lge.inference.segment import segment
    from cardioscar.lge.result import metrics_json
    from cardioscar.lge.summary import evidence, summary

    trust = settings.header_trust or config.header_trust
    with claimed_memory(files["lge"].name):
        image = read_lge(files["lge"], trust)
    network = segmenter()
    found = segment(image.volume, network, config.inference())
    reference = None
    if "labels" in files:
        table = settings.label_table or config.label_table
        try:
            reference = read_reference(files["labels"], found.grid.image, table, trust)
        except (InputError, GeometryError) as error:  # it is only compared with: the image has its results without it
            log.warning("nothing to compare with: %s", error)
    septum = None if settings.septum_direction is None else np.array(settings.septum_direction)
    of = evidence(found, config.intervals, n_sd=config.n_sd, septum_direction=septum, reference=reference)
    labels, probability = found.own_labels(), found.own_scar_probability()
    write_volume(job.out / LABELS, labels)
    write_volume(job.out / PROBABILITY, probability)
    dicom = _write_dicom(job.out, of, image.sources, network.name) if config.dicom_seg and image.sources else None
    metrics = summary(job.subject, of, network, chosen=image.chosen, dicom=dicom, warnings=job.warned())
    (job.out / "metrics.json").write_text(metrics_json(metrics), encoding="utf-8")
    log.info("scar %.1f ml, %s", metrics.scar_ml, metrics.qc.verdict)
    _write_report(job, of, metrics, files, config, septum_given=septum is not None)


def _write_dicom(out: Path, of: Evidence, sources: Sequence[Path], algorithm: str) -> str:
    """Write both DICOM segmentations; returns what became of them. Images may lack what a reference to them needs."""
    from cardioscar.lge.dicom_seg import write_label_seg, write_probability_seg
    from cardioscar.stages.lge.workflow import DICOM

    try:
        write_label_seg(out / DICOM[0], of.found.own_labels(), sources, algorithm=algorithm)
        write_probability_seg(out / DICOM[1], of.found.own_scar_probability(), sources, algorithm=algorithm)
    except (InputError, GeometryError, ConfigError) as error:
        for name in DICOM:
            (out / name).unlink(missing_ok=True)
        log.info("no DICOM segmentation: %s", error)
        return f"not written: {error}"
    return "written"


def _write_report(
    job: Work, of: Evidence, metrics: SegmentMetrics, files: Mapping[str, Path], config: Config, *, septum_given: bool
) -> None:
    from cardioscar.stages.lge.subject_report import write_report

    write_page_anyway(
        job.subject,
        partial(write_report, job, of, metrics, files, config, septum_given=septum_given),
        figures=config.figures,
    )
