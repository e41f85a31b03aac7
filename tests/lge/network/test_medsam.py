"""State dicts with the names and shapes of published files, made here: no published weight is kept in the project."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cardioscar.errors import InputError
from cardioscar.lge.network.encoder import ImageEncoder
from cardioscar.lge.network.medsam import fill_image_encoder, load_image_encoder
from cardioscar.lge.network.specs import MEDSAM, EncoderSpec

SMALL = EncoderSpec(width=16, layers=2, heads=2, whole_layers=(1,), image_pixels=64, window=3, patch=8, outputs=8)


def published(spec: EncoderSpec, grid: int) -> dict[str, Tensor]:
    """Names and shapes as SAM's own code writes them, for an image of `grid` patches along each axis."""
    generator = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        # few numbers are drawn: what is checked is where they go
        drawn = torch.randn(min(math.prod(shape), 997), generator=generator)
        return drawn.repeat(-(-math.prod(shape) // len(drawn)))[: math.prod(shape)].reshape(shape)

    width, head = spec.width, spec.width // spec.heads
    tensors = {
        "pos_embed": some(1, grid, grid, width),
        "patch_embed.proj.weight": some(width, 3, spec.patch, spec.patch),
        "patch_embed.proj.bias": some(width),
        "neck.0.weight": some(spec.outputs, width, 1, 1),
        "neck.1.weight": some(spec.outputs),
        "neck.1.bias": some(spec.outputs),
        "neck.2.weight": some(spec.outputs, spec.outputs, 3, 3),
        "neck.3.weight": some(spec.outputs),
        "neck.3.bias": some(spec.outputs),
    }
    for n in range(spec.layers):
        reach = 2 * (grid if n in spec.whole_layers else spec.window) - 1
        tensors |= {
            f"blocks.{n}.norm1.weight": some(width),
            f"blocks.{n}.norm1.bias": some(width),
            f"blocks.{n}.attn.rel_pos_h": some(reach, head),
            f"blocks.{n}.attn.rel_pos_w": some(reach, head),
            f"blocks.{n}.attn.qkv.weight": some(3 * width, width),
            f"blocks.{n}.attn.qkv.bias": some(3 * width),
            f"blocks.{n}.attn.proj.weight": some(width, width),
            f"blocks.{n}.attn.proj.bias": some(width),
            f"blocks.{n}.norm2.weight": some(width),
            f"blocks.{n}.norm2.bias": some(width),
            f"blocks.{n}.mlp.lin1.weight": some(4 * width, width),
            f"blocks.{n}.mlp.lin1.bias": some(4 * width),
            f"blocks.{n}.mlp.lin2.weight": some(width, 4 * width),
            f"blocks.{n}.mlp.lin2.bias": some(width),
        }
    rest = {"prompt_encoder.not_a_point_embed.weight": some(1, 256), "mask_decoder.iou_token.weight": some(1, 256)}
    return {f"image_encoder.{name}": value for name, value in tensors.items()} | rest


def test_weights_of_medsam_vit_b_load_by_their_published_names() -> None:
    with torch.device("meta"):
        encoder = ImageEncoder(MEDSAM, 1)
    encoder.to_empty(device="cpu")
    weights = published(MEDSAM, 64)
    assert sum(one.numel() for name, one in weights.items() if name.startswith("image_encoder")) == 89_670_912
    fill_image_encoder(encoder, weights, where="medsam_vit_b.pth")
    own = encoder.vit.state_dict()
    pairs = {
        "layers.11.attn.qkv.weight": "blocks.11.attn.qkv.weight",
        "layers.0.layer_norm2.bias": "blocks.0.norm2.bias",
        "patch_embed.projection.weight": "patch_embed.proj.weight",
        "neck.conv2.weight": "neck.2.weight",
        "neck.layer_norm2.bias": "neck.3.bias",
        "layers.0.attn.rel_pos_h": "blocks.0.attn.rel_pos_h",
    }
    for name, source in pairs.items():
        torch.testing.assert_close(own[name], weights[f"image_encoder.{source}"], rtol=0, atol=0)
    # 16² patches of a slice of 256² pixels, of the 64² of 1024²
    assert own["pos_embed"].shape == (1, 16, 16, 768)
    assert own["layers.2.attn.rel_pos_w"].shape == (31, 64)


def test_the_same_size_of_image_gives_the_same_numbers(tmp_path: Path) -> None:
    weights = published(SMALL, 8)
    save_file(weights, tmp_path / "weights.safetensors")
    torch.save(weights, tmp_path / "weights.pth")
    encoders = [ImageEncoder(SMALL, 1).eval() for _ in range(2)]
    for encoder, name in zip(encoders, ("weights.safetensors", "weights.pth"), strict=True):
        load_image_encoder(encoder, tmp_path / name)
    torch.testing.assert_close(
        encoders[0].vit.state_dict()["pos_embed"], weights["image_encoder.pos_embed"], rtol=0, atol=0
    )
    x = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(encoders[0](x), encoders[1](x), rtol=0, atol=0)


def test_embeddings_of_positions_are_interpolated() -> None:
    weights = published(SMALL, 16)
    ramp = torch.linspace(0, 1, 16)[None, :, None, None].expand(1, 16, 16, SMALL.width)
    weights["image_encoder.pos_embed"] = ramp.contiguous()
    line = torch.linspace(-1, 1, 31)[:, None].expand(31, 8)
    weights["image_encoder.blocks.1.attn.rel_pos_h"] = line.contiguous()
    encoder = ImageEncoder(SMALL, 1)
    fill_image_encoder(encoder, weights, where="weights")
    own = encoder.vit.state_dict()
    # a straight rise stays one: pixel n of the coarse grid lies at 2 n + ½ of the fine one; ends are bent
    expected = (2 * torch.arange(8) + 0.5) / 15
    torch.testing.assert_close(own["pos_embed"][0, 1:-1, 3, 0], expected[1:-1], atol=0.01, rtol=0)
    assert own["layers.1.attn.rel_pos_h"].shape == (15, 8)
    torch.testing.assert_close(own["layers.1.attn.rel_pos_h"][7, 0], torch.tensor(0.0), atol=1e-5, rtol=0)


def test_names_of_transformers_are_known_too() -> None:
    theirs = {f"vision_encoder.{name}": one for name, one in ImageEncoder(SMALL, 1).vit.state_dict().items()}
    encoder = ImageEncoder(SMALL, 1)
    fill_image_encoder(encoder, theirs, where="weights")
    for name, value in encoder.vit.state_dict().items():
        torch.testing.assert_close(value, theirs[f"vision_encoder.{name}"], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (EncoderSpec(24, 2, 2, (1,), 64, window=3, patch=8, outputs=8), "width 24, 2 layers, patches of 8"),
        (EncoderSpec(16, 3, 2, (1,), 64, window=3, patch=8, outputs=8), "width 16, 3 layers"),
        (EncoderSpec(16, 2, 2, (1,), 64, window=3, patch=16, outputs=8), "patches of 16"),
        (EncoderSpec(16, 2, 2, (1,), 64, window=3, patch=8, outputs=16), "6 weights missing or of another shape"),
        (EncoderSpec(16, 2, 4, (1,), 64, window=3, patch=8, outputs=8), "4 weights missing or of another shape"),
    ],
)
def test_another_architecture_is_refused_by_name(other: EncoderSpec, found: str) -> None:
    encoder = ImageEncoder(SMALL, 1)
    before = {name: one.clone() for name, one in encoder.state_dict().items()}
    with pytest.raises(InputError, match=f"SAM, width 16, 2 layers, patches of 8 pixels, found .*{found}"):
        fill_image_encoder(encoder, published(other, 8), where="weights.pth")
    assert all(torch.equal(one, before[name]) for name, one in encoder.state_dict().items())


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    encoder = ImageEncoder(SMALL, 1)
    with pytest.raises(InputError, match="expected a file of weights, found none"):
        load_image_encoder(encoder, tmp_path / "absent.pth")
    for name, content in (("a.pth", b"PK no zip"), ("b.safetensors", b"{}"), ("c.pth", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="found something else"):
            load_image_encoder(encoder, tmp_path / name)
    torch.save({"unet.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="image encoder of SAM.*found none"):
        load_image_encoder(encoder, tmp_path / "other.pth")


class _Runs:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("ran"),))


def test_a_file_that_would_run_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"image_encoder.pos_embed": _Runs()}, tmp_path / "bad.pth")
    with pytest.raises(InputError, match="found something else"):
        load_image_encoder(ImageEncoder(SMALL, 1), tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()


def test_weights_that_are_not_finite_are_refused() -> None:
    weights = published(SMALL, 8)
    weights["image_encoder.neck.0.weight"][0] = float("nan")
    with pytest.raises(InputError, match="finite"):
        fill_image_encoder(ImageEncoder(SMALL, 1), weights, where="weights")
