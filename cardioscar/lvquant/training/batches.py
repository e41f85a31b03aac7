"""Batches to learn from by their number: synthetic slices, labelled ones, or both mixed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.lvquant.network.views import UPRIGHT, VIEWS
from cardioscar.lvquant.training.example import Example, synthetic_example
from cardioscar.lvquant.training.framing import framed, viewed
from cardioscar.lvquant.training.labelled import LabelledSlice
from cardioscar.synthesis.cine.settings import CineConfig

TRAINING, VALIDATION = 0, 1
"""Streams of seeds that never meet: what is learned from, and what judges."""


def numbered_example(stream: int, seed: int, number: int, config: CineConfig) -> Example:
    """A synthetic slice by its number.

    Args:
        stream: `TRAINING` or `VALIDATION`.
        seed: Seed of the training.
        number: Number of the slice.
        config: What is drawn.
    """
    return synthetic_example(numbered_seed(stream, seed, number), config)


def numbered_seed(stream: int, seed: int, number: int) -> int:
    """Seed of a synthetic slice by its number, see `numbered_example`."""
    state = np.random.SeedSequence([seed, stream, number]).generate_state(2)
    return int(state[0]) << 32 | int(state[1])


def middle_pixel_mm(config: CineConfig) -> float:
    """Pixel size in the middle of those that the network meets."""
    return round(math.sqrt(math.prod(config.pixel_mm)), 3)


@dataclass(frozen=True)
class Batches:
    """Makes the examples of a batch's number; an instance can be sent to another process.

    Attributes:
        config: Synthetic slices: what is drawn, and on which grid.
        batch: Examples of a batch.
        seed: Seed of the training.
        views: Whether examples are turned and mirrored.
        subjects: Slices of each labelled subject; none for synthetic slices alone.
        synthetic_share: Chance that an example is synthetic where there are labelled ones.
        beyond_share: Chance that a labelled one lies beyond the ends of the ventricle, where its subject has such.
        augment: How grey values of labelled slices are varied; None leaves them as they are.
    """

    config: CineConfig
    batch: int
    seed: int
    views: bool = True
    subjects: tuple[tuple[LabelledSlice, ...], ...] = ()
    synthetic_share: float = 1.0
    beyond_share: float = 0.0
    augment: AugmentConfig | None = None

    def __call__(self, number: int) -> list[Example]:
        """The examples of a batch, the same whenever they are asked for."""
        first = number * self.batch
        return [self._example(first + one) for one in range(self.batch)]

    def _example(self, number: int) -> Example:
        rng = np.random.default_rng([self.seed, 2, number])
        if not self.subjects or rng.random() < self.synthetic_share:
            example = numbered_example(TRAINING, self.seed, number, self.config)
        else:
            example = self._labelled(rng)
        if not self.views:
            return example
        rows, columns = self.config.pixels
        views = VIEWS if rows == columns else UPRIGHT
        draw = np.random.default_rng([self.seed, 3, number])  # its own: grey values decide nothing about it
        return viewed(example, views[draw.integers(len(views))])

    def _labelled(self, rng: np.random.Generator) -> Example:
        subject = self.subjects[rng.integers(len(self.subjects))]
        wanted = rng.random() < self.beyond_share
        slices = [one for one in subject if one.beyond == wanted] or subject
        one = slices[rng.integers(len(slices))]
        off = rng.normal(0, self.config.off_center_mm, 2) / one.example.pixel_mm
        example = framed(
            one.example,
            one.center + off,
            pixels=self.config.pixels,
            pixel_mm=rng.uniform(*self.config.pixel_mm),
            frames=self.config.frames,
            turn_rad=rng.uniform(-np.pi, np.pi) if self.views else 0.0,
            first=int(rng.integers(len(one.example.image))),
        )
        if self.augment is None or self.augment.chance == 0:
            return example
        return _varied(example, self.augment, int(rng.integers(2**32)))


def _varied(example: Example, config: AugmentConfig, seed: int) -> Example:
    """Other grey values; all frames alike."""
    import torch

    from cardioscar.learning.augment import Augmentation
    from cardioscar.lvquant.network.intensity import normalised

    intensity = replace(config, spatial_chance=0.0, flip_axes=())
    frames_last = torch.from_numpy(np.ascontiguousarray(example.image.transpose(1, 2, 0)))[None]
    varied, _ = Augmentation(intensity, "2d+t")(frames_last, seed=seed)
    image = normalised(varied[0].numpy()).transpose(2, 0, 1)
    return replace(example, image=np.ascontiguousarray(image))
