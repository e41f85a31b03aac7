"""Stage `group_sort`: nodes in group order, and batches of whole groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.scar3d.workflow import RECONSTRUCT


@dataclass(frozen=True)
class Config:
    """How groups are batched."""

    batch_nodes: int = 10_000
    """Nodes aimed at in a batch; no group is ever split."""

    def __post_init__(self) -> None:
        if self.batch_nodes < 1:
            raise ConfigError("batch_nodes", "at least 1", str(self.batch_nodes))


def run(
    groups: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Sort the nodes of each subject by group.

    Args:
        groups: Artifact of `preprocess`.
        subjects: Ids.
        output: Artifact folder: `<subject>/sorted.npz`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject.
    """
    config = from_mapping(Config, options or {}, where="group_sort")

    def work(job: Work) -> None:
        _sort(job.upstream["groups"], config, job.out)

    return run_shard(RECONSTRUCT["group_sort"], subjects, output, config, work, upstream={"groups": groups}, **hooks)


def _sort(source: Path, config: Config, destination: Path) -> None:
    from cardioscar.scar3d.observation.files import load_groups, save_observations
    from cardioscar.scar3d.observation.observations import Observations
    from cardioscar.scar3d.observation.sorting import complete_batches, sort_by_group

    nodes_mm, groups = load_groups(source)
    order = sort_by_group(groups.group_index, groups.n_groups)
    observations = Observations(
        nodes_mm[order.node_order],
        order.group_offsets,
        groups.targets,
        groups.pixels,
        complete_batches(order.group_offsets, config.batch_nodes),
        groups.slice_number,
    )
    save_observations(destination, order, observations)
