"""The adversarial term: whether eleven curves over a beat are those of a heart, or what a network says of one."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.lvquant.network.cine_net import CineOutput
from cardioscar.lvquant.network.phase_head import around_beat
from cardioscar.lvquant.network.spec import INDICES
from cardioscar.lvquant.training.loss import CineTargets

_USUAL = {"areas": (1500.0, 600.0), "dimensions": (40.0, 10.0), "thickness": (8.0, 2.5)}
"""Mean and deviation of indices over hearts and frames, to which they are brought."""
_HIDDEN = 32


class Discriminator(nn.Module):
    """Tells drawn curves of the eleven indices over a beat from predicted ones, by convolutions around the beat."""

    def __init__(self) -> None:
        super().__init__()
        count = sum(INDICES.values())
        channels = (count, _HIDDEN, _HIDDEN)
        self.blocks = nn.ModuleList(nn.Conv1d(first, _HIDDEN, 3) for first in channels)
        self.last = nn.Conv1d(_HIDDEN, 1, 1)

    def forward(self, curves: Float[Tensor, "batch 11 frames"]) -> Float[Tensor, "batch frames"]:
        """Logits: whether each frame is of a heart."""
        x = curves
        for block in self.blocks:
            x = functional.leaky_relu(block(around_beat(x)), 0.2)
        return self.last(x)[:, 0]


class AdversarialTerm(nn.Module):
    r"""A discriminator, and the network that is to deceive it, in one loss [@goodfellow2014; @ganin2016].

    The discriminator learns by cross-entropy to tell true curves from predicted ones. On its way to the network the
    gradient of that loss is reversed and weighed, so that one step of one optimiser serves both, and a training that is
    resumed finds both in its checkpoint. Slices count whose indices are known in every frame.

    Args:
        weight: Of the reversed gradient against the other tasks' gradients.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.discriminator = Discriminator()

    def forward(self, output: CineOutput, targets: CineTargets) -> Float[Tensor, ""]:
        """Cross-entropy of the discriminator over true and predicted curves; 0 where none is known."""
        true = _curves(targets.areas_mm2, targets.dimensions_mm, targets.thickness_mm)
        known = true.isfinite().all(dim=(1, 2)) if true.numel() else torch.zeros(0, dtype=torch.bool)
        if not known.any():
            return output.areas_mm2.new_zeros(())
        said = _curves(output.areas_mm2, output.dimensions_mm, output.thickness_mm)[known]
        reversed_: Tensor = _Reversed.apply(said, self.weight)
        of_hearts, predicted = self.discriminator(true[known]), self.discriminator(reversed_)
        return (functional.softplus(-of_hearts).mean() + functional.softplus(predicted).mean()) / 2


class _Reversed(torch.autograd.Function):
    """The same forward; backward the gradient is reversed and weighed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradients[0], None


def _curves(areas: Tensor, dimensions: Tensor, thickness: Tensor) -> Float[Tensor, "batch 11 frames"]:
    """The eleven indices as multiples of their usual deviation from their usual mean."""
    parts = zip(_USUAL.values(), (areas, dimensions, thickness), strict=True)
    return torch.cat([(one - mean) / deviation for (mean, deviation), one in parts], dim=-1).transpose(1, 2)
