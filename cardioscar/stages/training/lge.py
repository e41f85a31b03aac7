"""Training of a segmenter of late enhancement: learned, then its temperature fitted, then some of its slices drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cardioscar.errors import InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lge.inference.calibration import calibrate_bundle, held_out_slices
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.train import train_segmenter
from cardioscar.lge.training.config import TrainConfig
from cardioscar.lge.training.example import Batch
from cardioscar.report.outlines import Outlined, outlines_png, spread
from cardioscar.stages.training.learned import Asked, Learned, learned_of
from cardioscar.stages.training.settings import LgeSettings, science_of


def learn(settings: LgeSettings, asked: Asked) -> Learned:
    """Train a segmenter, fit its temperature, and draw what it finds.

    Args:
        settings: Settings; published weights and a network to start from are files of this machine.
        asked: Places, and who is told.

    Raises:
        ConfigError: If a library is not installed, or a setting does not fit.
        InputError: If files cannot be read, or the training does not stay finite.
    """
    config = science_of(settings, TrainConfig)
    trained = train_segmenter(
        asked.bundle,
        config,
        labelled=asked.labelled,
        published=Path(settings.published) if settings.published else None,
        start=Path(settings.start_from) if settings.start_from else None,
        checkpoint=asked.checkpoint,
        keep_checkpoint=True,
        on_step=asked.on_step,
    )
    bundle, warnings = trained.bundle, tuple[str, ...]()
    if trained.split and config.synthetic_share == 1:
        warnings += ("the labelled stacks taught nothing, they decided which weights are kept (synthetic_share 1)",)
    asked.tell("calibrate", 0, 1)
    try:
        slices = held_out_slices(config, config.synthetic, settings.calibration_slices)
        bundle, _ = calibrate_bundle(asked.bundle, slices, replace(InferConfig(), device=config.loop.device))
    except InputError as error:
        warnings += (f"how sure it may be is not known: {error}",)
    asked.tell("calibrate", 1, 1)
    pictures = {"Validation: drawn (line) and found (dashes)": _drawn(trained.result.network, trained.judged)}
    return learned_of(trained.result, bundle, trained.split, warnings, pictures)


def _drawn(network: nn.Module, judged: Sequence[Batch]) -> bytes:
    images, labels = np.concatenate([one.images for one in judged]), np.concatenate([one.labels for one in judged])
    chosen = spread(np.isin(labels, tuple(WALL)).sum(axis=(1, 2)))
    device = next(network.parameters()).device
    with torch.inference_mode():
        scores = network(torch.from_numpy(images[chosen]).to(device))
    found = scores.argmax(dim=1).cpu().numpy()
    middle = images.shape[1] // 2  # the slice itself among its neighbours
    return outlines_png(
        [Outlined(images[k, middle], _regions(labels[k]), _regions(one)) for k, one in zip(chosen, found, strict=True)]
    )


def _regions(labels: np.ndarray) -> dict[str, np.ndarray]:
    scar = labels == Label.SCAR
    return {"wall": labels != Label.BACKGROUND, "cavity": labels == Label.BLOOD_POOL, "scar": scar}
