"""nnU-Net's U-Net with a residual encoder, from the library that nnU-Net itself is built on."""

from __future__ import annotations

import warnings
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.errors import ConfigError
from cardioscar.lge.network.blocks import padded
from cardioscar.lge.network.specs import CLASSES, ResidualEncoderSpec


class ResidualEncoder(nn.Module):
    """The plan of nnU-Net's residual encoder in two dimensions [@isensee2021] [@isensee2024]: the field's yardstick.

    Args:
        spec: Its numbers.

    Raises:
        ConfigError: If `dynamic-network-architectures` is not installed.
    """

    def __init__(self, spec: ResidualEncoderSpec) -> None:
        super().__init__()
        levels = len(spec.strides)
        self.multiple = 2 ** (levels - 1)
        self.network = _library()(
            input_channels=spec.inputs,
            n_stages=levels,
            features_per_stage=spec.features,
            conv_op=nn.Conv2d,
            kernel_sizes=[(3, 3)] * levels,
            strides=spec.strides,
            n_blocks_per_stage=spec.blocks,
            num_classes=CLASSES,
            n_conv_per_stage_decoder=[1] * (levels - 1),
            conv_bias=True,
            norm_op=nn.InstanceNorm2d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
            deep_supervision=False,
        )

    def forward(self, image: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch classes i j"]:
        """Scores (logits) of each class, for slices of any size."""
        return self.with_features(image)[0]

    def with_features(self, image: Float[Tensor, "batch channels i j"]) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores, and what each level of the encoder gave: `down.0`, …"""
        rows, columns = image.shape[-2:]
        skips = self.network.encoder(padded(image, self.multiple))
        return self.network.decoder(skips)[..., :rows, :columns], {f"down.{n}": one for n, one in enumerate(skips)}


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
    except ImportError as error:
        rule = "dynamic-network-architectures, the extra 'nnunet' of cardioscar"
        raise ConfigError("residual_encoder", rule, "none") from error
    return ResidualEncoderUNet
