"""Batches to learn from by their number: synthetic slices, real ones, or both mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.lge.training.crop import draw_cut
from cardioscar.lge.training.example import Batch, Example, as_batch, example_of
from cardioscar.lge.training.labelled import LabelledStack
from cardioscar.synthesis.lge.sample import draw_sample
from cardioscar.synthesis.lge.settings import LgeConfig

TRAINING, VALIDATION = 0, 1
"""Streams of seeds that never meet: what is learned from, and what judges."""

LATER = 25
"""Batches between two times at which a slice is shown."""
_KEPT = 2048
"""Slices that are kept for that; one of 128² pixels takes 80 kB."""
AT_END, ALONE, BASE_FIRST = 0.15, 0.1, 0.2
"""Chances, where neighbours are seen too, of a slice at an end of its stack, of a stack of one slice, and of one whose
file does not tell apex from base."""


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
    image, labels, k = sample.image, sample.labels, sample.labels.shape[2] // 2
    if neighbours:
        rng = np.random.default_rng([seed, 4, stream, number])
        if rng.random() < AT_END:
            kept, k = (slice(1, 3), 0) if rng.random() < 0.5 else (slice(0, 2), 1)
            image, labels = image[..., kept], labels[..., kept]
        if rng.random() < ALONE:
            image, labels, k = image[..., k : k + 1], labels[..., k : k + 1], 0
        if rng.random() < BASE_FIRST:
            image, labels, k = image[..., ::-1], labels[..., ::-1], image.shape[2] - 1 - k
    return example_of(image, labels, k=k, neighbours=neighbours)


_kept = lru_cache(_KEPT)(synthetic_example)


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
        shown: How often each synthetic slice is shown, each time in another batch and turned or mirrored otherwise;
            divides `batch`. Drawing a slice takes a CPU as long as learning from it.
    """

    config: LgeConfig
    batch: int
    seed: int
    neighbours: bool = False
    stacks: tuple[LabelledStack, ...] = ()
    synthetic_share: float = 1.0
    augment: AugmentConfig | None = None
    shown: int = 1

    def __call__(self, number: int) -> Batch:
        """The batch of a number, the same whenever it is asked for."""
        first = number * self.batch
        return as_batch([self._example(first + one) for one in range(self.batch)])

    def _example(self, number: int) -> Example:
        rng = np.random.default_rng([self.seed, 2, number])
        if not self.stacks or rng.random() < self.synthetic_share:
            return self._synthetic(number)
        example = draw_cut(
            rng,
            self.stacks[rng.integers(len(self.stacks))],
            pixels=self.config.pixels,
            pixel_mm=self.config.pixel_mm,
            off_center_mm=self.config.off_center_mm,
            neighbours=self.neighbours,
        )
        return example if self.augment is None else _varied(example, self.augment, int(rng.integers(2**32)))

    def _synthetic(self, number: int) -> Example:
        """The slice of a place of a batch: a part of them is new, the others were shown `LATER` batches before."""
        if self.shown == 1:
            return synthetic_example(TRAINING, self.seed, number, self.config, neighbours=self.neighbours)
        batch, place = divmod(number, self.batch)
        fresh = self.batch // self.shown
        again, which = divmod(place, fresh)
        since = batch + LATER * (self.shown - 1 - again)  # counted from before the first batch: none is negative
        drawn = _kept(TRAINING, self.seed, since * fresh + which, self.config, neighbours=self.neighbours)
        draw = np.random.default_rng([self.seed, 3, number])
        return _turned(drawn, int(draw.integers(4)), mirrored=bool(draw.integers(2)))


def _turned(example: Example, turns: int, *, mirrored: bool) -> Example:
    def of(values: np.ndarray) -> np.ndarray:
        if values.shape[-1] == values.shape[-2] or turns % 2 == 0:
            values = np.rot90(values, turns, axes=(-2, -1))
        return np.ascontiguousarray(values[..., ::-1] if mirrored else values)

    return Example(of(example.image), of(example.labels))


def _varied(example: Example, config: AugmentConfig, seed: int) -> Example:
    import torch

    from cardioscar.learning.augment import Augmentation

    image, labels = torch.from_numpy(example.image), torch.from_numpy(example.labels)[None]
    varied, moved = Augmentation(config)(image, labels, seed=seed)
    assert moved is not None
    return Example(varied.numpy(), moved[0].numpy())
