"""Parts that several networks are made of."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8
"""Groups of channels that are normalised together: means over a batch would fail for a batch of one."""


def normalisation(channels: int) -> nn.GroupNorm:
    """Normalisation within an image, whatever the size of the batch."""
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


class ConvolutionPair(nn.Sequential):
    """Two times 3×3 convolution, normalisation and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for first in (inputs, outputs):
            layers += [nn.Conv2d(first, outputs, 3, padding=1, bias=False), normalisation(outputs)]
            layers.append(nn.LeakyReLU(0.01, inplace=True))
        super().__init__(*layers)


def padded(image: Float[Tensor, "batch channels i j"], multiple: int) -> Float[Tensor, "batch channels rows columns"]:
    """The image with its last rows and columns repeated up to multiples of a number; the result is cut back by size.

    >>> padded(torch.zeros(1, 1, 5, 8), 4).shape
    torch.Size([1, 1, 8, 8])
    """
    rows, columns = (-size % multiple for size in image.shape[-2:])
    return functional.pad(image, (0, columns, 0, rows), mode="replicate") if rows or columns else image


def resized(image: Float[Tensor, "batch channels _ _"], size: torch.Size) -> Float[Tensor, "batch channels i j"]:
    """Bilinear interpolation to a size of rows and columns."""
    if image.shape[-2:] == size:
        return image
    return functional.interpolate(image, size=tuple(size), mode="bilinear", align_corners=False)
