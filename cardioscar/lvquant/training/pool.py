"""Synthetic slices that are drawn and segmented once, and learned from again and again in other views.

Drawing a slice and segmenting it take many times what its indices cost to learn. While the segmentation stays, what it
says of a slice stays too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float16
from torch import Tensor

from cardioscar.lvquant.network.cine_net import CineNet, CineOutput
from cardioscar.lvquant.network.views import UPRIGHT, VIEWS, View
from cardioscar.lvquant.training.batches import TRAINING, numbered_example
from cardioscar.lvquant.training.example import Example, batch
from cardioscar.lvquant.training.framing import viewed
from cardioscar.lvquant.training.loss import CineTargets
from cardioscar.synthesis.cine.settings import CineConfig


@dataclass(frozen=True)
class SegmentedSlice:
    """A slice and what a network's segmentation says of it.

    Attributes:
        example: Image and truth; grey values rounded to half precision, labels to int8.
        shares: Share of each class, shape (classes, frames, i, j).
    """

    example: Example
    shares: Float16[np.ndarray, "classes frames i j"]

    def seen(self, view: View) -> tuple[Example, np.ndarray]:
        """The slice turned by quarters, or mirrored, with its indices as they then are; single precision."""
        one = viewed(self.example, view)
        one = replace(one, image=one.image.astype(np.float32), labels=one.labels.astype(np.int64))
        return one, view.seen(self.shares).astype(np.float32)


def segmented_slice(example: Example, network: CineNet, device: torch.device) -> SegmentedSlice:
    """What a network's segmentation says of a slice.

    Args:
        example: The slice.
        network: In evaluation mode, on the device.
        device: Where it computes.
    """
    with torch.no_grad():
        scores = network.segment(torch.from_numpy(example.image)[None].to(device))[0]
        shares = scores[0].float().softmax(dim=0).cpu().numpy()
    kept = replace(example, image=example.image.astype(np.float16), labels=example.labels.astype(np.int8))
    return SegmentedSlice(kept, shares.astype(np.float16))


@dataclass(frozen=True)
class DrawnSlices:
    """Draws the slice of a number; an instance can be sent to another process."""

    config: CineConfig
    """What is drawn."""
    seed: int
    """Seed of the training."""

    def __call__(self, number: int) -> Example:
        """The slice."""
        return numbered_example(TRAINING, self.seed, number, self.config)


class PoolLosses:
    """The loss of each step on slices of a pool, in an order of its own each time it is gone through.

    It has no memory: a step's slices follow from its number.

    Args:
        network: Learns indices and phase.
        loss: What a batch costs.
        pool: Slices, all of one size.
        batch: Slices of a part.
        accumulate: Parts of a step.
        seed: Seed of order and views.
        views: Whether slices are turned and mirrored.
        device: Where the network is.
    """

    def __init__(
        self,
        network: CineNet,
        loss: Callable[[CineOutput, CineTargets], Tensor],
        pool: Sequence[SegmentedSlice],
        *,
        batch: int,
        accumulate: int = 1,
        seed: int,
        views: bool = True,
        device: torch.device,
    ) -> None:
        self._network, self._loss, self._pool, self._device = network, loss, pool, device
        self._batch, self._accumulate, self._seed = batch, accumulate, seed
        rows, columns = pool[0].example.image.shape[1:]
        self._views = (VIEWS if rows == columns else UPRIGHT) if views else VIEWS[:1]

    def __call__(self, step: int, _: torch.Generator) -> Iterator[Tensor]:
        """The loss of each part of a step."""
        for part in range(self._accumulate):
            first = (step * self._accumulate + part) * self._batch
            output, targets = self.answered([self._slice(first + one) for one in range(self._batch)])
            yield self._loss(output, targets) / self._accumulate

    def answered(self, slices: Sequence[tuple[Example, np.ndarray]]) -> tuple[CineOutput, CineTargets]:
        """What the network says of slices, and what it should say."""
        images, pixels, targets = batch([example for example, _ in slices])
        shares = torch.from_numpy(np.stack([one for _, one in slices])).to(self._device)
        scores = shares.clamp_min(1e-6).log()
        output = self._network.regress(images.to(self._device), (scores,), pixels.to(self._device))
        return output, CineTargets(**{name: one.to(self._device) for name, one in vars(targets).items()})

    def _slice(self, number: int) -> tuple[Example, np.ndarray]:
        time, place = divmod(number, len(self._pool))
        order = np.random.default_rng([self._seed, 5, time]).permutation(len(self._pool))
        view = np.random.default_rng([self._seed, 3, number]).integers(len(self._views))
        return self._pool[order[place]].seen(self._views[view])


def segmented_pool(
    draw: Callable[[int], Example], count: int, network: CineNet, device: torch.device
) -> list[SegmentedSlice]:
    """Draw slices by their numbers and segment them; the network is left as it was, learning or not."""
    learning = network.training
    network.eval()
    pool = [segmented_slice(draw(number), network, device) for number in range(count)]
    network.train(learning)
    return pool
