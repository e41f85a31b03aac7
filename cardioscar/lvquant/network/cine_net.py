"""The whole network: segmentation ▸ region of interest ▸ convolutions over the beat ▸ heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.config import from_mapping
from cardioscar.lvquant.network.outline_head import OutlineHead
from cardioscar.lvquant.network.over_beat import OverBeat
from cardioscar.lvquant.network.region import Region, crop, find_region
from cardioscar.lvquant.network.segmenter import Segmenter
from cardioscar.lvquant.network.spec import CLASSES, CineNetSpec

ARCHITECTURE = "cine_net"


@dataclass(frozen=True)
class CineOutput:
    """What the network says of a batch of cine slices.

    Attributes:
        scores: Logits of `Label` of each pixel, shape (batch, classes, frames, i, j).
        coarser: Logits of the supervised coarser levels, of the same shape.
        region: Where the indices were regressed.
        areas_mm2: Cavity and myocardium, shape (batch, frames, 2).
        dimensions_mm: IS–AL, I–A, IL–AS, shape (batch, frames, 3).
        thickness_mm: IS, I, IL, AL, A, AS, shape (batch, frames, 6).
        systole: Logits of systole, shape (batch, frames).
    """

    scores: Float[Tensor, "batch classes frames i j"]
    coarser: tuple[Float[Tensor, "batch classes frames i j"], ...]
    region: Region
    areas_mm2: Float[Tensor, "batch frames 2"]
    dimensions_mm: Float[Tensor, "batch frames 3"]
    thickness_mm: Float[Tensor, "batch frames 6"]
    systole: Float[Tensor, "batch frames"]


class CineNet(nn.Module):
    """Spatio-temporal network of several tasks for left ventricles [@vesal2020], for any size and number of frames.

    Args:
        spec: The numbers that build it.
    """

    def __init__(self, spec: CineNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.segmenter = Segmenter(1, CLASSES, spec.features, supervised=spec.supervised)
        numbers = 1 + CLASSES, spec.temporal, spec.hidden
        self.over_beat = OverBeat(*numbers) if spec.head == "pooled" else OutlineHead(*numbers)

    def segment(self, image: Float[Tensor, "batch frames i j"]) -> list[Float[Tensor, "batch classes frames i j"]]:
        """Scores of the finest and the coarser levels, frame by frame."""
        batch, frames, rows, columns = image.shape
        found = self.segmenter(image.reshape(batch * frames, 1, rows, columns))
        return [one.reshape(batch, frames, -1, rows, columns).transpose(1, 2) for one in found]

    def forward(self, image: Float[Tensor, "batch frames i j"], pixel_mm: Float[Tensor, "batch 2"]) -> CineOutput:
        """Labels, indices and phase of cine slices.

        Args:
            image: Grey values, normalised as the training's were.
            pixel_mm: Size of a pixel along i and j in mm.
        """
        return self.regress(image, self.segment(image), pixel_mm)

    def regress(
        self,
        image: Float[Tensor, "batch frames i j"],
        scores: Sequence[Float[Tensor, "batch classes frames i j"]],
        pixel_mm: Float[Tensor, "batch 2"],
    ) -> CineOutput:
        """Indices and phase of cine slices that are segmented.

        Args:
            image: As for `forward`.
            scores: Of the finest level, and of coarser ones, as `segment` gives them.
            pixel_mm: Size of a pixel along i and j in mm.
        """
        shares = scores[0].softmax(dim=1)
        region = find_region(1 - shares[:, 0], pixel_mm, margin=self.spec.roi_margin)
        # the indices' gradients do not reach the segmentation: in the first steps they are five to ten times as large
        # as its own, and it then stays at a plateau
        given = torch.cat([image[:, None], shares.detach()], dim=1)
        if isinstance(self.over_beat, OutlineHead):
            found = self.over_beat(given, region, pixel_mm)
        else:
            found = self.over_beat(crop(given, region, pixel_mm, self.spec.roi_pixels), region.side_mm)
        return CineOutput(
            scores[0],
            tuple(scores[1:]),
            region,
            found["areas"],
            found["dimensions"],
            found["thickness"],
            found["phase"],
        )


def build_cine_net(spec: Mapping[str, Any]) -> CineNet:
    """The network of a stored description."""
    return CineNet(from_mapping(CineNetSpec, spec))
