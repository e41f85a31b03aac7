"""Labels of each frame: an encoder and decoder in the plane, whose coarser levels are supervised too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_GROUPS = 8


def normalisation(channels: int) -> nn.GroupNorm:
    """Normalisation within an image, whatever the size of the batch."""
    return nn.GroupNorm(math.gcd(_GROUPS, channels), channels)


class ConvolutionPair(nn.Sequential):
    """Two times 3×3 convolution, normalisation and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for first in (inputs, outputs):
            layers += [nn.Conv2d(first, outputs, 3, padding=1, bias=False), normalisation(outputs)]
            layers.append(nn.LeakyReLU(0.01, inplace=True))
        super().__init__(*layers)


class Segmenter(nn.Module):
    """U-Net [@ronneberger2015] with deep supervision [@lee2015] for images of any size.

    Args:
        inputs: Channels of the image.
        classes: Scores of each pixel.
        features: Channels of each level from the finest to the coarsest.
        supervised: Coarser levels that give scores of their own.
    """

    def __init__(self, inputs: int, classes: int, features: Sequence[int], *, supervised: int = 0) -> None:
        super().__init__()
        self.multiple = 2 ** (len(features) - 1)
        self.down = nn.ModuleList(
            ConvolutionPair(first, outputs) for first, outputs in zip((inputs, *features), features, strict=False)
        )
        coarse_to_fine = list(features)[::-1]
        self.up = nn.ModuleList(ConvolutionPair(below + beside, beside) for below, beside in pairwise(coarse_to_fine))
        self.heads = nn.ModuleList(nn.Conv2d(features[level], classes, 1) for level in range(supervised + 1))

    def forward(self, image: Float[Tensor, "images channels i j"]) -> list[Float[Tensor, "images classes i j"]]:
        """Scores (logits) of the pixels, from the finest level to coarser ones, brought to the size of the image."""
        size = (int(image.shape[-2]), int(image.shape[-1]))
        beyond = [-length % self.multiple for length in size]
        x = functional.pad(image, (0, beyond[1], 0, beyond[0]), mode="replicate") if any(beyond) else image
        padded = x.shape[-2:]
        seen = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            seen.append(x)
        levels = [x]
        for block, beside in zip(self.up, seen[-2::-1], strict=True):
            finer = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([finer, beside], dim=1))
            levels.append(x)
        scores = []
        for head, at in zip(self.heads, levels[::-1], strict=False):
            found = head(at)
            if found.shape[-2:] != padded:
                found = functional.interpolate(found, size=tuple(padded), mode="bilinear", align_corners=False)
            scores.append(found[..., : size[0], : size[1]])
        return scores
