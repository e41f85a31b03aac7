"""From a subject's artifacts to the data that its report shows."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, flattened
from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import sample_nodes
from cardioscar.imaging.slices import Slice
from cardioscar.report.scar3d.residuals import Reliability
from cardioscar.report.scar3d.subject import SubjectReport, write_subject_report
from cardioscar.report.sectors import Sectors, find_sectors
from cardioscar.report.slice_view import SliceView
from cardioscar.scar3d.methods_text import methods_text, references
from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.shard.loop import Work
from cardioscar.stages.scar3d.found_labels import NONE
from cardioscar.stages.scar3d.workflow import RECONSTRUCT


def write_report(
    job: Work,
    mesh: LVMesh,
    metrics: SubjectMetrics,
    facts: Mapping[str, Any],
    residual: np.ndarray,
    residual_slice: np.ndarray,
    reliability: tuple[np.ndarray, np.ndarray, np.ndarray | None, str] | None,
    *,
    figures: bool,
) -> None:
    """Write `report.html` and `figures/` into the subject's folder.

    Args:
        job: The subject's work in `evaluate`.
        mesh: Mesh with the scar map as point data.
        metrics: Content of `metrics.json`.
        facts: Content of `preprocess.json`.
        residual: Residual of each group, shape (groups,).
        residual_slice: Slice of each group, shape (groups,).
        reliability: Predictions, truth, weights and what they are, where there is truth.
        figures: Draw the pictures; without them the page holds the numbers.
    """
    data = mesh.grid.point_data
    probability, uncertainty = np.asarray(data["scar_probability"]), np.asarray(data["scar_uncertainty"])
    configs = {row.stage: row.config for row in job.upstream_status.values()}
    inputs = {name: sha for row in job.upstream_status.values() for name, sha in row.inputs.items() if "/" not in name}
    methods = methods_text(configs, metrics.target, __version__)
    report = SubjectReport(
        metrics=metrics,
        version=__version__,
        config=configs,
        config_sha256=config_sha256({row.stage: row.config_sha256 for row in job.upstream_status.values()}),
        inputs=inputs,
        created=job.upstream_status["scars"].started,
        slice_shifts=facts.get("slice_shifts_mm", {}),
        methods=methods,
        references=references(methods),
        software=_software(),
        command=again(job.subject, configs),
    )
    if figures:
        report = dataclasses.replace(
            report,
            mesh=mesh,
            scar_probability=probability,
            scar_uncertainty=uncertainty,
            long_axis=_vector(facts["long_axis"]),
            septal_direction=_vector(facts["septum_direction"]),
            aha_uncertainty=_by_segment(data, uncertainty, mesh),
            slices=_slice_views(job.upstream["groups"], mesh, probability, facts),
            residual=residual,
            residual_slice=residual_slice,
            reliability=Reliability(*reliability) if reliability else None,
            history=_history(job.upstream["fields"] / "history.csv", metrics.fit.steps),
        )
    write_subject_report(job.out, report)


def _software() -> str:
    """The libraries that the numbers come from, with their versions."""
    from importlib.metadata import PackageNotFoundError, version

    said = []
    for name, package in (("PyTorch", "torch"), ("NumPy", "numpy"), ("SciPy", "scipy"), ("VTK", "vtk")):
        with contextlib.suppress(PackageNotFoundError):
            said.append(f"{name} {version(package)}")
    return ", ".join(said)


def again(subject: str, configs: Mapping[str, Mapping[str, Any]]) -> str:
    """The command that makes such a map: the settings of each stage that are not the usual ones.

    A network is recorded by its hash, which is no address: the one that ships is left out, and `NETWORK` stands for one
    that a fit started from; the page shows the hash among the settings.

    Args:
        subject: Its id.
        configs: Settings by stage, as they were recorded.

    >>> again("P001", {"train": {"steps": 5, "method": "fourier"}, "infer": {}})
    'cardioscar run COHORT --output OUT --subjects P001 --train.steps 5'
    >>> again("P001", {"preprocess": {"segmenter": "none"}, "infer": {"posterior": {"noise_sd": 0.1}}})
    'cardioscar run COHORT --output OUT --subjects P001 --infer.posterior.noise-sd 0.1'
    """
    words = ["cardioscar", "run", "COHORT", "--output", "OUT", "--subjects", subject]
    for stage in RECONSTRUCT:
        recorded = flattened(configs.get(stage.name, {}))
        usual = flattened(as_mapping(_usual(stage.config(), recorded)))
        for name, value in recorded.items():
            if value == usual.get(name, value):
                continue
            hashed = isinstance(value, str) and value.startswith("sha256:")
            if hashed and usual[name]:
                continue
            *within, last = name.replace("_", "-").split(".")
            words.append("--" + ".".join([stage.command, *within, "no-" * (value is False) + last]))
            if not isinstance(value, bool):
                words += ["NETWORK"] if hashed else map(str, value if isinstance(value, list | tuple) else [value])
    return shlex.join(words)


def _usual(config: Any, recorded: Mapping[str, Any]) -> Any:
    """The usual settings as they count for the subject: with a wall of its own it needs no segmenter."""
    return config.with_own_wall if recorded.get("segmenter") == NONE else config


def _vector(values: list[float] | None) -> np.ndarray | None:
    return None if values is None else np.array(values)


def _by_segment(data: Any, uncertainty: np.ndarray, mesh: LVMesh) -> dict[int, float | None] | None:
    if "aha_segment" not in data:
        return None
    segment, ml = np.asarray(data["aha_segment"]), mesh.node_volumes_ml
    walls = np.bincount(segment, weights=ml, minlength=18)
    sums = np.bincount(segment, weights=ml * uncertainty, minlength=18)
    return {k: float(sums[k] / walls[k]) if walls[k] > 0 else None for k in range(1, 18)}


def _slice_views(groups: Path, mesh: LVMesh, probability: np.ndarray, facts: Mapping[str, Any]) -> list[SliceView]:
    """Each slice with wall: image, observed scar, the map sampled at its pixels, and the AHA sectors."""
    stack, hidden = load_stack(groups / "view.npz"), set(facts["hidden_slices"])
    sectors = _sectors(mesh, facts)
    lge = {}
    if (groups / "view_lge.npz").is_file():
        lge = {s.number: s.values for s in load_stack(groups / "view_lge.npz")}
    sampled = sample_nodes(mesh, probability, np.concatenate([s.pixel_centers_mm() for s in stack]))[0]
    axis = _vector(facts["long_axis"])
    views, start = [], 0
    for piece in stack:
        predicted = np.full(piece.values.shape, np.nan)
        count = int(piece.observed.sum())
        predicted[piece.observed] = sampled[start : start + count]
        start += count
        scar = np.where(piece.observed, piece.values, 0.0)
        background = lge.get(piece.number)
        views.append(
            SliceView(
                number=piece.number,
                background=scar if background is None or background.shape != scar.shape else background,
                wall=piece.observed,
                observed_scar=scar,
                predicted=predicted,
                hidden=piece.number in hidden,
                pixel_mm=(float(piece.pixel_mm[0]), float(piece.pixel_mm[1])),
                directions=(piece.affine[:3, :2] / piece.pixel_mm).T,
                sectors=sectors(piece),
                corners_mm=_corners_mm(piece),
                height_mm=_height_mm(piece, mesh, axis),
            )
        )
    return views


def _height_mm(piece: Slice, mesh: LVMesh, axis: np.ndarray | None) -> float | None:
    """How far the middle of a slice's wall lies above the apical end of the mesh, along the long axis."""
    if axis is None or not piece.observed.any():
        return None
    return float(piece.pixel_centers_mm().mean(axis=0) @ axis - (mesh.nodes_mm @ axis).min())


