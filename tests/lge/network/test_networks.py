from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cardioscar.config import as_mapping
from cardioscar.errors import ConfigError
from cardioscar.lge.network.attention import MultiScaleScarAttention, ScarAttention, SqueezeExcitation
from cardioscar.lge.network.build import build, network_of
from cardioscar.lge.network.freeze import freeze
from cardioscar.lge.network.specs import SPECS, EncoderSpec, ResidualEncoderSpec, ScarNetSpec, named_spec

TINY = ScarNetSpec(
    EncoderSpec(width=16, layers=2, heads=2, whole_layers=(1,), image_pixels=32, window=3, patch=8, outputs=16),
    decoder=(16, 8, 8),
    unet=(8, 16),
    joined=8,
)


@pytest.fixture(scope="module", params=list(SPECS))
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    spec = TINY if request.param == "scar_net" else named_spec(request.param, "tiny", pixels=(32, 32))
    return network_of(spec).eval()


@pytest.mark.parametrize("size", [(32, 32), (48, 40), (33, 50)])
@torch.no_grad()
def test_scores_have_the_size_of_the_slice_and_are_the_same_again(network: nn.Module, size: tuple[int, int]) -> None:
    images = torch.randn(2, 1, *size)
    scores = network(images)
    assert scores.shape == (2, 4, *size)
    assert scores.isfinite().all()
    torch.testing.assert_close(network(images), scores, rtol=0, atol=0)
    # a slice does not depend on those beside it in the batch; convolutions of other shapes differ in their last digits
    torch.testing.assert_close(network(images[:1]), scores[:1], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_features_come_on_request_and_change_nothing(network: nn.Module) -> None:
    images = torch.randn(1, 1, 32, 32)
    scores, features = network.with_features(images)
    torch.testing.assert_close(scores, network(images), rtol=0, atol=0)
    assert features
    assert all(one.ndim == 4 for one in features.values())


def test_scar_net_gives_the_maps_of_both_pathways() -> None:
    torch.manual_seed(1)
    scores, features = network_of(TINY).eval().with_features(torch.randn(1, 1, 40, 32))
    for name in ("scores.encoder", "scores.unet"):
        assert features[name].shape == scores.shape
    assert features["encoder"].shape == (1, 16, 4, 4)
    assert [features[f"decoder.{n}"].shape[-1] for n in range(3)] == [8, 16, 32]


def test_every_weight_of_scar_net_is_learned_and_none_comes_up_later() -> None:
    torch.manual_seed(2)
    network = network_of(TINY)
    before = {name for name, _ in network.named_parameters()}
    # a batch of one trains
    network(torch.randn(1, 1, 32, 32)).square().mean().backward()
    assert {name for name, _ in network.named_parameters()} == before
    still = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()]
    assert not still, still


@torch.no_grad()
def test_the_transformer_sees_far_and_the_unet_near() -> None:
    torch.manual_seed(3)
    network = network_of(TINY).eval()
    image = torch.randn(1, 1, 32, 32)
    changed = image.clone()
    changed[..., 0, 0] += 3
    differences = {
        name: (network.with_features(changed)[1][name] - network.with_features(image)[1][name]).abs()[..., -1, -1].max()
        for name in ("scores.encoder",)
    }
    assert differences["scores.encoder"] > 0


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_networks_of_one_size_have_about_as_many_weights(size: str) -> None:
    counts = {}
    for architecture in SPECS:
        with torch.device("meta"):
            network = network_of(named_spec(architecture, size))  # type: ignore[arg-type]
        counts[architecture] = sum(one.numel() for one in network.parameters())
    assert max(counts.values()) / min(counts.values()) < 1.12, counts


@pytest.mark.parametrize("architecture", list(SPECS))
def test_a_network_is_built_again_from_its_stored_numbers(architecture: str) -> None:
    spec = named_spec(architecture, "tiny", inputs=3)  # type: ignore[arg-type]
    with torch.device("meta"):
        first, again = network_of(spec), build(architecture, as_mapping(spec))
    assert {k: v.shape for k, v in first.state_dict().items()} == {k: v.shape for k, v in again.state_dict().items()}


