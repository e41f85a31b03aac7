"""Drawn slices kept on disk, so that several trainings learn from the very same ones and none pays for the drawing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cardioscar.config import config_sha256
from cardioscar.lge.training.batches import TRAINING, synthetic_example
from cardioscar.lge.training.example import Batch, Example, as_batch
from cardioscar.synthesis.lge.settings import LgeConfig

_BLOCK = 64
"""Slices between two notes of how far the drawing has come."""


@dataclass(frozen=True)
class Stream:
    """Slices on disk; the first so many of them are the batches of a training, whoever is trained.

    Who comes to the end begins again in another order. Each slice is turned or mirrored by chance whenever it is met:
    it was drawn in any orientation.

    Attributes:
        folder: Where `draw_stream` put them.
        slices: How many of them are learned from.
        batch: Slices of a batch.
        sha256: Hash of how they were drawn and met.
    """

    folder: Path
    slices: int
    batch: int
    sha256: str

    def __call__(self, number: int) -> Batch:
        """The batch of a number, the same whenever it is asked for."""
        images, labels = _opened(self.folder)
        examples = []
        for place in range(number * self.batch, (number + 1) * self.batch):
            turn, at = divmod(place, self.slices)
            one = int(_order(turn, self.slices)[at])
            symmetry = int(np.random.default_rng([1, place]).integers(8))
            examples.append(Example(_turned(images[one], symmetry).astype(np.float32), _turned(labels[one], symmetry)))
        return as_batch(examples)


def draw_stream(folder: Path, slices: int, config: LgeConfig, seed: int) -> str:
    """Draw slices into a folder; a drawing that was killed goes on.

    Args:
        folder: `images.npy` (half precision, normalised), `labels.npy` and `drawn.json`.
        slices: How many.
        config: What is drawn; square, so that it can be turned.
        seed: Seed of the stream.

    Returns:
        Hash of what was drawn.

    Raises:
        ValueError: If the folder holds other slices.
    """
    sha256 = config_sha256({"config": config_sha256(config), "seed": seed, "slices": slices})
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "drawn.json"
    done = 0
    if note.is_file():
        said = json.loads(note.read_text())
        if said["sha256"] != sha256:
            raise ValueError(f"{folder} holds other slices: {said['slices']} of another seed, size or setting")
        done = said["done"]
    shape = (slices, *config.pixels)
    images = _array(folder / "images.npy", np.float16, (slices, 1, *config.pixels), new=not done)
    labels = _array(folder / "labels.npy", np.uint8, shape, new=not done)
    while done < slices:
        for number in range(done, min(done + _BLOCK, slices)):
            example = synthetic_example(TRAINING, seed, number, config, neighbours=False)
            images[number], labels[number] = example.image, example.labels
        done = min(done + _BLOCK, slices)
        images.flush()
        labels.flush()
        note.write_text(json.dumps({"sha256": sha256, "slices": slices, "seed": seed, "done": done}) + "\n")
    return sha256


def _array(path: Path, kind: type, shape: tuple[int, ...], *, new: bool) -> np.memmap:
    return np.lib.format.open_memmap(path, mode="w+" if new else "r+", dtype=kind, shape=shape if new else None)


@lru_cache(maxsize=4)
def _opened(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    return np.load(folder / "images.npy", mmap_mode="r"), np.load(folder / "labels.npy", mmap_mode="r")


@lru_cache(maxsize=4)
def _order(turn: int, slices: int) -> np.ndarray:
    return np.random.default_rng([0, turn]).permutation(slices)


def _turned(image: np.ndarray, symmetry: int) -> np.ndarray:
    """One of the eight symmetries of a square, over the last two axes."""
    turned = np.rot90(image, symmetry % 4, axes=(-2, -1))
    return np.ascontiguousarray(turned if symmetry < 4 else turned[..., ::-1])
