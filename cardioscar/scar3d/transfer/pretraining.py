"""Pretraining of a coordinate network on a cohort, so that a heart's fit starts from what hearts have in common.

One network is trained on all hearts at once, in their common frame: it learns their mean scar map, and features of the
ventricle from which a heart's own scar is a few steps away [@sen2025, transfer learning].
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cardioscar.config import config_sha256
from cardioscar.errors import InputError
from cardioscar.learning.curves import Curves
from cardioscar.learning.device import choose_device, threads_for
from cardioscar.learning.loop import train
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.order import Order
from cardioscar.learning.schedules import Rates, one_cycle
from cardioscar.scar3d.field.plan import plan_fit
from cardioscar.scar3d.field.pretrained import PretrainedField
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
        network: The network.
        curves: Training loss, mean over the hearts of the step, and learning rate of each step.
    """

    network: PretrainedField
    curves: Curves

    @property
    def losses(self) -> np.ndarray:
        """Training loss of each step, mean over the hearts of the step."""
        return np.array(self.curves.losses)


@dataclass(frozen=True)
class _Heart:
    """What of a heart enters the training, about 0.2 MB."""

    placed: Tensor
    offsets: Tensor
    targets: Tensor
    weights: Tensor


def pretrain(
    hearts: Iterable[Observations],
    config: TransferConfig,
    on_step: Callable[[int, int], None] | None = None,
    *,
    checkpoint: Path | None = None,
) -> Pretrained:
    """Train one network on all hearts.

    Args:
        hearts: Observations of each heart, with the slices of their groups. Each is asked for once, and only what
            enters the training is kept of it: at most 8 nodes of a group, few of the groups far from scar.
        config: Settings.
        on_step: Called with the steps done and their number.
        checkpoint: File from which a killed training of the same hearts and settings goes on; the caller removes it.

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
    with threads_for(max(len(heart.placed) for heart in kept)):
        trained = train(
            network,
            _Steps(network, kept, loss, per_step, config.seed),
            LoopConfig(
                steps=config.steps,
                weight_decay=config.weight_decay,
                seed=config.seed,
                device=str(device),
                fused=True,
                checkpoint_seconds=config.checkpoint_seconds,
            ),
            schedule=lambda step: Rates(one_cycle(step, config.steps, config.peak_rate)),
            units=network.hidden,
            checkpoint=checkpoint,
            identity=_identity(kept, config, device),
            on_step=on_step,
        )
    return Pretrained(PretrainedField.of(network), trained.checked().curves)


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


def _identity(hearts: list[_Heart], config: TransferConfig, device: torch.device) -> str:
    """Hash of all that a training depends on: another one's checkpoint must not be resumed."""
    digest = hashlib.sha256(f"{config_sha256(config)} {torch.__version__} {device.type}".encode())
    for heart in hearts:
        for part in (heart.placed, heart.offsets, heart.targets, heart.weights):
            digest.update(part.cpu().numpy().tobytes())
    return digest.hexdigest()


class _Steps:
    """Losses of some hearts a step, one after the other in memory: all hearts in a drawn order, then in another."""

    def __init__(self, network: ScarField, hearts: list[_Heart], loss: Loss, per_step: int, seed: int) -> None:
        self._network, self._hearts, self._loss, self._per_step = network, hearts, loss, per_step
        self._order = Order(len(hearts), np.random.default_rng(seed))

    def __call__(self, step: int, generator: torch.Generator) -> Iterator[Tensor]:
        for _ in range(self._per_step):
            heart = self._hearts[self._order.next()]
            features = self._network.encode(heart.placed)
            masks = self._network.dropout_masks(len(features), generator)
            means = group_means(torch.sigmoid(self._network(features, masks)), heart.offsets)
            yield group_losses(means, heart.targets, heart.weights, self._loss).sum() / self._per_step

    def state_dict(self) -> dict[str, Any]:
        return self._order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order.load_state_dict(state)
