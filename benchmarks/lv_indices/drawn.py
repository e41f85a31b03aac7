"""Slices that every contender learns from or is scored on: drawn once, segmented once, kept in a folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from cardioscar.config import config_sha256
from cardioscar.files.atomic import atomic_file
from cardioscar.lvquant.network.cine_net import CineNet
from cardioscar.lvquant.training.batches import numbered_seed
from cardioscar.lvquant.training.example import Example, example_and_septum
from cardioscar.lvquant.training.pool import SegmentedSlice, segmented_slice
from cardioscar.synthesis.cine.settings import CineConfig

SHARD = 20
"""Slices of a file: what is lost at most where the work is killed."""


@dataclass(frozen=True)
class DrawnSlice:
    """A slice, and where its septum is."""

    seen: SegmentedSlice
    """Image, truth, and what the segmentation says of it."""
    septum_rad: float
    """Middle of the septum, as `SeptumFrame` has it."""


_FIELDS = tuple(one.name for one in fields(Example))


def drawn_slices(
    folder: Path, stream: int, seed: int, count: int, config: CineConfig, network: CineNet, network_sha256: str
) -> list[DrawnSlice]:
    """Slices of a stream by their numbers, as they lie in the folder or drawn into it.

    Args:
        folder: Where they are kept; slices of other settings lie beside them.
        stream: `TRAINING`, `VALIDATION`, or another stream of seeds.
        seed: Of the stream.
        count: How many, the first of the stream.
        config: What is drawn.
        network: Segments them, in evaluation mode on the CPU.
        network_sha256: Names it.
    """
    name = config_sha256({"config": config_sha256(config), "seed": seed, "stream": stream, "network": network_sha256})
    place = folder / name[:16]
    found: list[DrawnSlice] = []
    for first in range(0, count, SHARD):
        path = place / f"{first:05d}.npz"
        if not path.is_file():
            seeds = [numbered_seed(stream, seed, first + n) for n in range(SHARD)]
            shard = [_drawn(one, config, network) for one in seeds]
            place.mkdir(parents=True, exist_ok=True)
            _write(path, shard)
        found += _read(path)
    return found[:count]


def _drawn(seed: int, config: CineConfig, network: CineNet) -> DrawnSlice:
    example, septum = example_and_septum(seed, config)
    return DrawnSlice(segmented_slice(example, network, torch.device("cpu")), septum.septum_rad)


def _write(path: Path, shard: list[DrawnSlice]) -> None:
    parts = {name: np.stack([getattr(one.seen.example, name) for one in shard]) for name in _FIELDS}
    septum = np.array([one.septum_rad for one in shard])
    with atomic_file(path) as partial, partial.open("wb") as file:
        np.savez(file, shares=np.stack([one.seen.shares for one in shard]), septum_rad=septum, **parts)


def _read(path: Path) -> list[DrawnSlice]:
    with np.load(path, allow_pickle=False) as stored:
        parts = {name: stored[name] for name in stored.files}
    return [
        DrawnSlice(
            SegmentedSlice(Example(**{name: parts[name][n] for name in _FIELDS}), parts["shares"][n]),
            float(parts["septum_rad"][n]),
        )
        for n in range(len(parts["shares"]))
    ]
