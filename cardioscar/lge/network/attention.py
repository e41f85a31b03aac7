"""Attention that ScarNet puts after its blocks: which channels matter, and where in the slice."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.lge.network.blocks import resized


class SqueezeExcitation(nn.Module):
    """Weighs channels by what the whole slice shows [@hu2018].

    Args:
        channels: Channels.
        reduction: Channels for each hidden unit.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        # of so few units a ReLU can leave all silent, whatever the slice: the gate would learn nothing
        self.gate = nn.Sequential(nn.Linear(channels, hidden), nn.SiLU(inplace=True), nn.Linear(hidden, channels))

    def forward(self, x: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch channels i j"]:
        """The features, each channel times a number from 0 to 1."""
        return x * self.gate(x.mean(dim=(2, 3))).sigmoid()[..., None, None]


class ScarAttention(nn.Module):
    """A channel gate, then a spatial gate of a 7×7 convolution [@tavakoli2025].

    Scar is a thin bright band: the spatial gate sees some 7 pixels at once, the width of a wall.

    Args:
        channels: Channels.
        reduction: Channels for each hidden unit of the channel gate.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.channel_gate = SqueezeExcitation(channels, reduction)
        self.spatial_gate = nn.Conv2d(channels, 1, 7, padding=3)

    def forward(self, x: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch channels i j"]:
        """The features, weighed by channel and by place."""
        x = self.channel_gate(x)
        return x * self.spatial_gate(x).sigmoid()


class ScarBlockAttention(nn.Sequential):
    """Squeeze-excitation and ScarAttention, one after the other."""

    def __init__(self, channels: int) -> None:
        super().__init__(SqueezeExcitation(channels), ScarAttention(channels))


class MultiScaleScarAttention(nn.Module):
    """ScarAttention at several resolutions at once, joined by a 1×1 convolution [@tavakoli2025].

    Args:
        channels: Channels.
        scales: Factors by which the features are made coarser.
    """

    def __init__(self, channels: int, scales: Sequence[int] = (1, 2, 4)) -> None:
        super().__init__()
        self.scales = tuple(scales)
        self.attentions = nn.ModuleList(ScarAttention(channels) for _ in self.scales)
        self.join = nn.Conv2d(channels * len(self.scales), channels, 1)

    def forward(self, x: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch channels i j"]:
        """Features that have been looked at from near and far."""
        size, seen = x.shape[-2:], []
        for scale, attention in zip(self.scales, self.attentions, strict=True):
            coarse = functional.adaptive_avg_pool2d(x, (max(size[0] // scale, 1), max(size[1] // scale, 1)))
            seen.append(resized(attention(coarse), size))
        return self.join(torch.cat(seen, dim=1))
