"""nnU-Net's U-Net with a residual encoder, in two dimensions.

The library that nnU-Net is built on (`dynamic-network-architectures`) stores each weight under three names, so that the
files are four times as large, and requires `torchvision`; what ships must need neither. A test holds this network
against the library's: the same names, the same first weights from the same seed, the same scores.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.lge.network.blocks import padded
from cardioscar.lge.network.specs import CLASSES, ResidualEncoderSpec

Stride = tuple[int, int]


class ResidualEncoder(nn.Module):
    """The plan of nnU-Net's residual encoder in two dimensions [@isensee2021] [@isensee2024]: the field's yardstick.

    Args:
        spec: Its numbers.
    """

    def __init__(self, spec: ResidualEncoderSpec) -> None:
        super().__init__()
        self.multiple = 2 ** (len(spec.strides) - 1)
        self.network = _ResidualUNet(spec)

    def forward(self, image: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch classes i j"]:
        """Scores (logits) of each class, for slices of any size."""
        return self.with_features(image)[0]

    def with_features(self, image: Float[Tensor, "batch channels i j"]) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores, and what each level of the encoder gave: `down.0`, …"""
        rows, columns = image.shape[-2:]
        skips = self.network.encoder(padded(image, self.multiple))
        return self.network.decoder(skips)[..., :rows, :columns], {f"down.{n}": one for n, one in enumerate(skips)}


class _ResidualUNet(nn.Module):
    def __init__(self, spec: ResidualEncoderSpec) -> None:
        super().__init__()
        self.encoder, self.decoder = _Encoder(spec), _Decoder(spec)


class _Encoder(nn.Module):
    """A convolution, then levels of residual blocks; the first block of a level halves the picture."""

    def __init__(self, spec: ResidualEncoderSpec) -> None:
        super().__init__()
        inputs = spec.features[0]
        self.stem = _Convolutions(spec.inputs, inputs)
        self.stages = nn.ModuleList()
        for features, stride, blocks in zip(spec.features, spec.strides, spec.blocks, strict=True):
            self.stages.append(_Level(inputs, features, stride, blocks))
            inputs = features

    def forward(self, image: Tensor) -> list[Tensor]:
        x, found = self.stem(image), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class _Decoder(nn.Module):
    """Each level is doubled, joined with the encoder's and convolved; scores are those of the finest."""

    def __init__(self, spec: ResidualEncoderSpec) -> None:
        super().__init__()
        self.stages, self.transpconvs = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(1, len(spec.features))):
            below, beside, stride = spec.features[level], spec.features[level - 1], spec.strides[level]
            self.transpconvs.append(nn.ConvTranspose2d(below, beside, stride, stride))
            self.stages.append(_Convolutions(2 * beside, beside))
            # the library makes scores of every level, also where the finest alone are used: a seed's weights follow
            self.head = nn.Conv2d(beside, CLASSES, 1)

    def forward(self, skips: list[Tensor]) -> Tensor:
        x = skips[-1]
        for transposed, stage, beside in zip(self.transpconvs, self.stages, skips[-2::-1], strict=True):
            x = stage(torch.cat([transposed(x), beside], dim=1))
        scores: Tensor = self.head(x)
        return scores


class _Level(nn.Module):
    def __init__(self, inputs: int, features: int, stride: Stride, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _Residual(inputs, features, stride), *(_Residual(features, features, (1, 1)) for _ in range(blocks - 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.blocks(x)
        return found


class _Residual(nn.Module):
    """Two convolutions beside a shortcut that averages where the picture is halved (ResNet-D) [@he2019]."""

    def __init__(self, inputs: int, features: int, stride: Stride) -> None:
        super().__init__()
        self.conv1 = _Convolution(inputs, features, stride)
        self.conv2 = _Convolution(features, features, active=False)
        shortcut: list[nn.Module] = []
        if stride != (1, 1):
            shortcut.append(nn.AvgPool2d(stride, stride))
        if inputs != features:
            shortcut.append(_Convolution(inputs, features, size=1, bias=False, active=False))
        self.skip = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.conv2(self.conv1(x)) + self.skip(x), 0.01)


class _Convolutions(nn.Module):
    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(_Convolution(inputs, features))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.convs(x)
        return found


class _Convolution(nn.Module):
    """Convolution, normalisation of each picture, and leaky ReLU where it is active."""

    def __init__(
        self, inputs: int, features: int, stride: Stride = (1, 1), *, size: int = 3, bias: bool = True,
        active: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, features, size, stride, padding=size // 2, bias=bias)
        self.norm = nn.InstanceNorm2d(features, eps=1e-5, affine=True)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.norm(self.conv(x))
        return functional.leaky_relu(found, 0.01) if self.active else found
