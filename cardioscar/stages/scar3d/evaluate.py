"""Stage `evaluate`: scores, pictures, one report a subject; results published; run and model version in MLflow."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, GeometryError, InputError
from cardioscar.shard.concerns import gathered
from cardioscar.shard.loop import OnDone, Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.ask_services import ask_services
from cardioscar.stages.drawn_page import write_page_anyway
from cardioscar.stages.publishing import publishing, recorder
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

if TYPE_CHECKING:
    import numpy as np

    from cardioscar.imaging.formats.header_trust import HeaderTrust
    from cardioscar.imaging.lvmesh import LVMesh
    from cardioscar.scar3d.quality.result import SubjectMetrics
    from cardioscar.stages.scar3d.subject_metrics import Evidence, SubjectMap

log = logging.getLogger(__name__)

ROLES = ("truth",)
"""Files of the cohort that are read here."""
LEAST_TRUTH = 0.75
"""Share of the nodes that a truth volume should cover; a stack of slices ends short of apex and base."""


@dataclass(frozen=True)
class Config:
    """What is scored and drawn."""

    figures: bool = True
    """Draw the figures of the report."""
    leave_one_out: bool = True
    """Hide each slice in turn and predict it from the others: a figure of quality that needs no truth."""


def run(
    cohort_uri: str | Path | CohortSource,
    groups: str | Path,
    sorted_groups: str | Path,
    fields: str | Path,
    scars: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    recording: Recording = UNPUBLISHED,
    *,
    on_done: OnDone | None = None,
) -> list[Status]:
    """Score each subject, write its report, publish its results and record it.

    Args:
        cohort_uri: The cohort, for `truth.*`: its folder or prefix, or one that is open.
        groups: Artifact of `preprocess`.
        sorted_groups: Artifact of `group_sort`.
        fields: Artifact of `train`.
        scars: Artifact of `infer`.
        subjects: Ids.
        output: Artifact folder: `<subject>/metrics.json`, `report.html`, `figures/`.
        options: Settings of `Config` by name.
        recording: Where map, field, metrics and report are published, and where the subjects are recorded.
        on_done: Called with each row once it is published, and whether it was reused.

    Returns:
        One row for each subject.

    Raises:
        ConfigError: If the place of the results is neither a folder nor an `s3://` address.
        InputError: If files of others are where a subject's results are to lie; those of the others are published.
        UnreachableError: If the tracking server does not answer; all results are published by then. If the object store
            does not answer; no subject is half published.
    """
    config = from_mapping(Config, options or {}, where="evaluate")
    source = open_cohort(cohort_uri, SCAR3D_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        ask_services(recording, RECONSTRUCT.model)
        source.ask(subjects)
    with source.files(subjects, ROLES) as found:
        entries = {entry.subject: entry for entry in found}

        def files(subject: str) -> dict[str, Path]:
            if subject not in entries:
                raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
            own = entries[subject].checked()
            if "truth" not in own:
                return {}  # without truth the settings say nothing here that earlier stages have not heeded
            settings = SCAR3D_LAYOUT.settings
            return {role: path for role, path in own.items() if role.split(".")[0] in ROLES or role == settings}

        def work(job: Work) -> None:
            truth, settings = files(job.subject).get("truth"), entries[job.subject].settings()
            earlier = job.upstream_status["groups"].config
            table, trust = (getattr(settings, name) or earlier[name] for name in ("label_table", "header_trust"))

            def read_truth(mesh: LVMesh) -> np.ndarray | None:
                if truth is None:
                    return None
                return _read_truth(truth, mesh, job.upstream["groups"], settings.mesh_frame, table, trust)

            _evaluate(job, config, read_truth)

        upstream = {"groups": groups, "sorted": sorted_groups, "fields": fields, "scars": scars}
        with publishing(recording, RECONSTRUCT.results, output, [scars, fields, groups], on_done) as done:
            rows = run_shard(
                RECONSTRUCT["evaluate"], subjects, output, config, work, upstream=upstream, files=files,
                reads_settings=True, on_done=done,
            )  # fmt: skip
    if recording.tracking_uri:
        artifacts = [groups, sorted_groups, fields, scars, output]
        record(rows, [Path(root) for root in artifacts], recording)
    return rows


record = recorder("cardioscar.stages.scar3d.subject_record:subject_record")
"""Records the subjects that are ok in MLflow: see `publishing.recorder`."""


def _evaluate(job: Work, config: Config, read_truth: Callable[[LVMesh], np.ndarray | None]) -> None:
    from cardioscar.scar3d.quality.result import SubjectMetrics, metrics_json
    from cardioscar.scar3d.quality.result_input import Warned
    from cardioscar.scar3d.quality.verdict import quality
    from cardioscar.stages.scar3d.subject_metrics import findings, load_map

    of = load_map(job)
    found, evidence = findings(job, of, read_truth(of.mesh), leave_one_out=config.leave_one_out)
    earlier = [(row.stage, row.warnings) for row in job.upstream_status.values()]
    warnings = gathered([*earlier, ("evaluate", job.warned())])
    found = dataclasses.replace(found, warnings=tuple(Warned(**row) for row in warnings))
    metrics = SubjectMetrics(**vars(found), qc=quality(found, of.facts))
    (job.out / "metrics.json").write_text(metrics_json(metrics), encoding="utf-8")
    log.info("scar %.1f ml, %s", metrics.scar.volume_ml, metrics.qc.verdict)
    _write_report(job, of, metrics, evidence, figures=config.figures)


def _write_report(
    job: Work, of: SubjectMap, metrics: SubjectMetrics, evidence: Evidence | None, *, figures: bool
) -> None:
    from cardioscar.stages.scar3d.subject_report import write_report

    content = (job, of.mesh, metrics, of.facts, of.residual, of.groups.slice_number, evidence)
    write_page_anyway(job.subject, partial(write_report, *content), figures=figures)


def _read_truth(
    path: Path, mesh: LVMesh, groups: Path, mesh_frame: str | None, label_table: str, trust: HeaderTrust
) -> np.ndarray:
    """True scar at each node: from a mesh with point data `scar_truth`, or from a label volume."""
    import numpy as np

    from cardioscar.imaging.formats.mesh_files import read_grid
    from cardioscar.imaging.labels import Label
    from cardioscar.imaging.volume import holding_voxel
    from cardioscar.imaging.wall.own_mesh import load_own_mesh
    from cardioscar.scar3d.observation.drawn_labels import read_true_labels

    if path.suffix in (".vtu", ".vtk"):
        stored, _ = read_grid(path, frame=mesh_frame)
        if "scar_truth" not in stored.point_data:
            raise InputError(path.name, "point data 'scar_truth'", "none of that name")
        truth, points = (np.asarray(a, dtype=float) for a in (stored.point_data["scar_truth"], stored.points))
        own = load_own_mesh(groups)
        if own is not None and len(points) == own.grid.n_points:
            truth, points = truth[own.first], points[own.first]
        if len(points) != mesh.n_nodes or not np.allclose(points, mesh.nodes_mm, atol=0.01):
            raise GeometryError(path.name, f"the {mesh.n_nodes} nodes of the mesh", f"{len(points)} others")
        return truth
    labels = read_true_labels(path, label_table, trust)
    index = holding_voxel(labels.mm_to_index(mesh.nodes_mm))
    inside = ((index >= 0) & (index < labels.values.shape)).all(axis=1)
    if not inside.any():
        raise GeometryError(path.name, "a volume that overlaps the mesh", "none of its nodes inside")
    if inside.mean() < LEAST_TRUTH:
        log.warning("the truth covers %.0f%% of the mesh, the rest counts as free of scar", 100 * inside.mean())
    truth = np.zeros(mesh.n_nodes)
    truth[inside] = labels.values[tuple(index[inside].T)] == Label.SCAR
    return truth
