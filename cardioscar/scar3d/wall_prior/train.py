"""Training of the scar prior on synthetic scars."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cardioscar.config import config_sha256
from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.examples import Examples, draw_examples
from cardioscar.scar3d.wall_prior.features import BASE_SCALE, CHANNELS
from cardioscar.scar3d.wall_prior.stored_unet import save_prior
from cardioscar.scar3d.wall_prior.unet import ScarUNet

log = logging.getLogger(__name__)

OnStep = Callable[[str, int, int], None]
"""Told what is being done ("draw" or "train"), how many steps of it are done, and how many there are."""


def train_scar_prior(output: Path, config: ScarPriorConfig, on_step: OnStep | None = None) -> dict[str, Any]:
    """Draw synthetic scars, train the network on them, and write its weights.

    The network adds a residual logit to log-odds interpolation; the loss is the cross-entropy at the cell centres,
    each weighted by its volume. On one CPU the result is the same for the same configuration and number of threads.

    Args:
        output: Folder for `scar_prior.safetensors` and `scar_prior.json`.
        config: Settings.
        on_step: Called after each ventricle drawn and each optimiser step.

    Returns:
        The description that was written: configuration and its sha256, sha256 of the weights, version of torch, number
        of examples, and the loss on ventricles kept back, beside that of log-odds interpolation.
    """
    started = time.perf_counter()
    tell = on_step or (lambda *_: None)
    examples = []
    for number in range(config.ventricles):
        examples.append(draw_examples(config, number))
        tell("draw", number + 1, config.ventricles)
    kept = round(config.validation * config.ventricles)
    network = _train(examples[: config.ventricles - kept], config, tell)
    about: dict[str, Any] = {
        "config": dataclasses.asdict(config),
        "config_sha256": config_sha256(config),
        "torch": torch.__version__,
        "examples": (config.ventricles - kept) * config.scars,
        "seconds": round(time.perf_counter() - started, 1),
    }
    if kept:
        learned, base = _losses(network, examples[config.ventricles - kept :])
        about["validation"] = {"examples": kept * config.scars, "loss": learned, "log_odds_loss": base}
        log.info("loss on ventricles kept back %.4f, log-odds interpolation %.4f", learned, base)
    return save_prior(output, network, about)


def _train(examples: list[Examples], config: ScarPriorConfig, tell: OnStep) -> ScarUNet:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = ScarUNet(len(CHANNELS), config.channels)
    rng = np.random.default_rng([config.seed, 1_000_000])
    batches = [
        (one, slice(first, first + config.batch)) for one in examples for first in range(0, config.scars, config.batch)
    ]
    steps = config.epochs * len(batches)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=config.learning_rate, total_steps=max(steps, 2), pct_start=0.2
    )
    network.train()
    done = 0
    for epoch in range(config.epochs):
        total = 0.0
        for index in rng.permutation(len(batches)):
            one, some = batches[index]
            inputs, truth = _turned(one.features[some], one.truth[some], rng)
            optimiser.zero_grad(set_to_none=True)
            loss = _loss(network(inputs), inputs, truth, torch.from_numpy(one.weight))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            if done + 1 < steps:
                schedule.step()
            total += float(loss.detach())
            done += 1
            tell("train", done, steps)
        log.info("epoch %d of %d: loss %.4f", epoch + 1, config.epochs, total / len(batches))
    return network.eval()


def _turned(inputs: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Each example turned about the long axis by any angle and mirrored at random: no wall is preferred."""
    turned_inputs, turned_truth = [], []
    for one, answer in zip(inputs, truth, strict=True):
        turn, step = int(rng.integers(one.shape[2])), int(rng.choice([-1, 1]))
        turned_inputs.append(np.roll(one, turn, axis=2)[:, :, ::step])
        turned_truth.append(np.roll(answer, turn, axis=1)[:, ::step])
    together, answers = np.stack(turned_inputs).astype(np.float32), np.stack(turned_truth).astype(np.float32)
    return torch.from_numpy(together), torch.from_numpy(answers)


def _loss(
    residual: Float[Tensor, "batch a c t"],
    inputs: Float[Tensor, "batch channels a c t"],
    truth: Float[Tensor, "batch a c t"],
    weight: Float[Tensor, "a c t"],
) -> Tensor:
    logits = BASE_SCALE * inputs[:, 0] + residual
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    # cells of a turned heart keep the mean weight of their place along and through the wall
    return (loss * weight.mean(dim=1, keepdim=True)).mean()


@torch.inference_mode()
def _losses(network: ScarUNet, examples: list[Examples]) -> tuple[float, float]:
    """Mean loss of the network and of log-odds interpolation."""
    learned, base = [], []
    for one in examples:
        inputs, truth = torch.from_numpy(one.features.astype(np.float32)), torch.from_numpy(one.truth).float()
        weight = torch.from_numpy(one.weight)
        learned.append(float(_loss(network(inputs), inputs, truth, weight)))
        base.append(float(_loss(torch.zeros_like(truth), inputs, truth, weight)))
    return float(np.mean(learned)), float(np.mean(base))
