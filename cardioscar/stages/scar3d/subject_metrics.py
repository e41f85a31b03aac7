"""From a subject's artifacts, and its truth where there is one, to what `metrics.json` says before the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.config import from_mapping
from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import sample_nodes
from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.channels.electrophysiology import read_electrophysiology
from cardioscar.scar3d.observation.baselines import Baseline, Wall, to_beat
from cardioscar.scar3d.observation.files import load_groups, load_heldout
from cardioscar.scar3d.observation.groups import PixelGroups
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.posterior.inference_facts import read_facts
from cardioscar.scar3d.quality import scoring
from cardioscar.scar3d.quality.input_summary import input_summary
from cardioscar.scar3d.quality.interval_check import intervals_and_truth, read_intervals, with_hidden
from cardioscar.scar3d.quality.result import Findings
from cardioscar.scar3d.quality.result_scar import Intervals, IntervalTruth, ScarSummary, Segment
from cardioscar.scar3d.quality.result_scores import HeldOutScores, NodeScores
from cardioscar.scar3d.quality.slice_quality import left_out_summary, slices_summary
from cardioscar.scar3d.scar_mesh import read_scar
from cardioscar.shard.loop import Work
from cardioscar.types import GroupValues, NodeValues, Points

Evidence = tuple[np.ndarray, np.ndarray, np.ndarray | None, str]
"""Predictions, truth (0 or 1), weights or None, and what they are of."""


@dataclass(frozen=True)
class SubjectMap:
    """A finished map and what it came from.

    Attributes:
        mesh: Mesh with the map as point data.
        stack: The slices that the fit saw.
        groups: The pixels and the nodes that they see.
        facts: Content of `preprocess.json`.
        residual: Mean probability over each group's nodes less its pixel, shape (groups,).
        threshold: Probability from which a node is scar.
        doubt_range: Probabilities between which scar is in doubt.
    """

    mesh: LVMesh
    stack: SliceStack
    groups: PixelGroups
    facts: Mapping[str, Any]
    residual: GroupValues
    threshold: float
    doubt_range: tuple[float, float]

    @property
    def probability(self) -> NodeValues:
        """Scar probability, 0 to 1, shape (nodes,)."""
        return np.asarray(self.mesh.grid.point_data["scar_probability"])

    @cached_property
    def baseline(self) -> Baseline:
        """The interpolation to beat."""
        names = ("apicobasal", "rotational", "transmural")
        found = [self.named(name) for name in names]
        known = [np.asarray(values, dtype=np.float64) for values in found if values is not None]
        wall = Wall(self.mesh.nodes_mm, np.column_stack(known)) if len(known) == len(names) else None
        return to_beat(self.stack, wall)

    def named(self, name: str) -> np.ndarray | None:
        """Point data of a name; None where the mesh has none."""
        return np.asarray(self.mesh.grid.point_data[name]) if name in self.mesh.grid.point_data else None


def load_map(job: Work) -> SubjectMap:
    """Read a subject's artifacts."""
    mesh = read_scar(job.upstream["scars"] / "scar.vtu", job.upstream["groups"])
    settings = job.upstream_status["scars"].config
    _, groups = load_groups(job.upstream["groups"])
    return SubjectMap(
        mesh,
        load_stack(job.upstream["groups"] / "slices.npz"),
        groups,
        _content(job.upstream["groups"] / "preprocess.json"),
        scoring.group_residuals(
            np.asarray(mesh.grid.point_data["scar_probability"]), groups.group_index, groups.targets
        ),
        settings["threshold"],
        tuple(settings["doubt_range"]),
    )


