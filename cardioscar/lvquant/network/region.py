"""The region of interest: the part of the picture that holds the ventricle over the whole beat, brought to one size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_LEAST_SHARE = 0.25
"""Least side of a region over the shorter side of the picture: a speck is no ventricle."""


@dataclass(frozen=True)
class Region:
    """A square in the plane, the same in all frames.

    Attributes:
        center_mm: Its middle, index times pixel size, shape (batch, 2).
        side_mm: Its side, shape (batch,).
    """

    center_mm: Float[Tensor, "batch 2"]
    side_mm: Float[Tensor, " batch"]


def find_region(
    heart: Float[Tensor, "batch frames i j"], pixel_mm: Float[Tensor, "batch 2"], *, margin: float
) -> Region:
    """Where the ventricle lies, from the shares of wall and cavity; no gradients pass.

    The middle is their centroid over all frames, the side what holds them within two deviations, times the margin.
    Where nothing is found, the region is the whole picture.

    Args:
        heart: Share of each pixel that is wall or cavity.
        pixel_mm: Size of a pixel along i and j.
        margin: Factor of the side.
    """
    with torch.no_grad():
        weight = (heart.detach().float() - 0.25).clamp_min(0).amax(dim=1)
        size = torch.tensor(weight.shape[-2:], device=heart.device)
        extent_mm = size * pixel_mm
        axes = [torch.arange(length, device=heart.device, dtype=torch.float32) for length in weight.shape[-2:]]
        i, j = axes[0][None] * pixel_mm[:, :1], axes[1][None] * pixel_mm[:, 1:]
        total = weight.sum(dim=(1, 2))
        safe = total.clamp_min(1e-6)
        rows, columns = weight.sum(dim=2), weight.sum(dim=1)
        center = torch.stack([(rows * i).sum(1) / safe, (columns * j).sum(1) / safe], dim=1)
        spread = torch.stack(
            [
                ((rows * (i - center[:, :1]) ** 2).sum(1) / safe).sqrt(),
                ((columns * (j - center[:, 1:]) ** 2).sum(1) / safe).sqrt(),
            ],
            dim=1,
        )
        shortest = extent_mm.amin(dim=1)
        side = (4 * spread.amax(dim=1) * margin).clamp_min(_LEAST_SHARE * shortest)
        side = torch.minimum(side, 1.5 * extent_mm.amax(dim=1))
        nothing = total * pixel_mm.prod(dim=1) < 1.0
        center = torch.where(nothing[:, None], (extent_mm - pixel_mm) / 2, center)
        side = torch.where(nothing, extent_mm.amax(dim=1), side)
    return Region(center, side)


def crop(
    image: Float[Tensor, "batch channels frames i j"], region: Region, pixel_mm: Float[Tensor, "batch 2"], pixels: int
) -> Float[Tensor, "batch channels frames rows columns"]:
    """Bring the region to `pixels`² by bilinear interpolation; what lies beyond the picture is its edge.

    Non-square pixels become square: the region is a square in millimetres.
    """
    batch, channels, frames, rows, columns = image.shape
    step = (torch.arange(pixels, device=image.device, dtype=torch.float32) + 0.5) / pixels - 0.5
    places = region.center_mm[:, :, None] + region.side_mm[:, None, None] * step
    size = torch.tensor([rows, columns], device=image.device, dtype=torch.float32)
    # grid_sample counts from -1 at the first pixel's edge to 1 at the last one's, columns first
    unit = (places / pixel_mm[:, :, None] + 0.5) / size[None, :, None] * 2 - 1
    # of a training that ceased to be finite: torch's gradients of places that are none end the process
    unit = unit.nan_to_num(0.0, 2.0, -2.0)
    grid = torch.stack([unit[:, 1, None, :].expand(-1, pixels, -1), unit[:, 0, :, None].expand(-1, -1, pixels)], dim=-1)
    flat = image.reshape(batch, channels * frames, rows, columns)
    found = functional.grid_sample(
        flat, grid.to(flat.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )
    return found.reshape(batch, channels, frames, pixels, pixels)
