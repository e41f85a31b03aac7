"""Batches to learn from by their number: synthetic slices, real ones, or both mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.lge.training.crop import draw_cut
from cardioscar.lge.training.example import Batch, Example, as_batch, example_of
from cardioscar.lge.training.labelled import LabelledStack
from cardioscar.synthesis.lge.sample import draw_sample
from cardioscar.synthesis.lge.settings import LgeConfig

TRAINING, VALIDATION = 0, 1
"""Streams of seeds that never meet: what is learned from, and what judges."""


def synthetic_example(stream: int, seed: int, number: int, config: LgeConfig, *, neighbours: bool) -> Example:
    """A synthetic slice.

    Args:
        stream: `TRAINING` or `VALIDATION`.
        seed: Seed of the training.
        number: Number of the example.
        config: What is drawn.
        neighbours: Whether the slices before and after it are channels too.
    """
    drawn_from = np.random.SeedSequence([seed, stream, number]).generate_state(2)
    seed_of_sample = int(drawn_from[0]) << 32 | int(drawn_from[1])
    sample = draw_sample(seed_of_sample, replace(config, slices=3 if neighbours else 1, stack=False))
    return example_of(sample.image, sample.labels, k=sample.labels.shape[2] // 2, neighbours=neighbours)


@dataclass(frozen=True)
class Batches:
    """Makes the batch of a number; an instance can be sent to another process.

    Attributes:
        config: Synthetic slices: what is drawn, and on which grid.
        batch: Examples of a batch.
        seed: Seed of the training.
        neighbours: Whether the slices before and after each are channels too.
        stacks: Real subjects to learn from; none for synthetic slices alone.
        synthetic_share: Chance that an example is synthetic where there are real ones.
        augment: How real slices are varied; None leaves them as they are.
    """

    config: LgeConfig
    batch: int
    seed: int
    neighbours: bool = False
    stacks: tuple[LabelledStack, ...] = ()
    synthetic_share: float = 1.0
    augment: AugmentConfig | None = None

    def __call__(self, number: int) -> Batch:
        """The batch of a number, the same whenever it is asked for."""
        first = number * self.batch
        return as_batch([self._example(first + one) for one in range(self.batch)])

    def _example(self, number: int) -> Example:
        rng = np.random.default_rng([self.seed, 2, number])
        if not self.stacks or rng.random() < self.synthetic_share:
            return synthetic_example(TRAINING, self.seed, number, self.config, neighbours=self.neighbours)
        example = draw_cut(
            rng,
            self.stacks[rng.integers(len(self.stacks))],
            pixels=self.config.pixels,
            pixel_mm=self.config.pixel_mm,
            off_center_mm=self.config.off_center_mm,
            neighbours=self.neighbours,
        )
        return example if self.augment is None else _varied(example, self.augment, int(rng.integers(2**32)))


def _varied(example: Example, config: AugmentConfig, seed: int) -> Example:
    import torch

    from cardioscar.learning.augment import Augmentation

    image, labels = torch.from_numpy(example.image), torch.from_numpy(example.labels)[None]
    varied, moved = Augmentation(config)(image, labels, seed=seed)
    assert moved is not None
    return Example(varied.numpy(), moved[0].numpy())
