"""Training of the scar prior on synthetic scars."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cardioscar import __version__
from cardioscar.config import config_sha256
from cardioscar.files.atomic import atomic_file
from cardioscar.learning.closed_axis import turn_closed_axis
from cardioscar.learning.loop import TrainResult, train
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.order import Order
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.scar3d.wall_prior.config import Pixels, ScarPriorConfig
from cardioscar.scar3d.wall_prior.examples import Examples, draw_examples
from cardioscar.scar3d.wall_prior.features import BASE_SCALE, base_channel, channels
from cardioscar.scar3d.wall_prior.stored_unet import save_prior
from cardioscar.scar3d.wall_prior.unet import ScarUNet
from cardioscar.types import OnStep

log = logging.getLogger(__name__)


def train_scar_prior(
    output: Path, config: ScarPriorConfig, on_step: OnStep | None = None, *, checkpoint: Path | None = None
) -> dict[str, Any]:
    """Draw synthetic scars, train the network on them, and write its weights.

    The network adds a residual logit to log-odds interpolation, or where pixels are labels to interpolation along the
    wall; the loss is the cross-entropy at the cell centres,
    each weighted by its volume. On one CPU the result is the same for the same configuration and number of threads.

    Args:
        output: Folder for `scar_prior.safetensors`, `scar_prior.json` and `curves.json`.
        config: Settings.
        on_step: Called after each ventricle drawn and each optimiser step.
        checkpoint: File from which a killed training of the same settings goes on, once the ventricles are drawn again;
            the caller removes it.

    Returns:
        The description that was written: configuration and its sha256, sha256 of the weights, version of torch, number
        of examples, and the loss on ventricles kept back, beside that of the interpolation.

    Raises:
        InputError: If the training does not stay finite.
    """
    started = time.perf_counter()
    tell = on_step or (lambda *_: None)
    examples = []
    for number in range(config.ventricles):
        examples.append(draw_examples(config, number))
        tell("draw", number + 1, config.ventricles)
    kept = round(config.validation * config.ventricles)
    trained = _train(examples[: config.ventricles - kept], config, tell, checkpoint)
    network = trained.network
    about: dict[str, Any] = {
        "config": dataclasses.asdict(config),
        "config_sha256": config_sha256(config),
        "torch": torch.__version__,
        "examples": (config.ventricles - kept) * config.scars,
        "seconds": round(time.perf_counter() - started, 1),
    }
    if kept:
        learned, base = _losses(network, examples[config.ventricles - kept :], config.pixels)
        name = "along_wall_loss" if config.pixels == "labels" else "log_odds_loss"
        about["validation"] = {"examples": kept * config.scars, "loss": learned, name: base}
        log.info("loss on ventricles kept back %.4f, of the interpolation that is corrected %.4f", learned, base)
    said = save_prior(output, network, about)
    with atomic_file(output / "curves.json") as partial:
        partial.write_text(trained.curves.as_json(), encoding="utf-8")
    return said


def _train(
    examples: list[Examples], config: ScarPriorConfig, tell: OnStep, checkpoint: Path | None
) -> TrainResult[ScarUNet]:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = ScarUNet(len(channels(config.pixels)), config.channels)
    losses = _Steps(network, examples, config)
    steps = config.epochs * losses.of_epoch
    loop = LoopConfig(
        steps=steps,
        schedule=ScheduleConfig(peak=config.learning_rate, rise=0.2),
        weight_decay=config.weight_decay,
        clip_norm=1.0,
        device="cpu",
        seed=config.seed,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    trained = train(
        network,
        losses,
        loop,
        checkpoint=checkpoint,
        identity=f"{config_sha256(config)} {torch.__version__} {__version__}",  # examples are drawn by this code
        on_step=lambda done, of: tell("train", done, of),
    ).checked()
    for epoch, mean in enumerate(np.reshape(trained.curves.losses, (config.epochs, -1)).mean(axis=1), start=1):
        log.info("epoch %d of %d: loss %.4f", epoch, config.epochs, mean)
    return trained


class _Steps:
    """The loss of one batch a step, each example turned and mirrored at random: no wall is preferred."""

    def __init__(self, network: ScarUNet, examples: list[Examples], config: ScarPriorConfig) -> None:
        self._network, self._base = network, base_channel(config.pixels)
        self._batches = [
            (one, slice(first, first + config.batch))
            for one in examples
            for first in range(0, config.scars, config.batch)
        ]
        self._rng = np.random.default_rng([config.seed, 1_000_000])
        self._order = Order(len(self._batches), self._rng)

    @property
    def of_epoch(self) -> int:
        """Steps in which each batch is met once."""
        return len(self._batches)

    def __call__(self, step: int, generator: torch.Generator) -> Iterator[Tensor]:
        one, some = self._batches[self._order.next()]
        turned = [
            turn_closed_axis({"inputs": inputs, "truth": truth}, {"inputs": 2, "truth": 1}, self._rng)
            for inputs, truth in zip(one.features[some], one.truth[some], strict=True)
        ]
        inputs, truth = (
            torch.from_numpy(np.stack([each[name] for each in turned]).astype(np.float32))
            for name in ("inputs", "truth")
        )
        yield _loss(self._network(inputs), inputs[:, self._base], truth, torch.from_numpy(one.weight))

    def state_dict(self) -> dict[str, Any]:
        return self._order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order.load_state_dict(state)


def _loss(
    residual: Float[Tensor, "batch a c t"],
    base: Float[Tensor, "batch a c t"],
    truth: Float[Tensor, "batch a c t"],
    weight: Float[Tensor, "a c t"],
) -> Tensor:
    logits = BASE_SCALE * base + residual
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    # cells of a turned heart keep the mean weight of their place along and through the wall
    return (loss * weight.mean(dim=1, keepdim=True)).mean()


@torch.inference_mode()
def _losses(network: ScarUNet, examples: list[Examples], pixels: Pixels) -> tuple[float, float]:
    """Mean loss of the network and of the interpolation that it corrects."""
    learned, base = [], []
    channel = base_channel(pixels)
    for one in examples:
        inputs, truth = torch.from_numpy(one.features.astype(np.float32)), torch.from_numpy(one.truth).float()
        weight = torch.from_numpy(one.weight)
        learned.append(float(_loss(network(inputs), inputs[:, channel], truth, weight)))
        base.append(float(_loss(torch.zeros_like(truth), inputs[:, channel], truth, weight)))
    return float(np.mean(learned)), float(np.mean(base))
