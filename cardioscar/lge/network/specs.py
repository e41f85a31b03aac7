"""The numbers that build each network, and named sizes of them; light to import, because command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from cardioscar.errors import ConfigError

Architecture = Literal["scar_net", "unet", "residual_encoder"]
Size = Literal["tiny", "small", "base"]

CLASSES = 4
"""Background, wall, cavity, scar."""


@dataclass(frozen=True)
class EncoderSpec:
    """The image encoder of SAM."""

    width: int
    """Numbers of a token."""
    layers: int
    """Transformer layers."""
    heads: int
    """Heads of each layer's attention."""
    whole_layers: tuple[int, ...]
    """Layers, from 0, whose attention spans the whole image; the others' stays within windows."""
    image_pixels: int
    """Rows and columns to which a slice is brought for it."""
    window: int = 14
    """Tokens of a window along each axis."""
    patch: int = 16
    """Pixels of a token along each axis."""
    outputs: int = 256
    """Channels that it gives."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError("heads", "a number that divides the width", str(self.heads))
        if self.image_pixels % self.patch or self.image_pixels < self.patch:
            raise ConfigError("image_pixels", f"a multiple of the patch, {self.patch}", str(self.image_pixels))
        if self.patch < 2 or self.patch & (self.patch - 1):
            raise ConfigError("patch", "a power of 2", str(self.patch))


@dataclass(frozen=True)
class ScarNetSpec:
    """ScarNet."""

    encoder: EncoderSpec
    """The transformer's encoder."""
    decoder: tuple[int, ...] = (128, 64, 32)
    """Channels of the blocks behind it; each doubles rows and columns."""
    unet: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of the U-Net's levels."""
    joined: int = 32
    """Channels of the multi-scale attention."""
    inputs: int = 1
    """Channels of an image: 1 for a slice, 3 for a slice between its neighbours."""


@dataclass(frozen=True)
class UNetSpec:
    """The plain U-Net."""

    features: tuple[int, ...]
    """Channels of each level."""
    inputs: int = 1
    """Channels of an image."""


@dataclass(frozen=True)
class ResidualEncoderSpec:
    """nnU-Net's residual encoder, planned for a size of image."""

    pixels: tuple[int, int] = (128, 128)
    """Rows and columns that it is planned for; it takes others too."""
    width: int = 32
    """Channels of the finest level; they double from level to level up to 16 times that."""
    inputs: int = 1
    """Channels of an image."""

    @property
    def strides(self) -> tuple[tuple[int, int], ...]:
        """Factor by which each level is coarser than the one before, along i and j: no axis below 4 pixels."""
        found, left = [(1, 1)], list(self.pixels)
        while max(left) >= 2 * LEAST_PIXELS:
            step = tuple(2 if size >= 2 * LEAST_PIXELS else 1 for size in left)
            left = [math.ceil(size / by) for size, by in zip(left, step, strict=True)]
            found.append((step[0], step[1]))
        return tuple(found)

    @property
    def features(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(min(self.width * 2**level, self.width * 16) for level in range(len(self.strides)))

    @property
    def blocks(self) -> tuple[int, ...]:
        """Residual blocks of each level."""
        return tuple((*BLOCKS, *[BLOCKS[-1]] * len(self.strides))[: len(self.strides)])


LEAST_PIXELS = 4
"""Pixels of the coarsest level along an axis, as nnU-Net plans it."""
BLOCKS = (1, 3, 4, 6, 6, 6)
"""Residual blocks of nnU-Net's plan [@isensee2024]."""

Spec = ScarNetSpec | UNetSpec | ResidualEncoderSpec
SPECS: dict[str, type[Spec]] = {"scar_net": ScarNetSpec, "unet": UNetSpec, "residual_encoder": ResidualEncoderSpec}

MEDSAM = EncoderSpec(width=768, layers=12, heads=12, whole_layers=(2, 5, 8, 11), image_pixels=256)
"""ViT-B, whose published weights can be loaded; slices are brought to 256² instead of 1024²."""
_SCAR_NETS = {
    "tiny": ScarNetSpec(
        EncoderSpec(width=96, layers=4, heads=4, whole_layers=(1, 3), image_pixels=128, window=8, patch=8, outputs=64),
        decoder=(64, 32, 16),
        unet=(16, 32, 64, 96, 128),
        joined=16,
    ),
    "small": ScarNetSpec(
        EncoderSpec(width=256, layers=8, heads=8, whole_layers=(1, 3, 5, 7), image_pixels=128, patch=8, outputs=128),
        unet=(32, 64, 128, 256),
    ),
    "base": ScarNetSpec(MEDSAM),
}
_UNETS = {
    "tiny": UNetSpec((21, 42, 84, 128, 168)),
    "small": UNetSpec((72, 136, 272, 560)),
    "base": UNetSpec((84, 168, 336, 672, 1008, 1176)),
}
_RESIDUAL_WIDTHS = {"tiny": 5, "small": 11, "base": 37}


def named_spec(
    architecture: Architecture, size: Size, *, inputs: int = 1, pixels: tuple[int, int] = (128, 128)
) -> Spec:
    """The spec of a network by name; networks of one size have about as many weights each.

    Args:
        architecture: Which network.
        size: How large.
        inputs: Channels of an image.
        pixels: Rows and columns, for a plan that depends on them.
    """
    if architecture == "residual_encoder":
        return ResidualEncoderSpec(pixels, _RESIDUAL_WIDTHS[size], inputs)
    table: dict[str, Spec] = {**(_SCAR_NETS if architecture == "scar_net" else _UNETS)}
    return replace(table[size], inputs=inputs)
