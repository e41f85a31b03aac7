"""Stage `infer`: scar probability and uncertainty at every node of the mesh."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cardioscar.config import execution, from_mapping
from cardioscar.errors import ConfigError
from cardioscar.scar3d.field.fit_config import check_device, check_device_here, check_seed
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

if TYPE_CHECKING:
    import numpy as np

    from cardioscar.imaging.lvmesh import LVMesh
    from cardioscar.scar3d.observation.problem import Problem
    from cardioscar.scar3d.posterior.dropout_maps import DropoutMaps
    from cardioscar.scar3d.posterior.label_posterior import LabelPosterior
    from cardioscar.scar3d.posterior.scar_posterior import ScarPosterior

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Config:
    """How a field becomes a scar map."""

    samples: int = 0
    """MC-Dropout samples of the field; their mean enters the map, their spread is `scar_uncertainty_dropout`; 0 takes
    20, and 10 as published with `reference`."""
    uncertainty: Literal["auto", "posterior", "dropout", "reference"] = "auto"
    """`posterior`: field and interpolation corrected by a Gaussian process, uncertainty from its draws. `dropout`: mean
    and spread of projected MC-Dropout samples, whose intervals are far too narrow. `reference`: the same of samples as
    they are, as the published code has it. `auto`: as the field was fitted, `reference` or else `posterior`."""
    draws: int = 64
    """Posterior draws for uncertainty, intervals and open channels."""
    projection: Literal["soft", "hard", "none"] = "soft"
    """How maps meet the pixels: `soft`, within each pixel's own error; `hard`, to 1e-6 at the nodes; `none`, not."""
    blend: float = 0.2
    """Weight beside the field where pixels are scar fractions: of the learned prior, or of log-odds interpolation."""
    blend_labels: float = 1.0
    """The same where pixels are labels (scar or not): of the prior learned for hand-drawn slices, or of interpolation
    along the wall."""
    learned: bool = True
    """Take the priors learned from synthetic scars, where the mesh has LV coordinates."""
    reach_mm: float = 4.0
    """How far the projection's corrections reach into tissue between slices, in mm; 0 corrects observed nodes only."""
    threshold: float = 0.5
    """Probability from which a node is scar in `scar_binary`."""
    doubt_range: tuple[float, float] = (0.25, 0.75)
    """Probabilities between which scar is in doubt: possible below the threshold, uncertain above it."""
    write_nifti: bool = False
    """Write `scar_probability.nii.gz` too, in cubic voxels of the mesh's edge length."""
    write_opencarp: bool = False
    """Write the openCARP mesh `scar.pts/.elem/.lon` too, tags 1 healthy, 2 border zone by signal, 3 scar, 4 open
    channel; fibres by a rule where the mesh has none; nodes of the surfaces `scar_endo.vtx`, `scar_epi.vtx`."""
    write_draws: bool = False
    """Write the posterior draws at the nodes of the wall mesh too (`scar_draws.npz`), for plans made on the map."""
    seed: int = 0
    """Seed of every random draw of the stage; 0 or more."""
    device: str = execution("auto")
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""
    posterior: PosteriorConfig = field(default_factory=PosteriorConfig)
    """How pixels correct the map, and what is believed of tissue that no slice shows."""

    RENAMED: ClassVar[dict[str, str]] = {"method": "uncertainty"}
    """Earlier names of settings, and what they are called now."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_device(self.device)
        for name, least in (("samples", 0), ("draws", 2)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
        for name in ("blend", "blend_labels"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, "a weight from 0 to 1", f"{getattr(self, name):g}")
        if not self.reach_mm >= 0:
            raise ConfigError("reach_mm", "a distance of at least 0 mm", f"{self.reach_mm:g}")
        if not 0 < self.threshold < 1:
            raise ConfigError("threshold", "a probability between 0 and 1", f"{self.threshold:g}")
        if not 0 < self.doubt_range[0] < self.doubt_range[1] < 1:
            raise ConfigError("doubt_range", "two rising probabilities between 0 and 1", str(self.doubt_range))

    def for_field(self, fitted: str) -> Config:
        """Settings with `auto` and 0 made concrete.

        Args:
            fitted: Method of the fit, `fourier` or `reference`.
        """
        kind = self.uncertainty
        if kind == "auto":
            kind = "reference" if fitted == "reference" else "posterior"
        return replace(self, uncertainty=kind, samples=self.samples or (10 if kind == "reference" else 20))


def check_machine(config: Config) -> None:
    """Refuse a device that this machine lacks."""
    check_device_here(config.device)


def run(
    groups: str | Path,
    sorted_groups: str | Path,
    fields: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Predict scar at every node of each subject's mesh.

    Args:
        groups: Artifact of `preprocess`.
        sorted_groups: Artifact of `group_sort`.
        fields: Artifact of `train`.
        subjects: Ids.
        output: Artifact folder: `<subject>/scar.vtu` with point data `scar_probability`, `scar_uncertainty`,
            `scar_uncertainty_dropout`, `scar_binary`, `scar_certainty`, `border_zone`, `channel` and
            `channel_open_probability`; `intervals.json`, `electrophysiology.json`, `inference.json` (`posterior`: how
            the fits converged; `coverage`: how much of wall and scar no slice shows); on request
            `scar_probability.nii.gz`, `scar.pts`, `scar.elem`, `scar.lon`,
            `scar_endo.vtx`, `scar_epi.vtx`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject.
    """
    config = from_mapping(Config, options or {}, where="infer")
    check_device_here(config.device)

    def work(job: Work) -> None:
        _infer(job, config)

    upstream = {"groups": groups, "sorted": sorted_groups, "fields": fields}
    return run_shard(RECONSTRUCT["infer"], subjects, output, config, work, upstream=upstream, **hooks)


