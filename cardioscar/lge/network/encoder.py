"""The image encoder of SAM: the vision transformer of `transformers`, of any size."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.errors import ConfigError
from cardioscar.lge.network.blocks import resized
from cardioscar.lge.network.specs import EncoderSpec

_LARGEST = 4.0  # of the grey values, see `lge.intensity`


class ImageEncoder(nn.Module):
    """Brings a slice to three channels and its size, and gives features at a coarse grid [@kirillov2023].

    Args:
        spec: Its numbers.
        inputs: Channels of an image.

    Raises:
        ConfigError: If `transformers` is not installed.
    """

    def __init__(self, spec: EncoderSpec, inputs: int) -> None:
        super().__init__()
        self.spec = spec
        self.to_rgb = nn.Conv2d(inputs, 3, 1)
        self._as_published()
        self.vit = _transformer(spec)

    @torch.no_grad()
    def _as_published(self) -> None:
        """Start with what published weights were trained on: three equal channels from 0 to 1."""
        middle = self.to_rgb.in_channels // 2
        nn.init.zeros_(self.to_rgb.weight)
        nn.init.constant_(self.to_rgb.weight[:, middle], 1 / (2 * _LARGEST))
        nn.init.constant_(self.to_rgb.bias, 0.5)  # type: ignore[arg-type]

    def forward(self, image: Float[Tensor, "batch channels i j"]) -> Float[Tensor, "batch outputs rows columns"]:
        """Features, one for each patch of the image as it is seen here."""
        size = torch.Size((self.spec.image_pixels,) * 2)
        return self.vit(resized(self.to_rgb(image), size)).last_hidden_state


def _transformer(spec: EncoderSpec) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another library's own making
            from transformers import SamVisionConfig
            from transformers.models.sam.modeling_sam import SamVisionEncoder
    except ImportError as error:
        raise ConfigError("scar_net", "transformers, the extra 'lge' of cardioscar", "none") from error
    # the published range of initial weights, 1e-10, is one to be overwritten: nothing could be learned from it
    config = SamVisionConfig(
        hidden_size=spec.width,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        mlp_dim=4 * spec.width,
        image_size=spec.image_pixels,
        patch_size=spec.patch,
        window_size=spec.window,
        global_attn_indexes=list(spec.whole_layers),
        output_channels=spec.outputs,
        initializer_range=0.02,
    )
    return SamVisionEncoder(config)
