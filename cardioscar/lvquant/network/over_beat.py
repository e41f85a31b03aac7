"""Convolutions over space and beat, and the heads that regress the indices and tell the phase of each frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.lvquant.network.segmenter import normalisation
from cardioscar.lvquant.network.spec import INDICES


class BeatConvolution(nn.Module):
    """A 3×3×3 convolution whose axis of time closes upon itself, normalisation and leaky ReLU.

    Args:
        inputs: Channels.
        outputs: Channels.
        stride: Of the plane; frames are never left out, so that any number of them fits.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, 3, stride=(1, stride, stride), padding=(0, 1, 1), bias=False)
        self.normalisation = normalisation(outputs)

    def forward(self, x: Float[Tensor, "batch channels frames i j"]) -> Tensor:
        """Features of each frame that know the frames before and after, around the beat."""
        around = torch.cat([x[:, :, -1:], x, x[:, :, :1]], dim=2)
        return functional.leaky_relu(self.normalisation(self.convolution(around)), 0.01)


class OverBeat(nn.Module):
    """From the region of interest over the beat to indices and phase.

    Lengths are regressed as shares of the region's side and given in mm: the pixel size is known through it, and also
    told to the heads.

    Args:
        inputs: Channels of the region.
        channels: Channels of each level; each halves rows and columns.
        hidden: Channels of the heads.
    """

    def __init__(self, inputs: int, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for first, outputs in zip((inputs, *channels), channels, strict=False):
            blocks += [BeatConvolution(first, outputs, stride=2), BeatConvolution(outputs, outputs, stride=1)]
        self.blocks = nn.Sequential(*blocks)
        # four quarters of the plane: which wall is thick is a question of place
        self.joined = nn.Conv1d(4 * channels[-1] + 1, hidden, 3)
        self.heads = nn.ModuleDict({name: nn.Conv1d(hidden, count, 1) for name, count in INDICES.items()})
        self.phase = nn.Conv1d(hidden, 1, 3)

    def forward(
        self, region: Float[Tensor, "batch channels frames i j"], side_mm: Float[Tensor, " batch"]
    ) -> dict[str, Tensor]:
        """Indices in mm² and mm, shape (batch, frames, count), and `phase`, logits of systole, (batch, frames)."""
        x = self.blocks(region)
        batch, channels, frames = x.shape[:3]
        quarters = functional.adaptive_avg_pool3d(x, (frames, 2, 2))
        flat = quarters.permute(0, 1, 3, 4, 2).reshape(batch, 4 * channels, frames)
        size = torch.log(side_mm / 100).to(flat.dtype)[:, None, None].expand(-1, 1, frames)
        hidden = functional.leaky_relu(self.joined(_around(torch.cat([flat, size], dim=1))), 0.01)
        found = {}
        for name, head in self.heads.items():
            scale = side_mm**2 if name == "areas" else side_mm
            share = functional.softplus(head(hidden).float() - 2)
            found[name] = (share * scale[:, None, None]).transpose(1, 2)
        found["phase"] = self.phase(_around(hidden)).float()[:, 0]
        return found


def _around(x: Float[Tensor, "batch channels frames"]) -> Float[Tensor, "batch channels longer"]:
    return torch.cat([x[..., -1:], x, x[..., :1]], dim=2)
