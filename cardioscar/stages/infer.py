"""Stage `infer`: scar probability and uncertainty at every node of the mesh."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError
from cardioscar.stages.status import Status
from cardioscar.stages.subjects import Work, run_shard

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Config:
    """How a field becomes a scar map."""

    samples: int = 20
    """MC-Dropout samples."""
    projection: Literal["soft", "hard", "none"] = "soft"
    """How the samples meet the pixels: within the pixels' variance, exactly, or not at all."""
    blend: float = 0.25
    """Weight of log-odds interpolation between slices in the logit average with the field, 0 to below 1."""
    reach_mm: float = 4.0
    """How far the projection's corrections reach into tissue between slices, in mm; 0 corrects observed nodes only."""
    threshold: float = 0.5
    """Probability from which a node is scar in `scar_binary`."""
    border_zone: tuple[float, float] = (0.25, 0.75)
    """Border zone: probabilities from the first to below the second; dense core from the second."""
    write_nifti: bool = False
    """Write `scar_probability.nii.gz` too, in cubic voxels of the mesh's edge length."""
    write_opencarp: bool = False
    """Write the openCARP mesh `scar.pts/.elem` too, with element tags 1 healthy, 2 border zone, 3 dense core."""
    seed: int = 0
    """Seed of the dropout draws."""
    device: str = "auto"
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ConfigError("samples", "at least 1", str(self.samples))
        if not 0 <= self.blend < 1:
            raise ConfigError("blend", "a weight from 0 to below 1", f"{self.blend:g}")
        if not self.reach_mm >= 0:
            raise ConfigError("reach_mm", "a distance of at least 0 mm", f"{self.reach_mm:g}")
        if not 0 < self.threshold < 1:
            raise ConfigError("threshold", "a probability between 0 and 1", f"{self.threshold:g}")
        if not 0 < self.border_zone[0] < self.border_zone[1] < 1:
            raise ConfigError("border_zone", "two rising probabilities between 0 and 1", str(self.border_zone))


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
        output: Artifact folder: `<subject>/scar.vtu` with point data `scar_probability`, `scar_uncertainty` and
            `scar_binary`; on request `scar_probability.nii.gz`, `scar.pts`, `scar.elem`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject.
    """
    config = from_mapping(Config, options or {}, where="infer")

    def work(job: Work) -> None:
        _infer(job, config)

    upstream = {"groups": groups, "sorted": sorted_groups, "fields": fields}
    return run_shard("infer", subjects, output, config, work, upstream=upstream, **hooks)


def _infer(job: Work, config: Config) -> None:
    import numpy as np

    from cardioscar.imaging.mesh_files import read_mesh, write_mesh
    from cardioscar.imaging.opencarp import write_opencarp
    from cardioscar.imaging.sampling import nodes_to_volume
    from cardioscar.imaging.slice_files import load_stack
    from cardioscar.imaging.volume_files import write_volume
    from cardioscar.scar3d.fit import choose_device
    from cardioscar.scar3d.interpolation import log_odds
    from cardioscar.scar3d.sorting import SortedGroups
    from cardioscar.scar3d.stored_field import load_field
    from cardioscar.scar3d.uncertainty import predict

    mesh = read_mesh(job.upstream["groups"] / "mesh.vtu")
    stack = load_stack(job.upstream["groups"] / "slices.npz")
    field, _ = load_field(job.upstream["fields"])
    with np.load(job.upstream["sorted"] / "sorted.npz", allow_pickle=False) as stored:
        order, targets = SortedGroups(stored["node_order"], stored["group_offsets"]), stored["targets"]
    prediction = predict(
        field.to(choose_device(config.device)),
        mesh.nodes_mm,
        order,
        targets,
        samples=config.samples,
        projection=config.projection,
        interpolated=log_odds(stack, mesh.nodes_mm) if config.blend > 0 else None,
        blend=config.blend,
        reach_mm=config.reach_mm,
        seed=config.seed,
    )
    grid = mesh.grid
    grid.point_data["scar_probability"] = prediction.probability
    grid.point_data["scar_uncertainty"] = prediction.uncertainty
    grid.point_data["scar_binary"] = (prediction.probability >= config.threshold).astype(np.uint8)
    write_mesh(job.out / "scar.vtu", mesh)
    if config.write_nifti:
        affine = stack.slices[0].affine
        volume = nodes_to_volume(mesh, prediction.probability, affine, voxel_mm=round(mesh.edge_mm, 2))
        write_volume(job.out / "scar_probability.nii.gz", volume)
    if config.write_opencarp:
        of_cells = grid.point_data_to_cell_data().cell_data["scar_probability"]
        tags = 1 + np.digitize(np.asarray(of_cells), config.border_zone)
        write_opencarp(job.out / "scar", mesh, tags)