def test_other_architectures_and_missing_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="scar_net or unet or residual_encoder"):
        build("transunet", {})
    with pytest.raises(ConfigError, match="all numbers of a unet"):
        build("unet", {"inputs": 1})
    with pytest.raises(ConfigError, match="patch"):
        EncoderSpec(width=16, layers=1, heads=2, whole_layers=(), image_pixels=30, patch=8)


def test_the_plan_of_the_residual_encoder_is_that_of_the_field() -> None:
    plan = ResidualEncoderSpec(pixels=(128, 128))
    # nnU-Net's planner for 128² pixels: six levels, down to 4², features doubling to 512
    assert plan.strides == ((1, 1),) + ((2, 2),) * 5
    assert plan.features == (32, 64, 128, 256, 512, 512)
    assert plan.blocks == (1, 3, 4, 6, 6, 6)
    assert ResidualEncoderSpec(pixels=(64, 16)).strides == ((1, 1), (2, 2), (2, 2), (2, 1), (2, 1))


def test_squeeze_excitation_is_its_definition() -> None:
    torch.manual_seed(4)
    layer = SqueezeExcitation(8, reduction=4)
    x = torch.randn(2, 8, 5, 6)
    first, _, last = layer.gate
    hidden = nn.functional.silu(x.mean(dim=(2, 3)) @ first.weight.T + first.bias)
    weight = torch.sigmoid(hidden @ last.weight.T + last.bias)
    torch.testing.assert_close(layer(x), x * weight[:, :, None, None])


@settings(max_examples=10)
@given(st.integers(7, 20), st.integers(7, 20))
def test_attention_weighs_between_nothing_and_all(rows: int, columns: int) -> None:
    torch.manual_seed(rows * columns)
    x = torch.randn(1, 8, rows, columns)
    weighed = ScarAttention(8)(x)
    assert (weighed.abs() <= x.abs()).all()
    assert (weighed * x >= 0).all()
    assert MultiScaleScarAttention(8)(x).shape == x.shape


def test_frozen_blocks_stay_and_the_others_learn() -> None:
    torch.manual_seed(5)
    network = network_of(TINY)
    count = freeze(network, ["encoder.vit.layers.0", "encoder.vit.pos_embed", "unet"])
    frozen = {name for name, one in network.named_parameters() if not one.requires_grad}
    assert all(name.startswith(("encoder.vit.layers.0.", "encoder.vit.pos_embed", "unet.")) for name in frozen)
    assert count == sum(one.numel() for one in network.parameters() if not one.requires_grad)
    before = {name: one.detach().clone() for name, one in network.named_parameters()}
    optimizer = torch.optim.SGD([one for one in network.parameters() if one.requires_grad], lr=0.1)
    network(torch.randn(1, 1, 32, 32)).square().mean().backward()
    optimizer.step()
    moved = {name for name, one in network.named_parameters() if not torch.equal(one, before[name])}
    assert not moved & frozen
    assert any(name.startswith("encoder.vit.layers.1.") for name in moved)


def test_a_name_that_no_part_has_is_refused_and_so_is_freezing_all() -> None:
    network = network_of(TINY)
    with pytest.raises(ConfigError, match="frozen: expected names of parts .*found 'encoder.vit.layers.9'"):
        freeze(network, ["encoder.vit.layers.9"])
    with pytest.raises(ConfigError, match="left to train"):
        freeze(network, [name for name, _ in network.named_children()])


def test_without_the_extra_the_missing_library_is_named_and_the_others_work() -> None:
    code = (
        "import sys; sys.modules['transformers'] = None; sys.modules['dynamic_network_architectures'] = None\n"
        "from cardioscar.lge.network.build import network_of\n"
        "from cardioscar.lge.network.specs import named_spec\n"
        "for one in ('unet', 'residual_encoder', 'scar_net'):\n"
        "    try: network_of(named_spec(one, 'tiny'))\n"
        "    except Exception as error: print(one, error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("scar_net scar_net: expected transformers, the extra 'lge'")


def test_specs_are_plain_numbers() -> None:
    assert dataclasses.asdict(named_spec("scar_net", "base"))["encoder"]["width"] == 768
