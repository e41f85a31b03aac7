"""Stage `detect`: onset and class of sectors with intervals, the activation map, report; published and recorded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.shard.concerns import gathered
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.activation.layout import ACTIVATION_LAYOUT
from cardioscar.stages.activation.workflow import DETECT, DETECTED, MAP, STRAIN, TOS
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.drawn_page import write_page_anyway
from cardioscar.stages.networks import SHIPPED, bundle_at, registry_at, resolve_network
from cardioscar.stages.publishing import publishing, recorder
from cardioscar.stages.recording import UNPUBLISHED, Recording

if TYPE_CHECKING:
    from cardioscar.activation.network.heart_explanation import Explanation
    from cardioscar.activation.subject_settings import ActivationSettings
    from cardioscar.learning.bundle import Bundle

log = logging.getLogger(__name__)

ROLES = ("tos", "mesh")
"""Files of the cohort that are read here."""


@dataclass(frozen=True)
class Config:
    """How onsets are told and mapped."""

    network: str = SHIPPED
    """The networks: `shipped`, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias."""
    figures: bool = True
    """Draw the figures of the report."""
    explain: bool = True
    """Draw what the networks look at, where captum is installed."""
    map: MapConfig = field(default_factory=MapConfig)
    """What is taken for known of activation before any slice is seen."""


def run(
    cohort_uri: str | Path | CohortSource,
    strains: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    """Tell onset and class of each subject's sectors, write its report, publish its results and record it.

    Args:
        cohort_uri: The cohort, for `mesh.*`, and for a `tos.csv` that a person has corrected: it counts in place of
            the networks. Its folder or prefix, or one that is open.
        strains: Artifact of `measure_strain`.
        subjects: Ids.
        output: Artifact folder: `<subject>/tos.csv`, `activation.vtu`, `metrics.json`, `report.html`, `figures/*.png`.
        options: Settings of `Config` by name.
        recording: Where results are published, and where the subjects are recorded.
        on_done: Called with each row once it is published, and whether it was reused.

    Returns:
        One row for each subject.

    Raises:
        ConfigError: If a setting is unknown or impossible, or the place of the results is none.
        InputError: If there are no such networks, or files of others are where a subject's results are to lie.
        PlatformError: If the machine fails; what is finished is published.
        UnreachableError: If the object store, the registry or the tracking server does not answer.
    """
    config = from_mapping(Config, options or {}, where="detect")
    # what is recorded of a result names the networks by their content: others are new work
    with registry_at(recording.tracking):
        config, bundle = resolve_network(config, "activation")
    source = open_cohort(cohort_uri, ACTIVATION_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        source.ask(subjects)
        ask_services(recording, DETECTED)
    _checked(bundle)
    with source.files(subjects, ROLES) as found:
        entries = {entry.subject: entry for entry in found}

        def files(subject: str) -> dict[str, Path]:
            if subject not in entries:
                raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
            own = entries[subject].checked()
            return {
                role: path
                for role, path in own.items()
                if role.split(".")[0] in ROLES or role == ACTIVATION_LAYOUT.settings
            }

        def work(job: Work) -> None:
            _detect(job, files(job.subject), entries[job.subject].settings(), bundle, config)

        with publishing(recording, DETECT.results, output, [strains], on_done) as done:
            rows = run_shard(
                DETECT["detect"], subjects, output, config, work, upstream={"strains": strains}, files=files,
                reads_settings=True, on_done=done,
            )  # fmt: skip
    if recording.tracking_uri:
        record(rows, [Path(strains), Path(output)], recording)
    return rows


record = recorder("cardioscar.stages.activation.subject_record:subject_record")
"""Records the subjects that are ok in MLflow: see `publishing.recorder`."""


def check_machine(config: Config) -> None:
    """Refuse networks that are not there, or are none of this family."""
    _checked(bundle_at(config.network, "activation"))


def _checked(bundle: Bundle) -> None:
    from cardioscar.activation.network.stored import ARCHITECTURE

    if bundle.facts.architecture != ARCHITECTURE:
        raise InputError("network", f"a network '{ARCHITECTURE}'", "another architecture")


def _detect(job: Work, files: Mapping[str, Path], settings: ActivationSettings, bundle: Bundle, config: Config) -> None:
    from dataclasses import replace

    from cardioscar.activation.findings import gathered_findings, metrics_json
    from cardioscar.activation.formats.onset_files import write_heart_onsets
    from cardioscar.activation.formats.strain_files import read_strain
    from cardioscar.activation.verdict import verdict
    from cardioscar.imaging.formats.mesh_files import write_mesh
    from cardioscar.imaging.lvmesh import LVMesh
    from cardioscar.stages.activation.subject_map import mapped
    from cardioscar.stages.activation.subject_onsets import explained, onsets_of

    sectors = job.upstream_status["strains"].config["sectors"]
    slices = read_strain(job.upstream["strains"] / STRAIN, sectors=sectors)
    told = onsets_of(slices, files.get("tos"), bundle)
    write_heart_onsets(job.out / TOS, told.onsets)
    strain = job.upstream["strains"] / STRAIN
    wall, why_not = mapped(strain, slices, told.onsets, files.get("mesh"), settings, config.map)
    if wall is not None:
        write_mesh(job.out / MAP, LVMesh(wall.grid(), MAP))
    earlier = [(row.stage, row.warnings) for row in job.upstream_status.values()]
    found = gathered_findings(
        job.subject,
        slices,
        told.onsets,
        wall,
        onsets_by=told.by,
        network_sha256=told.network_sha256,
        level=told.level,
        no_map=why_not,
        warnings=tuple(gathered([*earlier, ("detect", job.warned())])),
    )
    found = replace(found, qc=verdict(found))
    (job.out / "metrics.json").write_text(metrics_json(found), encoding="utf-8")
    log.info("late %.0f %%, %s", 100 * found.late_fraction, found.qc.verdict)

    def explanation() -> Explanation | str:
        if not config.explain:
            return "What the networks look at was not asked for."
        return explained(slices, told, bundle)

    _write_report(job, found, slices, told.onsets, wall, explanation, config)


def _write_report(job: Work, found: Any, slices: Any, onsets: Any, wall: Any, explain: Any, config: Config) -> None:
    from cardioscar.stages.activation.subject_report import write_report

    def write(*, figures: bool) -> None:
        write_report(job, found, slices, onsets, wall, explain if figures else None)

    write_page_anyway(job.subject, write, figures=config.figures)
