"""Stage `preprocess`: a subject's images and mesh ▸ groups of nodes, one for each pixel."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.config import execution, from_mapping
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.lge.inference.config import VIEWS
from cardioscar.scar3d.field.fit_config import check_device_here
from cardioscar.scar3d.observation.holdout import check_holdout
from cardioscar.scar3d.observation.scar_source import Target
from cardioscar.scar3d.subject_settings import Heart, SubjectSettings
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.networks import SHIPPED
from cardioscar.stages.scar3d.found_labels import NONE, LabelFinder, check_segmenter_of, needs_labels
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

log = logging.getLogger(__name__)


AlignSlices = Literal["auto", "axis", "off"]


@dataclass(frozen=True)
class Config:
    """How pixels become groups."""

    target: Target = "auto"
    """What a pixel says about scar: by the files that there are, or one of the named sources."""
    holdout: str = "none"
    """Slices whose scar is hidden and scored: none, odd, even (counted from the first with wall; never the outermost),
    or a list of the file's indices 3,5."""
    slice_thickness_mm: float | None = None
    """Thickness of the excited slices in mm, of all subjects; by default that of `subject.yaml`, else the image file's,
    else the distance between slices."""
    label_table: str = "cardioscar"
    """Convention of the label volumes: cardioscar, emidec, acdc, mnms or scarnet; a subject's `subject.yaml` may name
    another."""
    header_trust: HeaderTrust = "agree"
    """Which statement counts where those of an image header contradict each other: agree (none: refused), sform (the
    matrix), qform (NIfTI's rotation) or pixdim (the voxel sizes beside the matrix); a subject's `subject.yaml` may say
    another."""
    heart: Heart = "adult"
    """What hearts these are: sizes are held against adult humans, or not (other: children, animals); a subject's
    `subject.yaml` may say otherwise."""
    edge_mm: float = 1.5
    """Edge length of a mesh built from labels, in mm."""
    n_sd: float = 5.0
    """Standard deviations above remote myocardium at which the n-SD rule calls scar."""
    merge_to_nodes: float = 4.0
    """Nodes wanted in a group; pixels finer than the mesh are merged in square blocks until they hold about as many."""
    align_slices: AlignSlices = "auto"
    """Undo in-plane shifts of slices by uneven breath-holds: auto registers a drawn wall to a mesh that came with the
    subject; axis moreover straightens slices whose mesh is built from their labels, onto a smooth axis; off."""

    segmenter: str = SHIPPED
    """Network that finds wall and scar of subjects that come as an LGE image alone, without mesh or labels: shipped,
    the folder of one, s3://bucket/prefix, models:/name/version or models:/name@alias; none refuses them."""
    segmenter_views: int = 8
    """Flips and turns over which that network is averaged: 1 (none), 2, 4 or 8."""
    device: str = execution("auto")
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""

    RENAMED: ClassVar[dict[str, str]] = {"nodes_per_group": "merge_to_nodes"}
    """Earlier names of settings, and what they are called now."""

    def __post_init__(self) -> None:
        for name in ("slice_thickness_mm", "edge_mm", "n_sd", "merge_to_nodes"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(name, "a positive number", f"{value:g}")
        check_holdout(self.holdout)
        if self.label_table not in LABEL_TABLES:
            raise ConfigError("label_table", f"one of {', '.join(LABEL_TABLES)}", repr(self.label_table))
        if self.segmenter_views not in VIEWS:
            raise ConfigError("segmenter_views", "1, 2, 4 or 8", str(self.segmenter_views))

    @property
    def with_own_wall(self) -> Config:
        """The settings as they count for a subject that came with a wall: a network plays no part, whichever it is."""
        return replace(self, segmenter=NONE, segmenter_views=8)


def run(
    cohort_uri: str | Path | CohortSource,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Group the nodes of each subject's mesh by the pixels that see them.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`; or a cohort that is open.
        subjects: Ids.
        output: Artifact folder: `<subject>/groups.npz`, `slices.npz`, `mesh.vtu`, `preprocess.json`, `view.npz` and,
            where slices are hidden, `heldout.npz`; where wall and scar were found, `found_labels.nii.gz`; where the
            mesh that is worked on is not the subject's own node for node, `own_mesh.vtu` and `own_nodes.npz`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject.
    """
    config = from_mapping(Config, options or {}, where="preprocess")
    # truth is for evaluate alone: a truth that changes must not refit the field
    roles = [role for role in SCAR3D_LAYOUT.endings if role != "truth"]
    source = open_cohort(cohort_uri, SCAR3D_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        source.ask(subjects)
    with source.files(subjects, roles) as found:
        entries = {entry.subject: entry for entry in found}

        def files(subject: str) -> dict[str, Path]:
            if subject not in entries:
                raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
            own = {role: path for role, path in entries[subject].checked().items() if role.split(".")[0] != "truth"}
            # what is remarked on is an input too: the remark must go when the file does
            return own | entries[subject].beside

        finder = LabelFinder(config.segmenter, config.segmenter_views, config.device)

        def work(job: Work) -> None:
            for remark in entries[job.subject].remarks:
                log.warning(remark)
            own, settings = files(job.subject), entries[job.subject].settings()
            labelled = None
            if needs_labels(own):
                trust = settings.header_trust or config.header_trust
                path, labelled = finder.find(job, own["lge"], trust, settings.septum_direction)
                own = own | {"labels": path}
            _prepare(own, settings, config, job.out, labelled)

        def shard(some: Sequence[str], settings: Config) -> list[Status]:
            return run_shard(RECONSTRUCT["preprocess"], some, output, settings, work, files=files, **hooks)

        # who came with a wall has the same settings, and so the same work, whatever network others need
        waiting = [subject for subject in subjects if subject in entries and needs_labels(entries[subject].files)]
        rows = shard([subject for subject in subjects if subject not in waiting], config.with_own_wall)
        if waiting:
            rows += shard(waiting, replace(config, segmenter=finder.named()))
    by_subject = {row.subject: row for row in rows}
    return [by_subject[subject] for subject in subjects]


def check_cohort(config: Config, cohort: CohortSource, subjects: Collection[str]) -> None:
    """Refuse hold-outs that no subject has, where a look at some files tells, and a network that is not there."""
    from cardioscar.stages.scar3d.holdout_check import check_holdout_of

    check_segmenter_of(cohort, subjects, config.segmenter)
    check_holdout_of(cohort, subjects, config.holdout)


def check_machine(config: Config) -> None:
    """Refuse a device that this machine lacks."""
    check_device_here(config.device)


def _prepare(
    files: Mapping[str, Path],
    settings: SubjectSettings,
    config: Config,
    out: Path,
    found: Mapping[str, Any] | None = None,
) -> None:

    from cardioscar.imaging.alignment.slice_alignment import aligned
    from cardioscar.imaging.checks import check_stack
    from cardioscar.imaging.formats.mesh_files import write_mesh
    from cardioscar.imaging.formats.slice_files import crop, save_stack
    from cardioscar.imaging.meshing.from_labels import mesh_from_labels, mesh_quality
    from cardioscar.imaging.wall.wall_mesh import WallMesh
    from cardioscar.scar3d.observation.alignment import moved_mm, shift_facts, shifts_before_meshing, shifts_to_own_mesh
    from cardioscar.scar3d.observation.drawn_labels import read_drawn_labels
    from cardioscar.scar3d.observation.files import save_groups, save_heldout
    from cardioscar.scar3d.observation.groups import group_nodes, merge_for
    from cardioscar.scar3d.observation.holdout import hidden_slices
    from cardioscar.scar3d.observation.scar_source import find_scar, shows_scar
    from cardioscar.scar3d.observation.septum import septum_facts
    from cardioscar.scar3d.observation.signal import signal_facts
    from cardioscar.scar3d.observation.wall_input import check_volume, fitted_to_slices, read_subject_wall, wall_facts

    thickness = config.slice_thickness_mm or settings.slice_thickness_mm
    trust = settings.header_trust or config.header_trust
    labels = None
    if found is not None:
        thickness = thickness or found["slice_thickness_mm"]  # which the image's file states, and labels do not
        labels = read_drawn_labels(files["labels"], "cardioscar", trust)
    elif "labels" in files:
        labels = read_drawn_labels(files["labels"], settings.label_table or config.label_table, trust)
    wall = read_subject_wall(files, settings)
    if wall is None and labels is None:
        raise ConfigError("mesh", "a mesh.* or a labels.* to build one from", "neither")

    source = find_scar(
        files,
        labels,
        wall.mesh if wall else None,
        target=config.target,
        n_sd=config.n_sd,
        thickness_mm=thickness,
        mesh_frame=settings.mesh_frame,
        trust=trust,
    )
    check_stack(source.stack)
    if wall is not None:
        made, drawn = "read", labels is not None or source.rule == "layers"
        if drawn:
            wall = fitted_to_slices(wall, source.stack)
        shifts = shifts_to_own_mesh(wall.mesh, source.stack, config.align_slices, drawn=drawn)
    else:
        made = "built from labels"
        # shifts are told by slice, so the mesh takes the labels on the slices' grid where it is to be freed of shifts
        outlines = source.labels if config.align_slices == "axis" and source.labels is not None else labels
        assert outlines is not None
        shifts = shifts_before_meshing(outlines, config.align_slices, files)
        wall = WallMesh(mesh_from_labels(outlines, edge_mm=config.edge_mm, shifts_mm=moved_mm(shifts)))
    check_volume(wall, settings.heart or config.heart)
    mesh = wall.mesh
    stated = source.stack
    # here and nowhere else: all that follows takes the frames of this stack, hidden slices included
    source = replace(source, stack=aligned(source.stack, shifts))
    hidden = hidden_slices(source.stack, config.holdout)
    visible = source.visible(hidden, n_sd=config.n_sd)
    if source.shows_scar and not shows_scar(visible):
        log.warning("all of the scar lies in hidden slices: the visible ones show none")
    merge = merge_for(mesh.n_nodes, mesh.volume_ml, visible, nodes_per_group=config.merge_to_nodes)
    groups = group_nodes(mesh.nodes_mm, visible, merge=merge)
    seen = int((groups.group_index >= 0).sum())
    log.info("%d of %d nodes seen by %d groups of %d×%d pixels", seen, mesh.n_nodes, groups.n_groups, merge, merge)

    coordinates, orientation = _add_coordinates(mesh, settings)
    septum = septum_facts(orientation, stated)
    signal = signal_facts(source, visible, hidden, mesh, n_sd=config.n_sd)
    write_mesh(out / "mesh.vtu", mesh)
    if wall.own is not None:
        wall.beside().save(out)
    save_groups(out, mesh.nodes_mm, groups)
    save_stack(out / "slices.npz", crop(visible, margin_mm=5.0, pad=True))
    _save_view(out, source, hidden)
    if hidden:
        save_heldout(out, source.stack.only(hidden))
    facts = {
        "target": source.rule,
        "mesh": made,
        "heart": settings.heart or config.heart,
        "nodes": mesh.n_nodes,
        "wall_ml": round(mesh.volume_ml, 4),
        "edge_mm": round(mesh.edge_mm, 3),
        "worst_cell_quality": round(float(mesh_quality(mesh).worst), 5),
        "slices": sorted(s.number for s in visible if s.observed.any()),
        "hidden_slices": sorted(hidden),
        "slice_shifts_mm": shift_facts(shifts),
        "slice_thickness_mm": round(visible.slices[0].thickness_mm, 3),
        "merged_pixels": merge,
        "groups": groups.n_groups,
        "observed_nodes": seen,
        "unseen_pixels": groups.unseen_pixels,
        **orientation,
        **wall_facts(wall, coordinates),
        "septum": septum,
        "signal": signal,
    }
    if found is not None:
        facts["segmenter"] = found
    (out / "preprocess.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _add_coordinates(mesh: Any, settings: SubjectSettings) -> tuple[Any, dict[str, Any]]:
    """Add LV coordinates and AHA segments to the mesh; one that has none (a fragment) is reconstructed all the same."""
    import numpy as np

    from cardioscar.errors import GeometryError
    from cardioscar.imaging.coordinates.aha import aha_segments
    from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
    from cardioscar.imaging.formats.mesh_arrays import put_result

    def direction(value: tuple[float, float, float] | None) -> Any:
        return None if value is None else np.array(value)

    try:
        coordinates = lv_coordinates(
            mesh,
            septum_direction=direction(settings.septum_direction),
            apex_to_base=direction(settings.apex_to_base),
        )
    except GeometryError as error:
        log.warning("no LV coordinates, so no AHA segments: %s", error)
        return None, {"orientation": "unknown", "long_axis": None, "septum_direction": None}
    for name, values in coordinates.stored().items():
        put_result(mesh.grid.point_data, name, values)
    put_result(mesh.grid.point_data, "aha_segment", aha_segments(coordinates).astype(np.uint8))
    return coordinates, {
        "orientation": str(coordinates.orientation),
        "long_axis": [round(float(x), 6) for x in coordinates.long_axis],
        "septum_direction": [round(float(x), 6) for x in coordinates.septum_direction],
    }


def _save_view(out: Path, source: Any, hidden: set[int]) -> None:
    """Crop what the report's pictures show: LGE, wall and scar of all slices, hidden ones included."""
    import dataclasses

    import numpy as np

    from cardioscar.imaging.formats.slice_files import crop, save_stack
    from cardioscar.imaging.slices import SliceStack, stack_from_volume

    save_stack(out / "view.npz", crop(source.stack))
    if source.lge is not None:
        lge = stack_from_volume(source.lge, thickness_mm=source.stack.slices[0].thickness_mm)
        walls = {s.number: s.observed for s in source.stack}
        framed = [dataclasses.replace(s, observed=walls.get(s.number, np.zeros_like(s.observed))) for s in lge]
        save_stack(out / "view_lge.npz", crop(SliceStack(tuple(framed), lge.source)))
