"""Published weights of SAM's image encoder, such as MedSAM's, brought into the encoder by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from cardioscar.errors import InputError, counted
from cardioscar.lge.network.encoder import ImageEncoder
from cardioscar.lge.network.specs import EncoderSpec

PREFIXES = ("image_encoder.", "vision_encoder.", "module.image_encoder.", "sam.vision_encoder.")
"""What stands before the encoder's names in published files: of SAM and MedSAM, and of `transformers`."""
_RENAMED = (
    (r"^patch_embed\.proj\.", "patch_embed.projection."),
    (r"^blocks\.", "layers."),
    (r"^(layers\.\d+)\.norm([12])\.", r"\1.layer_norm\2."),
    (r"^neck\.0\.", "neck.conv1."),
    (r"^neck\.1\.", "neck.layer_norm1."),
    (r"^neck\.2\.", "neck.conv2."),
    (r"^neck\.3\.", "neck.layer_norm2."),
)
"""Names of SAM's own code and those of `transformers`."""


def load_image_encoder(encoder: ImageEncoder, path: Path) -> None:
    """Give the encoder published weights of SAM's architecture (MedSAM [@ma2024]), in place.

    Embeddings of positions are interpolated to the encoder's size of image. Other parts of a published file (prompts,
    decoder of masks) are passed over.

    Args:
        encoder: Of the same width and depth.
        path: A safetensors file, or a `.pth` of tensors, of which nothing but tensors is read.

    Raises:
        InputError: If the file cannot be read, holds no image encoder, or one of another architecture.
    """
    fill_image_encoder(encoder, read_tensors(path), where=path.name if path.name.isascii() else "weights")


def fill_image_encoder(encoder: ImageEncoder, tensors: Mapping[str, Tensor], *, where: str) -> None:
    """As `load_image_encoder`, of tensors by their published names."""
    found = _encoder_part(tensors)
    rule = f"the image encoder of SAM, {_described(encoder.spec)}"
    if "patch_embed.projection.weight" not in found:
        raise InputError(where, rule, "none")
    own = encoder.vit.state_dict()
    layers = len({name.split(".")[1] for name in found if name.startswith("layers.")})
    width, _, patch, _ = (*found["patch_embed.projection.weight"].shape, 0, 0, 0, 0)[:4]
    if (width, layers, patch) != (encoder.spec.width, encoder.spec.layers, encoder.spec.patch):
        raise InputError(where, rule, f"one of width {width}, {counted(layers, 'layer')}, patches of {patch}")
    placed = {name: _at_size(found[name], like, name) for name, like in own.items() if name in found}
    wrong = [name for name, like in own.items() if name not in placed or placed[name].shape != like.shape]
    if wrong:
        raise InputError(where, rule, f"{counted(len(wrong), 'weight')} missing or of another shape: {wrong[0]}, …")
    if not all(one.isfinite().all() for one in placed.values()):
        raise InputError(where, "finite weights", "others")
    encoder.vit.load_state_dict(placed)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a file by name.

    Raises:
        InputError: If the file is not there, or holds anything but tensors by name.
    """
    from safetensors.torch import load_file

    where = path.name if path.name.isascii() else "weights"
    if not path.is_file():
        raise InputError(where, "a file of weights", "none")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # only tensors and containers of them: a file that would run something is refused
        read = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # what a foreign file makes of PyTorch's reader is listed nowhere
        raise InputError(where, "tensors by name, in safetensors or in PyTorch's format", "something else") from error
    if isinstance(read, dict) and isinstance(read.get("model"), dict):
        read = read["model"]
    if not isinstance(read, dict) or not all(isinstance(one, Tensor) for one in read.values()):
        raise InputError(where, "tensors by name", "something else")
    return {str(name): one for name, one in read.items()}


def _encoder_part(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors under the names of `transformers`."""
    prefix = next((one for one in PREFIXES if any(name.startswith(one) for name in tensors)), "")
    found = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            own = name.removeprefix(prefix)
            for pattern, now in _RENAMED:
                own = re.sub(pattern, now, own)
            found[own] = value.float()
    return found


def _at_size(value: Tensor, like: Tensor, name: str) -> Tensor:
    """Embeddings of positions at another size of image; all else as it is."""
    if value.shape == like.shape:
        return value
    if name == "pos_embed" and value.ndim == like.ndim == 4 and value.shape[-1] == like.shape[-1]:
        grid = value.movedim(-1, 1)
        size = (int(like.shape[1]), int(like.shape[2]))
        return functional.interpolate(grid, size=size, mode="bicubic", align_corners=False).movedim(1, -1)
    if "rel_pos_" in name and value.ndim == like.ndim == 2 and value.shape[1] == like.shape[1]:
        line = value.T[None]
        return functional.interpolate(line, size=like.shape[0], mode="linear", align_corners=False)[0].T.contiguous()
    return value


def _described(spec: EncoderSpec) -> str:
    return f"width {spec.width}, {spec.layers} layers, patches of {spec.patch} pixels"