def _corners_mm(piece: Slice) -> np.ndarray:
    """Corners of the part of a slice that shows wall, in order, shape (4, 3)."""
    index = np.argwhere(piece.observed) if piece.observed.any() else np.argwhere(np.ones(piece.observed.shape))
    (i0, j0), (i1, j1) = index.min(axis=0) - 1.5, index.max(axis=0) + 1.5
    corners = np.array([[i0, j0, 0, 1], [i1, j0, 0, 1], [i1, j1, 0, 1], [i0, j1, 0, 1]])
    return np.asarray((corners @ piece.affine.T)[:, :3])


def _sectors(mesh: LVMesh, facts: Mapping[str, Any]) -> Callable[[Slice], Sectors | None]:
    data = mesh.grid.point_data
    if facts["septum_direction"] is None or not all(name in data for name in ("rotational", "aha_segment")):
        return lambda piece: None
    nodes = cKDTree(mesh.nodes_mm)

    def of(piece: Slice) -> Sectors | None:
        return find_sectors(
            piece.pixel_centers_mm(),
            np.argwhere(piece.observed) * piece.pixel_mm,
            (piece.affine[:3, :2] / piece.pixel_mm).T,
            nodes=nodes,
            rotational=np.asarray(data["rotational"], dtype=float),
            segment=np.asarray(data["aha_segment"]),
            long_axis=np.array(facts["long_axis"]),
            septum=np.array(facts["septum_direction"]),
            known=facts["septum"]["source"] in ("given", "mesh"),
        )

    return of


def _history(path: Path, steps: int) -> dict[str, list[float]]:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    # an epoch takes as many steps as there are batches
    return {"step": [float(r["epoch"]) * steps / len(rows) for r in rows], "loss": [float(r["loss"]) for r in rows]}
