"""Stage `train`: fit each subject's coordinate field under the group-mean constraint."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cardioscar.config import as_mapping, from_mapping
from cardioscar.scar3d.field.fit_config import FitConfig, check_device_here
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.scar3d.pretrained_source import resolve_pretrained
from cardioscar.stages.scar3d.shard_fit import ShardFit
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

log = logging.getLogger(__name__)

Config = FitConfig


def run(
    sorted_groups: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Fit a field to each subject.

    Args:
        sorted_groups: Artifact of `group_sort`.
        subjects: Ids.
        output: Artifact folder: `<subject>/field.safetensors`, `field.json`, `history.csv`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject.

    Raises:
        InputError: If a setting is impossible, or the network to start from is not there or of another architecture.
    """
    config, pretrained = resolve_pretrained(from_mapping(Config, options or {}, where="train"))
    check_device_here(config.device)
    shard: list[ShardFit] = []

    def work(job: Work) -> None:
        if not shard:  # choosing a device imports torch, and so does such a network: not where all is reused
            shard.append(
                ShardFit(Path(sorted_groups), subjects, Path(output), config, pretrained.load() if pretrained else None)
            )
        _fit(job, shard[0], config)

    return run_shard(RECONSTRUCT["train"], subjects, output, config, work, upstream={"sorted": sorted_groups}, **hooks)


def check_machine(config: Config) -> None:
    """Refuse a pretrained network that is not there, and a device that this machine lacks."""
    if config.start_from:
        resolve_pretrained(config)
    check_device_here(config.device)


def _fit(job: Work, shard: ShardFit, config: Config) -> None:
    import numpy as np

    from cardioscar.errors import InputError
    from cardioscar.scar3d.field.stored_field import save_field

    result = shard.fit(job)
    log.info(
        "%s on %s, %d together: %d steps in %.1f s, loss %.4g (%s)",
        config.method, result.device, result.together, result.steps, result.seconds,
        result.losses.min(initial=np.inf), result.stop_reason,
    )  # fmt: skip
    if len(result.losses) == 0:
        raise InputError("sorted.npz", "a fit with a finite loss", "a loss that is not finite from the first epoch")
    about = {
        "method": config.method,
        "stop_reason": result.stop_reason,
        "steps": result.steps,
        "best_epoch": result.best_epoch,
        "best_loss": float(result.losses[result.best_epoch]),
        "device": result.device,
        "fitted_together": result.together,
        "prior_sha256": config.start_from.removeprefix("sha256:") or None,
        "frozen_blocks": list(config.freeze),
        "config": as_mapping(config),
    }
    save_field(job.out, result.field, about)
    with (job.out / "history.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", "loss"])
        writer.writerows((epoch, f"{loss:.8g}") for epoch, loss in enumerate(result.losses, start=1))
