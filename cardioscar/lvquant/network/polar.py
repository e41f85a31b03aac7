"""The ventricle as it is seen from its cavity's middle: rays all around, and lengths along them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cardioscar.lvquant.network.region import Region

SPOKES = 36
"""Rays all around, in the middles of 10°: six make a sector of 60°."""
_TURN = 2 * torch.pi / SPOKES
_SECTOR = SPOKES // 6
_MIDDLES = (-3, -9, -15, 15, 9, 3)
"""Middles of IS, I, IL, AL, A and AS in spokes from the middle of the septum, as `lvquant.sectors` has them."""
_FIXED_MM2 = 20.0
"""Area of a cavity that is worth as much as the region's middle when a frame's middle is sought."""


def cavity_center(
    cavity: Float[Tensor, "batch frames i j"], region: Region, pixel_mm: Float[Tensor, "batch 2"]
) -> Float[Tensor, "batch frames 2"]:
    """Middle of the cavity of each frame within the region, in mm; that of the region where there is none.

    Args:
        cavity: Share of each pixel that is cavity.
        region: Where the ventricle lies.
        pixel_mm: Size of a pixel along i and j.
    """
    places = [
        torch.arange(length, device=cavity.device, dtype=torch.float32) * pixel_mm[:, axis, None]
        for axis, length in enumerate(cavity.shape[-2:])
    ]
    near = [
        ((one - region.center_mm[:, axis, None]).abs() <= region.side_mm[:, None] / 2).float()
        for axis, one in enumerate(places)
    ]
    weight = (
        cavity.float() * (near[0][:, :, None] * near[1][:, None, :])[:, None] * pixel_mm.prod(1)[:, None, None, None]
    )
    total = weight.sum(dim=(2, 3)) + _FIXED_MM2
    moments = [
        (weight.sum(dim=3 - axis) * one[:, None]).sum(dim=2) + _FIXED_MM2 * region.center_mm[:, axis, None]
        for axis, one in enumerate(places)
    ]
    return torch.stack(moments, dim=-1) / total[..., None]


def along_rays(
    image: Float[Tensor, "batch channels frames i j"],
    center_mm: Float[Tensor, "batch frames 2"],
    reach_mm: Float[Tensor, " batch"],
    pixel_mm: Float[Tensor, "batch 2"],
    places: int,
) -> Float[Tensor, "batch channels frames spokes places"]:
    """Values along `SPOKES` rays from a middle, interpolated linearly; beyond the picture they are its edge's.

    Args:
        image: Pixels of each frame.
        center_mm: Where the rays begin.
        reach_mm: How long they are.
        pixel_mm: Size of a pixel along i and j.
        places: Places along a ray, in the middles of equal parts.
    """
    batch, channels, frames, rows, columns = image.shape
    angle = (torch.arange(SPOKES, device=image.device, dtype=torch.float32) + 0.5) * _TURN
    direction = torch.stack([angle.cos(), angle.sin()], dim=-1)
    along = (torch.arange(places, device=image.device, dtype=torch.float32) + 0.5) / places
    offset = reach_mm[:, None, None, None] * direction[:, None] * along[None, :, None]
    at = (center_mm[:, :, None, None] + offset[:, None]) / pixel_mm[:, None, None, None]
    size = torch.tensor([rows, columns], device=image.device, dtype=torch.float32)
    # grid_sample counts from -1 at the first pixel's edge to 1 at the last one's, columns first
    unit = ((at + 0.5) / size * 2 - 1).nan_to_num(0.0, 2.0, -2.0).flip(-1)
    flat = image.transpose(1, 2).reshape(batch * frames, channels, rows, columns)
    grid = unit.reshape(batch * frames, SPOKES, places, 2).to(flat.dtype)
    found = functional.grid_sample(flat, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found.reshape(batch, frames, channels, SPOKES, places).transpose(1, 2)


def by_sector(profile: Float[Tensor, "... spokes"]) -> Float[Tensor, "... spokes 6"]:
    """Means over the six sectors, for each spoke's lower edge as the middle of the septum.

    Sectors are counted in the sense from the axis of i towards that of j.

    >>> ramp = by_sector(torch.arange(36.0))
    >>> ramp.shape, float(ramp[6, 5])  # 30° from 60°: spokes 6 to 11
    (torch.Size([36, 6]), 8.5)
    """
    begun = torch.cat([profile, profile[..., : _SECTOR - 1]], dim=-1).unfold(-1, _SECTOR, 1).mean(dim=-1)
    return torch.stack([begun.roll(_SECTOR // 2 - middle, dims=-1) for middle in _MIDDLES], dim=-1)


def chords(reach: Float[Tensor, "... spokes"]) -> Float[Tensor, "... spokes 3"]:
    """Chords IS–AL, I–A and IL–AS through the middle, for each spoke's lower edge as the middle of the septum."""
    at_edge = (reach + reach.roll(1, dims=-1)) / 2
    through = at_edge + at_edge.roll(SPOKES // 2, dims=-1)
    return torch.stack([through.roll(-middle, dims=-1) for middle in _MIDDLES[:3]], dim=-1)
