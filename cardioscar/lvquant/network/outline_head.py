"""Heads that measure on the network's own segmentation, and learn how far to believe it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.imaging.labels import Label
from cardioscar.lvquant.network.phase_head import PhaseHead, around_beat
from cardioscar.lvquant.network.polar import along_rays, by_sector, cavity_center, chords
from cardioscar.lvquant.network.region import Region
from cardioscar.lvquant.network.segmenter import normalisation
from cardioscar.lvquant.network.spec import INDICES

_PLACES = 32
"""Places along a ray: about as fine as pixels."""
_MOST_FACTOR = 1.0
"""Bound of the logarithm by which measured indices are corrected."""
_USUAL = {"areas": (0.10, 0.10), "dimensions": (0.35,) * 3, "thickness": (0.07,) * 6}
"""What indices are of the region's side, or its square, in most hearts: where regression begins."""


class RayConvolution(nn.Module):
    """A 3×3×3 convolution over frames, spokes and places, normalisation and leaky ReLU.

    Frames and spokes are closed upon themselves.

    Args:
        inputs: Channels.
        outputs: Channels, each at half of the places.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, 3, stride=(1, 1, 2), padding=(0, 0, 1), bias=False)
        self.normalisation = normalisation(outputs)

    def forward(self, x: Float[Tensor, "batch channels frames spokes places"]) -> Tensor:
        """Features of each place that know those beside it, around the heart and the beat."""
        around = torch.cat([x[:, :, -1:], x, x[:, :, :1]], dim=2)
        around = torch.cat([around[..., -1:, :], around, around[..., :1, :]], dim=3)
        return functional.leaky_relu(self.normalisation(self.convolution(around)), 0.01)


class OutlineHead(nn.Module):
    """Indices as measured on the shares of wall and cavity, corrected, and mixed with what is regressed without them.

    Areas are sums of shares, thicknesses and chords are lengths along rays from the middle of the cavity. The middle of
    the septum is found by the network: a chance of each direction, over which what is measured in sectors is averaged.
    Untrained, an index is the mean of what is measured and of what is usual; where the segmentation is good the
    measured part is learned to count, where it failed the other.

    Args:
        inputs: Channels: the image, and the share of each class.
        channels: Channels of the convolutions over rays; each halves the places.
        hidden: Channels of the heads.
    """

    def __init__(self, inputs: int, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        pairs = zip((inputs, *channels), channels, strict=False)
        self.blocks = nn.Sequential(*(RayConvolution(first, outputs) for first, outputs in pairs))
        places = -(-_PLACES // 2 ** len(channels))
        self.ray = nn.Conv1d(channels[-1] * places + 2, hidden, 1)
        self.septum = nn.Sequential(
            nn.Conv1d(hidden, hidden, 7, padding=3, padding_mode="circular"),
            nn.LeakyReLU(0.01),
            nn.Conv1d(hidden, 1, 7, padding=3, padding_mode="circular"),
        )
        self.joined = nn.Conv1d(6 * hidden, hidden, 3)
        # an index: logarithm of its correction, how far it counts, and what is regressed
        self.heads = nn.ModuleDict({name: nn.Conv1d(hidden, 3 * count, 1) for name, count in INDICES.items()})
        self.phase = PhaseHead(hidden)
        for name, head in self.heads.items():
            assert isinstance(head, nn.Conv1d)
            assert head.bias is not None
            nn.init.zeros_(head.weight)
            share = torch.tensor(_USUAL[name])
            head.bias.data = torch.cat([torch.zeros(2 * len(share)), torch.log(torch.expm1(share))])

    def forward(
        self,
        given: Float[Tensor, "batch channels frames i j"],
        region: Region,
        pixel_mm: Float[Tensor, "batch 2"],
    ) -> dict[str, Tensor]:
        """Indices in mm² and mm, shape (batch, frames, count), and `phase`, logits of systole, (batch, frames).

        Args:
            given: The image, and the share of each class.
            region: Where the ventricle lies.
            pixel_mm: Size of a pixel along i and j.
        """
        cavity, wall = given[:, 1 + Label.BLOOD_POOL].float(), given[:, 1 + Label.MYOCARDIUM].float()
        reach_mm = region.side_mm / 2
        center = cavity_center(cavity, region, pixel_mm)
        rays = along_rays(given.float(), center, reach_mm, pixel_mm, _PLACES)
        step_mm = (reach_mm / _PLACES)[:, None, None]
        endo_mm = rays[:, 1 + Label.BLOOD_POOL].sum(dim=-1) * step_mm
        wall_mm = rays[:, 1 + Label.MYOCARDIUM].sum(dim=-1) * step_mm
        ray = self._rays(rays, endo_mm, wall_mm)
        chance = self.septum(ray.mean(dim=1)).float()[:, 0].softmax(dim=-1)
        measured = {
            "areas": torch.stack([cavity.sum((2, 3)), wall.sum((2, 3))], dim=-1) * pixel_mm.prod(dim=1)[:, None, None],
            "dimensions": torch.einsum("btsk,bs->btk", chords(endo_mm), chance),
            "thickness": torch.einsum("btsk,bs->btk", by_sector(wall_mm), chance),
        }
        sectors = torch.einsum("bthsk,bs->bhkt", by_sector(ray.float()), chance)
        hidden = functional.leaky_relu(self.joined(around_beat(sectors.flatten(1, 2))), 0.01)
        found = {}
        for name, head in self.heads.items():
            scale = region.side_mm**2 if name == "areas" else region.side_mm
            found[name] = _mixed(measured[name], head(hidden), scale)
        found["phase"] = self.phase(hidden, measured["areas"][..., 0])
        return found

    def _rays(
        self,
        rays: Float[Tensor, "batch channels frames spokes places"],
        endo_mm: Float[Tensor, "batch frames spokes"],
        wall_mm: Float[Tensor, "batch frames spokes"],
    ) -> Float[Tensor, "batch frames hidden spokes"]:
        x = self.blocks(rays)
        batch, _, frames, spokes, _ = x.shape
        seen = x.permute(0, 2, 1, 4, 3).flatten(2, 3)
        lengths = torch.stack([endo_mm / 30, wall_mm / 10], dim=2).to(seen.dtype)
        flat = torch.cat([seen, lengths], dim=2).flatten(0, 1)
        return functional.leaky_relu(self.ray(flat), 0.01).reshape(batch, frames, -1, spokes)


def _mixed(
    measured: Float[Tensor, "batch frames count"],
    said: Float[Tensor, "batch thrice frames"],
    scale: Float[Tensor, " batch"],
) -> Float[Tensor, "batch frames count"]:
    """What is measured, corrected, mixed with what is regressed."""
    factor, trust, share = said.float().transpose(1, 2).chunk(3, dim=-1)
    corrected = measured * torch.exp(factor.clamp(-_MOST_FACTOR, _MOST_FACTOR))
    regressed = functional.softplus(share) * scale[:, None, None]
    return torch.lerp(regressed, corrected, torch.sigmoid(trust))
