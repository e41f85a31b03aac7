"""MC-Dropout: samples of the field, projected onto the pixels, and their mean and standard deviation."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.types import NodeValues, Points

CACHE_CHUNK, DEVICE_CHUNK = 2048, 262_144
"""Nodes evaluated at once: their activations stay in a processor's cache; on a device, launches are few."""
PUBLISHED_CHUNK = 50_000
"""Nodes that the published code evaluates at once; the masks' order depends on it."""


def sample_logits(
    field: ScarField, nodes_mm: Points, *, samples: int, seed: int, chunk: int | None = None
) -> Float[np.ndarray, "samples nodes"]:
    """Draw whole fields by MC-Dropout [@gal2016]: one thinned network a sample, the same at every node.

    Args:
        field: Fitted field.
        nodes_mm: Positions in mm LPS, shape (nodes, 3).
        samples: Number of draws; with no dropout in the field all draws are equal.
        seed: Seed of the draws.
        chunk: Nodes evaluated at once; it bounds memory and does not change the result. By default what a processor's
            cache holds, or a device's memory easily.

    Returns:
        Logits, float32, 4 bytes a sample and node.
    """
    device = field.center_mm.device
    chunk = chunk or (CACHE_CHUNK if device.type == "cpu" else DEVICE_CHUNK)
    generator = torch.Generator(device).manual_seed(seed)
    logits = np.empty((samples, len(nodes_mm)), dtype=np.float32)
    with torch.inference_mode():
        draws = [_thinned(field, field.dropout_masks(1, generator)) for _ in range(samples)]
        for start in range(0, len(nodes_mm), chunk):
            part = torch.as_tensor(nodes_mm[start : start + chunk], dtype=torch.float32, device=device)
            # no unit is silenced before the first layer: its output, two thirds of the work, serves every draw
            shared = field.activation(field.hidden[0](field.encode(part)))
            rows = [_logits(field, shared, layers) for layers in draws]
            logits[:, start : start + chunk] = torch.stack(rows).cpu().numpy()
    return logits


def published_samples(
    field: ScarField, nodes_mm: Points, *, samples: int, seed: int
) -> Float[np.ndarray, "samples nodes"]:
    """Draw MC-Dropout passes as the published code does [@sen2025]: every node of a pass has a mask of its own.

    A pass is no function of space, since neighbouring nodes meet other thinned networks; its mean over many passes is
    that of `sample_logits`.

    Args:
        field: Fitted field.
        nodes_mm: Positions in mm LPS, shape (nodes, 3).
        samples: Number of passes.
        seed: Seed of the masks.

    Returns:
        Logits, float32, 4 bytes a sample and node.
    """
    device = field.center_mm.device
    generator = torch.Generator(device).manual_seed(seed)
    logits = np.empty((samples, len(nodes_mm)), dtype=np.float32)
    with torch.inference_mode():
        for row in logits:
            for start in range(0, len(nodes_mm), PUBLISHED_CHUNK):
                part = torch.as_tensor(nodes_mm[start : start + PUBLISHED_CHUNK], dtype=torch.float32, device=device)
                passed = field(field.encode(part), field.dropout_masks(len(part), generator))
                row[start : start + PUBLISHED_CHUNK] = passed.cpu().numpy()
    return logits


def _thinned(field: ScarField, masks: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Layers after the first with the masks in their weights: a silent input is a column of zeros."""
    mask_of = dict(zip(field.spec.dropped_layers, masks, strict=True))
    layers = [*field.hidden[1:], field.head]
    return [
        (layer.weight * mask_of[number] if number in mask_of else layer.weight, layer.bias)
        for number, layer in enumerate(layers)
    ]


def _logits(field: ScarField, x: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    for weight, bias in layers[:-1]:
        x = field.activation(functional.linear(x, weight, bias))
    return functional.linear(x, *layers[-1]).squeeze(-1)


def sigmoid_sd(sampled: Float[np.ndarray, "samples nodes"]) -> NodeValues:
    """Standard deviation over samples of the probability, 0 to 0.5, shape (nodes,), float32; logits in.

    It ranks errors well and is far too small to be taken at its word, see `posterior` for one that is not.
    """
    total, squares = (np.zeros(sampled.shape[1]) for _ in range(2))
    for logits in sampled:
        probability = expit(logits.astype(np.float64))
        total += probability
        squares += np.square(probability)
    mean = total / len(sampled)
    return np.sqrt(np.maximum(squares / len(sampled) - mean**2, 0)).astype(np.float32)
