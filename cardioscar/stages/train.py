"""Stage `train`: fit each subject's coordinate field under the group-mean constraint."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cardioscar import __version__
from cardioscar.config import as_mapping, from_mapping
from cardioscar.scar3d.fit_config import FitConfig
from cardioscar.stages.status import Status
from cardioscar.stages.subjects import Work, run_shard

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
    """
    config = from_mapping(Config, options or {}, where="train")

    def work(job: Work) -> None:
        _fit(job, config)

    return run_shard("train", subjects, output, config, work, upstream={"sorted": sorted_groups}, **hooks)


def _fit(job: Work, config: Config) -> None:
    import numpy as np

    from cardioscar.config import config_sha256
    from cardioscar.errors import InputError
    from cardioscar.scar3d.fit import choose_device, fit_field
    from cardioscar.scar3d.plan import Observations
    from cardioscar.scar3d.stored_field import save_field

    with np.load(job.upstream["sorted"] / "sorted.npz", allow_pickle=False) as stored:
        names = ("nodes_mm", "group_offsets", "targets", "pixels", "batch_groups")
        observations = Observations(**{name: stored[name] for name in names})
    # a checkpoint of other data, settings, software or kind of device must not be resumed
    identity = config_sha256(
        {
            "config": as_mapping(config),
            "inputs": job.upstream_status["sorted"].outputs,
            "version": __version__,
            "device": choose_device(config.device).type,
        }
    )
    result = fit_field(observations, config, checkpoint=job.checkpoint, identity=identity)
    log.info(
        "%s on %s: %d steps in %.1f s, loss %.4g (%s)",
        config.method, result.device, result.steps, result.seconds, result.losses.min(initial=np.inf),
        result.stop_reason,
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
        "config": as_mapping(config),
    }
    save_field(job.out, result.field, about)
    with (job.out / "history.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", "loss"])
        writer.writerows((epoch, f"{loss:.8g}") for epoch, loss in enumerate(result.losses, start=1))