def _infer(job: Work, config: Config) -> None:
    import numpy as np

    from cardioscar.imaging.formats.mesh_arrays import put_result
    from cardioscar.imaging.formats.mesh_files import read_mesh
    from cardioscar.imaging.formats.volume_files import write_volume
    from cardioscar.imaging.sampling import nodes_to_volume
    from cardioscar.imaging.wall.own_mesh import load_own_mesh
    from cardioscar.learning.device import choose_device
    from cardioscar.scar3d.channels.electrophysiology import ElectrophysiologyMap
    from cardioscar.scar3d.field.mc_dropout import published_samples, sample_logits, sigmoid_sd
    from cardioscar.scar3d.field.stored_field import load_field
    from cardioscar.scar3d.observation.files import load_hidden_places
    from cardioscar.scar3d.posterior.inference_facts import coverage_facts, warn_of, write_facts
    from cardioscar.scar3d.posterior.intervals import DrawSummary, HiddenSlices
    from cardioscar.scar3d.posterior.stored_draws import SCAR_DRAWS, save_scar_draws, scar_bytes
    from cardioscar.scar3d.scar_mesh import write_scar, write_scar_tags

    mesh = read_mesh(job.upstream["groups"] / "mesh.vtu", own=True)
    data = mesh.grid.point_data
    problem = _problem(job, mesh)
    field, about = load_field(job.upstream["fields"])
    config = config.for_field(about.get("method", "fourier"))
    sample = published_samples if config.uncertainty == "reference" else sample_logits
    sampled = sample(field.to(choose_device(config.device)), mesh.nodes_mm, samples=config.samples, seed=config.seed)
    dropout_sd = sigmoid_sd(sampled)
    found = _maps(problem, sampled, config)
    probability = found.probability
    segment = np.asarray(data["aha_segment"]) if "aha_segment" in data else None
    hidden = HiddenSlices.of(mesh, load_hidden_places(job.upstream["groups"]))
    summary = DrawSummary(probability, mesh.node_volumes_ml, segment, threshold=config.threshold, hidden=hidden)
    electrophysiology = ElectrophysiologyMap(
        mesh, probability, threshold=config.threshold, doubt_range=config.doubt_range
    )
    kept = []
    for scar in found.draws(config.draws, config.seed):
        summary.see(scar)
        electrophysiology.see(scar)
        if config.write_draws:
            kept.append(scar_bytes(scar))
    facts = found.facts()
    warn_of(facts)
    coverage = coverage_facts(problem.reach.nearest_mm, probability, mesh.node_volumes_ml, threshold=config.threshold)

    put_result(data, "scar_probability", probability)
    put_result(data, "scar_uncertainty", dropout_sd if config.uncertainty == "reference" else summary.node_sd)
    put_result(data, "scar_uncertainty_dropout", dropout_sd)
    put_result(data, "scar_binary", (probability >= config.threshold).astype(np.uint8))
    electrophysiology.write(job.out)
    intervals = {"uncertainty": config.uncertainty, **summary.intervals()}
    (job.out / "intervals.json").write_text(json.dumps(intervals, indent=1) + "\n", encoding="utf-8")
    write_facts(job.out, facts, coverage)
    own = load_own_mesh(job.upstream["groups"])
    write_scar(
        job.out / "scar.vtu",
        mesh,
        own,
        threshold=config.threshold,
        doubt_range=config.doubt_range,
        subject=job.subject,
    )
    if config.write_draws:
        save_scar_draws(job.out / SCAR_DRAWS, kept)
    if config.write_nifti:
        affine = problem.stack.slices[0].affine
        volume = nodes_to_volume(mesh, probability, affine, voxel_mm=round(mesh.edge_mm, 2))
        write_volume(job.out / "scar_probability.nii.gz", volume)
    if config.write_opencarp:
        write_scar_tags(job.out / "scar", mesh, own, electrophysiology.element_tags())


