"""From the name and the numbers of a network to the network, for trainings and for bundles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError
from cardioscar.lge.network.residual_encoder import ResidualEncoder
from cardioscar.lge.network.scar_net import ScarNet
from cardioscar.lge.network.specs import CLASSES, SPECS, ResidualEncoderSpec, ScarNetSpec, Spec, UNetSpec
from cardioscar.lge.network.unet import UNet


def network_of(spec: Spec) -> nn.Module:
    """The network of a spec, untrained, in training mode."""
    if isinstance(spec, ScarNetSpec):
        return ScarNet(spec)
    if isinstance(spec, UNetSpec):
        return UNet(spec.inputs, CLASSES, spec.features)
    return ResidualEncoder(spec)


def build(architecture: str, numbers: Mapping[str, Any]) -> nn.Module:
    """The network of a stored description.

    Args:
        architecture: `scar_net`, `unet` or `residual_encoder`.
        numbers: Its spec as a mapping.

    Raises:
        ConfigError: If the architecture is another one, or a number is missing or of the wrong kind.

    >>> sum(one.numel() for one in build("unet", {"features": [4, 8], "inputs": 1}).parameters())
    1704
    """
    if architecture not in SPECS:
        raise ConfigError("architecture", " or ".join(SPECS), "another one")
    kind: type[ScarNetSpec] | type[UNetSpec] | type[ResidualEncoderSpec] = SPECS[architecture]
    try:
        spec = from_mapping(kind, numbers, where="spec", foreign=True)
    except TypeError as error:
        raise ConfigError("spec", f"all numbers of a {architecture}", "fewer") from error
    return network_of(spec)
