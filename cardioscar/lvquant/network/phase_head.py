"""The phase of each frame from the curve of the cavity over the beat, and from what else is seen."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_DILATIONS = (1, 2, 4)
"""Steps in frames of the convolutions: together they look seven frames back and ahead."""
_FLAT_MM2 = 20.0
"""Deviation of an area over the beat below which its curve says little."""


def around_beat(x: Float[Tensor, "batch channels frames"], steps: int = 1) -> Float[Tensor, "batch channels longer"]:
    """Frames continued on both sides by those of the other end, however few there are.

    >>> around_beat(torch.arange(3.0)[None, None], 4)[0, 0].int().tolist()
    [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    """
    count = x.shape[-1]
    return x[..., torch.arange(-steps, count + steps, device=x.device) % count]


class PhaseHead(nn.Module):
    """Convolutions over the beat that see how large the cavity is against its mean, and how it changes.

    Args:
        hidden: Channels of the features, and of the convolutions.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(hidden + 3, hidden, 1)
        self.blocks = nn.ModuleList(nn.Conv1d(hidden, hidden, 3, dilation=steps) for steps in _DILATIONS)
        self.last = nn.Conv1d(hidden, 1, 1)

    def forward(
        self, features: Float[Tensor, "batch hidden frames"], cavity_mm2: Float[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames"]:
        """Logits of systole."""
        spread = cavity_mm2.std(dim=1, keepdim=True, correction=0) + _FLAT_MM2
        level = (cavity_mm2 - cavity_mm2.mean(dim=1, keepdim=True)) / spread
        curve = torch.stack([level, level - level.roll(1, dims=1), torch.log(spread / 100).expand_as(level)], dim=1)
        x = functional.leaky_relu(self.first(torch.cat([features, curve.to(features.dtype)], dim=1)), 0.01)
        for block, steps in zip(self.blocks, _DILATIONS, strict=True):
            x = x + functional.leaky_relu(block(around_beat(x, steps)), 0.01)
        return self.last(x).float()[:, 0]
