"""Pretraining of a coordinate network on a cohort, so that a heart's fit starts from what hearts have in common.

One network is trained on all hearts at once, in their common frame: it learns their mean scar map, and features of the
ventricle from which a heart's own scar is a few steps away [@sen2025, transfer learning].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cardioscar.errors import InputError
from cardioscar.learning.device import choose_device, threads_for
from cardioscar.learning.schedules import one_cycle
from cardioscar.scar3d.field.plan import plan_fit
from cardioscar.scar3d.field.pretrained import FieldPrior
from cardioscar.scar3d.field.scar_field import FieldSpec, ScarField
from cardioscar.scar3d.observation.constraint_loss import Loss, group_losses
from cardioscar.scar3d.observation.group_means import group_means
from cardioscar.scar3d.observation.observations import Observations, frame_of
from cardioscar.scar3d.transfer.config import TransferConfig

HALF_EXTENT_MM = 50.0
"""What of the reference heart the published network's cube spans on either side of its centre: here axes are those of
the hearts' common frame, and one cube serves all of them."""


@dataclass(frozen=True)
class Pretrained:
    """A network and how it came about.

    Attributes:
        prior: The network.
        losses: Training loss of each step, mean over the hearts of the step.
    """

    prior: FieldPrior
    losses: np.ndarray


@dataclass(frozen=True)
class _Heart:
    """What of a heart enters the training, about 0.2 MB."""

    placed: Tensor
    offsets: Tensor
    targets: Tensor
    weights: Tensor


def pretrain(
    hearts: Iterable[Observations], config: TransferConfig, on_step: Callable[[int, int], None] | None = None
) -> Pretrained:
    """Train one network on all hearts.

    Args:
        hearts: Observations of each heart, with the slices of their groups. Each is asked for once, and only what
            enters the training is kept of it: at most 8 nodes of a group, few of the groups far from scar.
        config: Settings.
        on_step: Called with the steps done and their number.

    Returns:
        The network, the same for the same hearts in the same order, settings and number of threads.

    Raises:
        InputError: If there is no heart, or the training does not stay finite.
        GeometryError: If the slices of a heart do not tell its axes.
    """
    device = choose_device(config.device)
    kept: list[_Heart] = []
    for heart in hearts:
        kept.append(_kept(heart, config, device))
        if len(kept) == 1:
            spec, loss = _network(heart, config)
    if not kept:
        raise InputError("hearts", "at least one to learn from", "none")
    network = ScarField(spec, torch.Generator().manual_seed(config.seed)).to(device)
    per_step = min(config.hearts_per_step, len(kept))
    nodes = max(len(heart.placed) for heart in kept)
    with threads_for(nodes):
        losses = _train(network, kept, loss, config, per_step, on_step)
    return Pretrained(FieldPrior.of(network), losses)


def _network(heart: Observations, config: TransferConfig) -> tuple[FieldSpec, Loss]:
    plan = plan_fit(heart, config.fit_config())
    low, side = -HALF_EXTENT_MM, 2 * HALF_EXTENT_MM
    spec = dataclasses.replace(
        plan.spec, center_mm=(0.0, 0.0, 0.0), low_mm=(low, low, low), extent_mm=(side, side, side)
    )
    return spec, plan.loss


def _kept(heart: Observations, config: TransferConfig, device: torch.device) -> _Heart:
    # the groups that a Fourier fit takes, for the published network too: they bound the memory
    [batch] = plan_fit(heart, dataclasses.replace(config.fit_config(), method="fourier", step_nodes=0)).batches
    return _Heart(
        torch.as_tensor(frame_of(heart).place(heart.nodes_mm[batch.nodes]), dtype=torch.float32, device=device),
        torch.as_tensor(batch.offsets, dtype=torch.int64, device=device),
        torch.as_tensor(batch.targets, dtype=torch.float32, device=device),
        torch.as_tensor(batch.weights, dtype=torch.float32, device=device),
    )


def _train(
    network: ScarField,
    hearts: list[_Heart],
    loss: Loss,
    config: TransferConfig,
    per_step: int,
    on_step: Callable[[int, int], None] | None,
) -> np.ndarray:
    """AdamW with one cycle; a step averages the losses of some hearts, one after the other in memory."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=config.weight_decay, fused=True)
    generator = torch.Generator(network.center_mm.device).manual_seed(config.seed)
    turns = _turns(len(hearts), np.random.default_rng(config.seed))
    losses = np.empty(config.steps)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(step, config.steps, config.peak_rate)
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(per_step):
            heart = hearts[next(turns)]
            features = network.encode(heart.placed)
            probability = torch.sigmoid(network(features, network.dropout_masks(len(features), generator)))
            means = group_means(probability, heart.offsets)
            of_heart = group_losses(means, heart.targets, heart.weights, loss).sum() / per_step
            of_heart.backward()
            total += of_heart.item()
        if not np.isfinite(total):
            raise InputError("learning_rate", "a training that stays finite", f"one that does not, in step {step + 1}")
        optimizer.step()
        losses[step] = total
        if on_step:
            on_step(step + 1, config.steps)
    if not any(weights.grad is not None and weights.grad.any() for weights in network.hidden.parameters()):
        raise InputError("learning_rate", "a network that learns", "one whose units are all silent (a rate too high)")
    return losses


def _turns(hearts: int, rng: np.random.Generator) -> Iterator[int]:
    """All hearts in a drawn order, then all in another."""
    while True:
        yield from rng.permutation(hearts).tolist()