def _problem(job: Work, mesh: LVMesh) -> Problem:
    from cardioscar.imaging.formats.slice_files import load_stack
    from cardioscar.imaging.tetrahedra import tetrahedra_of
    from cardioscar.scar3d.observation.files import load_observations, load_order
    from cardioscar.scar3d.observation.problem import Problem, stored_coordinates
    from cardioscar.scar3d.observation.refinement import may_be_coarse

    # cells take memory that a fine mesh needs otherwise
    cells = tetrahedra_of(mesh.grid) if may_be_coarse(mesh.n_nodes, mesh.volume_ml) else None

    folder = job.upstream["sorted"]
    stack = load_stack(job.upstream["groups"] / "slices.npz")
    return Problem.of(
        mesh.nodes_mm, load_order(folder), load_observations(folder), stack, stored_coordinates(mesh), cells
    )


def _maps(problem: Problem, sampled: np.ndarray, config: Config) -> DropoutMaps | LabelPosterior | ScarPosterior:
    from cardioscar.scar3d.posterior.dropout_maps import DropoutMaps
    from cardioscar.scar3d.posterior.prior_mean import Blend
    from cardioscar.scar3d.posterior.recipe import beside_what_suits, scar_posterior

    blend = Blend(config.blend, config.blend_labels, config.learned)
    if config.uncertainty == "posterior":
        return scar_posterior(
            problem,
            sampled,
            blend=blend,
            config=config.posterior,
            projection=config.projection,
            reach_mm=config.reach_mm,
            threshold=config.threshold,
        )
    if config.uncertainty == "reference":
        return DropoutMaps(problem, sampled, projection="none", threshold=config.threshold)
    # samples of the field are what these maps are made of, so it keeps most of the say
    beside = beside_what_suits(problem, replace(blend, labels=min(blend.labels, 0.4)))
    return DropoutMaps(
        problem,
        sampled,
        beside=beside,
        projection=config.projection,
        reach_mm=config.reach_mm,
        threshold=config.threshold,
    )
