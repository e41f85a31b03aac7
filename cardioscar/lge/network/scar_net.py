"""ScarNet: a transformer that sees the whole slice, a U-Net that sees each pixel, and their fusion."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.lge.network.attention import MultiScaleScarAttention, ScarBlockAttention
from cardioscar.lge.network.blocks import ConvolutionPair, resized
from cardioscar.lge.network.encoder import ImageEncoder
from cardioscar.lge.network.specs import CLASSES, ScarNetSpec
from cardioscar.lge.network.unet import UNet


class ScarNet(nn.Module):
    """Two pathways to a map of classes each, and a third map made of both [@tavakoli2025].

    The transformer's features are brought back to the slice by blocks with squeeze-excitation and ScarAttention; all
    of their outputs together go through multi-scale ScarAttention. The U-Net has the same attentions in each block.
    Both maps are softmaxed, put side by side and fused by convolution, which learns which pathway to follow where.
    All layers are built here, once.

    Args:
        spec: Its numbers.

    Raises:
        ConfigError: If `transformers` is not installed.
    """

    def __init__(self, spec: ScarNetSpec) -> None:
        super().__init__()
        self.encoder = ImageEncoder(spec.encoder, spec.inputs)
        widths = (spec.encoder.outputs, *spec.decoder)
        self.decoder = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(before, after, 2, stride=2), ConvolutionPair(after, after), ScarBlockAttention(after)
            )
            for before, after in zip(widths, spec.decoder, strict=False)
        )
        self.join = nn.Conv2d(sum(spec.decoder), spec.joined, 1)
        self.attention = MultiScaleScarAttention(spec.joined)
        self.head = nn.Conv2d(spec.joined, CLASSES, 1)
        self.unet = UNet(spec.inputs, CLASSES, spec.unet, ScarBlockAttention)
        # no normalisation: the map of a class that is not there would be blown up to the size of the others
        self.fusion = nn.Sequential(
            nn.Conv2d(2 * CLASSES, 4 * CLASSES, 3, padding=1),
            nn.LeakyReLU(0.01, inplace=True),
            nn.Conv2d(4 * CLASSES, CLASSES, 1),
        )

    def forward(self, image: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch classes i j"]:
        """Scores (logits) of each class, for slices of any size."""
        return self.with_features(image)[0]

    def with_features(self, image: Float[Tensor, "batch channels i j"]) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores, and what the parts gave.

        Returns:
            Logits of the classes, and by name: `encoder`, `decoder.0` …, `attention`, the U-Net's blocks `unet.down.0`
            …, `unet.up.0` …, and the two pathways' own logits at the size of the image, `scores.encoder` and
            `scores.unet`.
        """
        size = image.shape[-2:]
        x = self.encoder(image)
        features, steps = {"encoder": x}, []
        for level, block in enumerate(self.decoder):
            x = block(x)
            steps.append(x)
            features[f"decoder.{level}"] = x
        together = torch.cat([resized(one, x.shape[-2:]) for one in steps], dim=1)
        attended = self.attention(self.join(together))
        whole = resized(self.head(attended), size)
        local, inner = self.unet.with_features(image)
        features |= {"attention": attended, "scores.encoder": whole, "scores.unet": local}
        features |= {f"unet.{name}": value for name, value in inner.items()}
        return self.fusion(torch.cat([whole.softmax(dim=1), local.softmax(dim=1)], dim=1)), features