def findings(
    job: Work, of: SubjectMap, truth: NodeValues | None, *, leave_one_out: bool
) -> tuple[Findings, Evidence | None]:
    """Score a map; what stages warned of is not among it yet.

    Args:
        job: The subject's work in `evaluate`.
        of: Its map.
        truth: True scar at the nodes, from 0.5 on scar, shape (nodes,); None where it is not known.
        leave_one_out: Whether to predict each slice from the others.

    Returns:
        The findings, and predictions beside the truth, or beside hidden pixels where there is none.
    """
    field = _content(job.upstream["fields"] / "field.json")
    settings = job.upstream_status["groups"].config
    intervals = read_intervals(job.upstream["scars"])
    searched, inferred = read_electrophysiology(job.upstream["scars"]), read_facts(job.upstream["scars"])
    hidden, on_hidden = _hidden_scores(job, of)
    content = {
        "subject": job.subject,
        "holdout": settings["holdout"],
        "target": of.facts["target"],
        "method": field["method"],
        "threshold": of.threshold,
        "doubt_range": of.doubt_range,
        "input": input_summary(of.facts, of.stack, settings),
        "scar": _volumes(of),
        "aha": _segments(of, searched.get("transmurality", {})),
        "intervals": intervals,
        "interval_truth": _held_intervals(job, of, intervals, truth),
        "baseline": of.baseline.name,
        "truth": None if truth is None else _truth_scores(of, truth),
        "heldout": hidden,
        "leave_one_out": left_out_summary(of.stack, threshold=of.threshold) if leave_one_out else None,
        "slices": slices_summary(of.stack),
        "residual": scoring.residual_summary(of.residual),
        "observed_pixels": int(of.groups.pixels.sum()),
        "fit": _fit(job, field),
        "orientation": of.facts["orientation"],
        "septum": of.facts["septum"],
        "channels": searched.get("channels"),
        "channel_draws": searched.get("channel_draws"),
        "posterior": inferred.get("posterior"),
        "coverage": inferred.get("coverage"),
    }
    on_nodes = None if truth is None else _on_nodes(of, truth)
    # what earlier stages wrote is read into its types, what was found here has them
    return from_mapping(Findings, content, where="metrics.json", foreign=True), on_nodes or on_hidden


def _volumes(of: SubjectMap) -> ScarSummary:
    uncertainty = np.asarray(of.mesh.grid.point_data["scar_uncertainty"])
    return scoring.scar_summary(
        of.mesh,
        of.probability,
        uncertainty,
        threshold=of.threshold,
        doubt_range=of.doubt_range,
        border_zone=of.named("border_zone"),
    )


def _segments(of: SubjectMap, transmurality: Mapping[str, Mapping[str, float]]) -> dict[str, Segment]:
    table = scoring.aha_table(
        of.mesh,
        of.named("aha_segment"),
        of.probability,
        threshold=of.threshold,
        border_zone=of.named("border_zone"),
        transmural=of.named("transmural"),
    )
    return {segment: replace(row, **transmurality.get(segment, {})) for segment, row in table.items()}


def _fit(job: Work, field: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "method": field["method"],
        "stop_reason": field["stop_reason"],
        "steps": field["steps"],
        "seconds": job.upstream_status["fields"].seconds,
        "final_loss": field["best_loss"],
        "device": field["device"],
        "together": field.get("fitted_together", 1),
    }


def _truth_scores(of: SubjectMap, truth: NodeValues) -> dict[str, NodeScores]:
    """Scores of the map, and of the baseline and two other interpolations, at the nodes."""
    predictions = {
        "cardioscar": of.probability,
        **_interpolations(of, of.mesh.nodes_mm),
    }
    return {
        name: scoring.truth_scores(of.mesh, truth, predicted, threshold=of.threshold)
        for name, predicted in predictions.items()
    }


def _held_intervals(
    job: Work, of: SubjectMap, intervals: Intervals | None, truth: NodeValues | None
) -> IntervalTruth | None:
    found = None
    if truth is not None:
        found = intervals_and_truth(intervals, truth, of.mesh.node_volumes_ml, of.named("aha_segment"))
    return with_hidden(found, intervals, load_heldout(job.upstream["groups"]))


def _interpolations(of: SubjectMap, points_mm: Points) -> dict[str, np.ndarray]:
    """What interpolation says at points, by the name of its scores: the best one, and the two that are known best."""
    return {
        "baseline": of.baseline.at(of.stack, points_mm),
        "log_odds": log_odds(of.stack, points_mm),
        "signed_distance": signed_distance(of.stack, points_mm),
    }


def _on_nodes(of: SubjectMap, truth: NodeValues) -> Evidence:
    return of.probability, (truth >= 0.5).astype(float), of.mesh.node_volumes_ml, "mesh nodes"


def _hidden_scores(job: Work, of: SubjectMap) -> tuple[HeldOutScores | None, Evidence | None]:
    """Scores of map and interpolations on hidden pixels, and the map's predictions there."""
    heldout = load_heldout(job.upstream["groups"])
    if heldout is None:
        return None, None
    pixels = heldout.pixel_mm.astype(np.float64)
    predictions = {
        "cardioscar": sample_nodes(of.mesh, of.probability, pixels)[0],
        **_interpolations(of, pixels),
    }
    scores = scoring.heldout_scores(heldout, predictions, threshold=of.threshold)
    hidden = (heldout.fraction >= 0.5).astype(float)
    return scores, (predictions["cardioscar"], hidden, None, "hidden pixels")


def _content(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
