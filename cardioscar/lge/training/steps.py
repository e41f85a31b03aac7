"""What a step of a training minimises, and where its slices may come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from cardioscar.lge.network.scar_net import ScarNet
from cardioscar.lge.training.example import Batch
from cardioscar.lge.training.loss import SegmentationLoss


class OtherBatches(Protocol):
    """Batches made elsewhere, such as slices that were drawn once for several trainings."""

    @property
    def sha256(self) -> str:
        """Hash of what they hold: a killed training goes on with the same ones alone."""

    def __call__(self, number: int) -> Batch:
        """The batch of a number, the same whenever it is asked for."""


class StepLosses:
    """The loss of each step: batches by their number, so that it has no memory.

    Args:
        network: Moved to the device by who trains it.
        coming: The batch of a number.
        loss: Of scores and labels.
        device: Where it computes.
        accumulate: Batches whose gradients are added up for one step.
        side: Weight of the loss of ScarNet's two pathways, each by itself.
    """

    def __init__(
        self,
        network: nn.Module,
        coming: Callable[[int], Batch],
        loss: SegmentationLoss,
        device: torch.device,
        *,
        accumulate: int = 1,
        side: float = 0.0,
    ) -> None:
        self._network, self._coming, self._loss, self._device = network, coming, loss, device
        self._accumulate, self._side = accumulate, side

    def __call__(self, step: int, _: torch.Generator) -> Iterator[Tensor]:
        """Losses of the step's batches, one after the other; see `learning.loop.Losses`."""
        for part in range(self._accumulate):
            batch = self._coming(step * self._accumulate + part)
            images = torch.from_numpy(batch.images).to(self._device, memory_format=torch.channels_last)
            labels = torch.from_numpy(batch.labels).to(self._device).long()
            yield self._of(images, labels) / self._accumulate

    def _of(self, images: Tensor, labels: Tensor) -> Tensor:
        if not isinstance(self._network, ScarNet) or not self._side:
            return self._loss(self._network(images), labels)
        scores, features = self._network.with_features(images)
        side = sum(self._loss(features[f"scores.{name}"], labels) for name in ("encoder", "unet"))
        return self._loss(scores, labels) + self._side * side
