"""A small 3D U-Net on the grid of the left ventricle."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class _Convolution(nn.Module):
    """3×3×3 convolution that closes around the circumference, normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, 3, padding=(1, 0, 1), bias=False)
        self.norm = nn.GroupNorm(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (0, 0, 1, 1, 0, 0), mode="circular")
        return functional.silu(self.norm(self.convolution(x)), inplace=True)


class ScarUNet(nn.Module):
    """Three levels that halve the grid along and around the wall, never through it (the wall is a few cells thick).

    Args:
        inputs: Input channels.
        channels: Features of the finest level, a multiple of four.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        fine, middle, coarse = channels, 2 * channels, 4 * channels

        def block(first: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(_Convolution(first, outputs), _Convolution(outputs, outputs))

        self.down = nn.ModuleList([block(inputs, fine), block(fine, middle), block(middle, coarse)])
        self.up = nn.ModuleList([block(coarse + middle, middle), block(middle + fine, fine)])
        self.head = nn.Conv3d(fine, 1, 1)
        # an untrained network changes nothing
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, features: Float[Tensor, "batch channels a c t"]) -> Float[Tensor, "batch a c t"]:
        """Residual logit of each cell.

        Args:
            features: Input channels on a grid whose first two sizes are multiples of four.
        """
        skips, x = [], features
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.avg_pool3d(x, (2, 2, 1)))
            skips.append(x)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            x = block(torch.cat([x, skip], dim=1))
        return self.head(x)[:, 0]
