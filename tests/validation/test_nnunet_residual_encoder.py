"""The residual encoder beside the library that nnU-Net is built on, `dynamic-network-architectures` 0.4.4."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from cardioscar.lge.network.residual_encoder import ResidualEncoder
from cardioscar.lge.network.specs import CLASSES, ResidualEncoderSpec

SPECS = (ResidualEncoderSpec((64, 64), 4, 1), ResidualEncoderSpec((48, 96), 6, 3))


def library_network(spec: ResidualEncoderSpec) -> nn.Module:
    pytest.importorskip("dynamic_network_architectures", reason="the library of nnU-Net is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
    levels = len(spec.strides)
    return ResidualEncoderUNet(
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


@pytest.mark.parametrize("spec", SPECS)
def test_the_same_seed_gives_the_library_s_weights_and_scores(spec: ResidualEncoderSpec) -> None:
    torch.manual_seed(3)
    theirs = library_network(spec).eval()
    torch.manual_seed(3)
    ours = ResidualEncoder(spec).eval()
    stored = theirs.state_dict()
    finest = f"decoder.seg_layers.{len(spec.strides) - 2}"
    for name, value in ours.network.state_dict().items():
        torch.testing.assert_close(value, stored[name.replace("decoder.head", finest)], rtol=0, atol=0)
    image = torch.rand(2, spec.inputs, *spec.pixels)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)


def test_each_weight_is_stored_once() -> None:
    network = ResidualEncoder(SPECS[0])
    assert sum(one.numel() for one in network.state_dict().values()) == sum(p.numel() for p in network.parameters())
