"""A U-Net for slices of any size, with an attention after each block or plain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.lge.network.blocks import ConvolutionPair, padded


class UNet(nn.Module):
    """U-Net [@ronneberger2015]: convolutions at halved and halved sizes, and back with what was seen on the way.

    Args:
        inputs: Channels of the image.
        classes: Scores of each pixel.
        features: Channels of each level from the finest to the coarsest.
        attention: Makes a module that is put after each block, given its channels; None for none.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        features: Sequence[int],
        attention: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (len(features) - 1)

        def block(first: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(ConvolutionPair(first, outputs), *([attention(outputs)] if attention else []))

        self.down = nn.ModuleList(
            block(first, outputs) for first, outputs in zip((inputs, *features), features, strict=False)
        )
        coarse_to_fine = list(features)[::-1]
        self.up = nn.ModuleList(block(below + beside, beside) for below, beside in pairwise(coarse_to_fine))
        self.head = nn.Conv2d(features[0], classes, 1)

    def forward(self, image: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch classes i j"]:
        """Scores (logits) of each class."""
        return self.with_features(image)[0]

    def with_features(self, image: Float[Tensor, "batch channels i j"]) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores, and what each block gave: `down.0`, …, `up.0`, … with rows and columns as they are in it."""
        rows, columns = image.shape[-2:]
        x, seen, features = padded(image, self.multiple), [], {}
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            seen.append(x)
            features[f"down.{level}"] = x
        for level, (block, beside) in enumerate(zip(self.up, seen[-2::-1], strict=True)):
            finer = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([finer, beside], dim=1))
            features[f"up.{level}"] = x
        return self.head(x)[..., :rows, :columns], features
