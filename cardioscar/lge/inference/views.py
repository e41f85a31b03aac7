"""What a network says of pictures: averaged over flips and turns, with channels left out on request, then tempered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cardioscar.lge.inference.config import InferConfig

FLOOR = 1e-7
"""Smallest probability: a logarithm of it is taken."""


@dataclass(frozen=True)
class Seen:
    """What a network says of some pictures.

    Attributes:
        probability: Mean over the views, not tempered, shape (pictures, classes, i, j), float32.
        views: The winning class of each view, shape (views, pictures, i, j).
    """

    probability: Float[np.ndarray, "pictures classes i j"]
    views: UInt8[np.ndarray, "views pictures i j"]


def see(network: nn.Module, images: Float[np.ndarray, "pictures channels i j"], config: InferConfig) -> Seen:
    """Apply a network to pictures.

    Args:
        network: In evaluation mode; its device is where it computes.
        images: Normalised grey values, float32.
        config: Views, dropout, batch.

    Returns:
        Probabilities back in the pictures' own orientation. A picture that is not square has no quarter turns: of
        eight views four are left, of four two.
    """
    device = next((one.device for one in network.parameters()), torch.device("cpu"))
    symmetries = _symmetries(config.views, square=images.shape[2] == images.shape[3])
    passes = max(config.dropout_samples, 1)
    total: np.ndarray | None = None
    winners: list[np.ndarray] = []
    with torch.inference_mode():
        for number, (turns, mirrored) in enumerate(symmetries):
            summed = None
            for sample in range(passes):
                generator = torch.Generator().manual_seed(config.seed * 1_000_003 + number * passes + sample)
                with _dropping(network, config.dropout if config.dropout_samples else 0.0, generator):
                    found = _in_batches(network, images, turns, mirrored, config.batch, device)
                summed = found if summed is None else summed + found
            assert summed is not None
            winners.append(summed.argmax(axis=1).astype(np.uint8))
            total = summed if total is None else total + summed
    assert total is not None
    return Seen(total / np.float32(len(symmetries) * passes), np.stack(winners))


def tempered(
    probability: Float[np.ndarray, "pictures classes i j"], temperature: float
) -> Float[np.ndarray, "pictures classes i j"]:
    r"""Probabilities as sure as they may be.

    $$q_c \propto p_c^{1/T}$$  [@guo2017]

    Args:
        probability: Sum 1 over the classes, along axis 1.
        temperature: T; above 1 makes less sure, below 1 surer.

    >>> tempered(np.array([[[[0.8]], [[0.2]]]], dtype=np.float32), 2.0).ravel().round(3)
    array([0.667, 0.333], dtype=float32)
    """
    logits = np.log(np.maximum(probability, FLOOR)) / np.float32(temperature)
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def _symmetries(views: int, *, square: bool) -> list[tuple[int, bool]]:
    """Quarter turns, and whether mirrored first."""
    every = {1: [(0, False)], 2: [(0, False), (2, False)], 4: [(n, False) for n in range(4)]}
    found = every.get(views, [(n, mirrored) for mirrored in (False, True) for n in range(4)])
    return found if square else [one for one in found if one[0] % 2 == 0]


def _in_batches(
    network: nn.Module, images: np.ndarray, turns: int, mirrored: bool, batch: int, device: torch.device
) -> np.ndarray:
    pieces = []
    for first in range(0, len(images), batch):
        x = torch.from_numpy(np.ascontiguousarray(images[first : first + batch])).to(device)
        x = torch.rot90(x.flip(-1) if mirrored else x, turns, (-2, -1))
        scores = network(x.contiguous()).float().softmax(dim=1)
        back = torch.rot90(scores, -turns, (-2, -1))
        pieces.append((back.flip(-1) if mirrored else back).cpu().numpy())
    return np.concatenate(pieces)


@contextmanager
def _dropping(network: nn.Module, share: float, generator: torch.Generator) -> Iterator[None]:
    """Whole channels of each normalised map left out at random: the networks have no dropout of their own."""

    def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
        kept = torch.rand(output.shape[:2], generator=generator) >= share
        scale = (kept.to(output) / (1 - share)).reshape(*output.shape[:2], *([1] * (output.ndim - 2)))
        return output * scale

    normalisations = (nn.GroupNorm, nn.InstanceNorm2d, nn.BatchNorm2d)
    hooks = [m.register_forward_hook(hook) for m in network.modules() if share and isinstance(m, normalisations)]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()
