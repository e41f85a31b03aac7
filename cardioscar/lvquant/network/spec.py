"""The numbers that build the network; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cardioscar.errors import ConfigError

Size = Literal["tiny", "small", "base"]
Head = Literal["pooled", "outline"]

CLASSES = 3
"""Background, wall, cavity: the values of `Label` without scar."""
INDICES = {"areas": 2, "dimensions": 3, "thickness": 6}
"""Numbers of each group of indices, in the order of `lvquant.slice_indices`."""


@dataclass(frozen=True)
class CineNetSpec:
    """Segmentation, region of interest and heads."""

    features: tuple[int, ...] = (24, 48, 96, 192)
    """Channels of each level of the segmentation, from the finest."""
    supervised: int = 2
    """Coarser levels whose scores are trained too."""
    roi_pixels: int = 48
    """Rows and columns to which the region of interest is brought."""
    roi_margin: float = 1.5
    """Side of the region over the extent of what was found."""
    temporal: tuple[int, ...] = (24, 48, 96)
    """Channels of the convolutions over space and beat; each level halves the space."""
    hidden: int = 96
    """Channels of the heads."""
    head: Head = "pooled"
    """What regresses: `pooled` regresses from the region alone; `outline` measures along rays on the network's own
    segmentation, and learns what to change about that."""

    def __post_init__(self) -> None:
        for name in ("features", "temporal"):
            if len(getattr(self, name)) < 2 or min(getattr(self, name)) < 1:
                raise ConfigError(name, "at least two levels of at least one channel", str(getattr(self, name)))
        if not 0 <= self.supervised < len(self.features):
            raise ConfigError("supervised", f"0 to {len(self.features) - 1} levels", str(self.supervised))
        if self.roi_pixels < 2 ** len(self.temporal):
            raise ConfigError("roi_pixels", f"at least {2 ** len(self.temporal)}", str(self.roi_pixels))
        if not 1 <= self.roi_margin <= 4:
            raise ConfigError("roi_margin", "1 to 4", f"{self.roi_margin:g}")


SIZES: dict[Size, CineNetSpec] = {
    "tiny": CineNetSpec(features=(4, 8, 16), supervised=1, roi_pixels=16, temporal=(6, 12), hidden=16, head="outline"),
    "small": CineNetSpec(features=(16, 32, 64, 128), temporal=(16, 32, 64), hidden=64, head="outline"),
    "base": CineNetSpec(head="outline"),
}
"""Named sizes."""
