"""The scar field: one small coordinate network per patient, encoding ▸ hidden layers with dropout ▸ scar logit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.scar3d.field.encoding import FourierFeatures, UnitCube


@dataclass(frozen=True)
class FieldSpec:
    """Everything needed to build a field before its weights are loaded."""

    encoding: Literal["fourier", "unit"] = "fourier"
    """Fourier features of a stated length scale, or each axis scaled to 0 to 1 (the published network)."""
    features: int = 64
    """Number of random frequencies of the Fourier encoding."""
    length_scale_mm: float = 20.0
    """Length scale of the Fourier encoding in mm."""
    low_mm: tuple[float, float, float] = (-60.0, -60.0, -60.0)
    """Corner of the box that the unit encoding scales to 0, in mm relative to the centre."""
    extent_mm: tuple[float, float, float] = (120.0, 120.0, 120.0)
    """Sides of that box in mm."""
    hidden: int = 64
    """Units of a hidden layer."""
    layers: int = 2
    """Number of hidden layers."""
    activation: Literal["silu", "relu"] = "silu"
    """Activation of the hidden layers."""
    dropout: float = 0.1
    """Share of hidden units that dropout silences."""
    dropped: tuple[int, ...] | None = None
    """Hidden layers, from 0, of which dropout silences units; None for all."""
    center_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Centre of the field in mm LPS."""
    axes: tuple[tuple[float, float, float], ...] | None = None
    """Unit vectors (rows) of the field's own axes in LPS; None for those of the scanner."""
    scale: float = 1.0
    """Factor from mm of this heart to mm of the field."""

    @property
    def dropped_layers(self) -> tuple[int, ...]:
        """Hidden layers, from 0, that have a dropout mask."""
        return tuple(range(self.layers)) if self.dropped is None else self.dropped


def read_spec(values: Mapping[str, Any], *, where: str) -> FieldSpec:
    """A stored architecture.

    Args:
        values: What `dataclasses.asdict` gave.
        where: File, for messages.

    Raises:
        ConfigError: If a key is unknown or a value impossible, by name.
    """
    kept = dict(values)
    if kept.get("encoding") == "fourier":
        kept.pop("scale_mm", None)  # older files name the published network's one scale in every architecture
    return from_mapping(FieldSpec, kept, where=where, foreign=True)


def check_size(spec: FieldSpec, weights_bytes: int, *, where: str) -> None:
    """Refuse an architecture that needs more weights than there are, before a network of it is made.

    An architecture of few digits may claim any size.

    Args:
        spec: Architecture, as a file says it.
        weights_bytes: Size of the file that holds its weights.
        where: Name of that file, for messages.

    Raises:
        InputError: If the weights cannot be its.
    """
    inputs = spec.features if spec.encoding == "fourier" else 3
    least = 4 * spec.hidden * ((spec.layers - 1) * spec.hidden + inputs)
    if min(spec.hidden, spec.layers, inputs) < 1 or least > weights_bytes:
        raise InputError(where, "the weights of the architecture", "fewer")


class ScarField(nn.Module):
    """Scar logit at any position of the heart.

    Args:
        spec: Architecture and frame.
        generator: Source of the initial weights and frequencies, on the CPU.
    """

    center_mm: Tensor
    frame: Tensor | None

    def __init__(self, spec: FieldSpec, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.spec = spec
        self.register_buffer("center_mm", torch.tensor(spec.center_mm, dtype=torch.float32))
        frame = None if spec.axes is None else torch.tensor(spec.axes, dtype=torch.float32).T * spec.scale
        self.register_buffer("frame", frame, persistent=False)  # the specification holds it
        if spec.encoding == "fourier":
            self.encoding: FourierFeatures | UnitCube = FourierFeatures(spec.features, spec.length_scale_mm, generator)
        else:
            self.encoding = UnitCube(spec.low_mm, spec.extent_mm)
        widths = [self.encoding.out_features] + [spec.hidden] * spec.layers
        self.hidden = nn.ModuleList(_linear(a, b, generator) for a, b in pairwise(widths))
        self.head = _linear(widths[-1], 1, generator)
        self.activation = nn.SiLU() if spec.activation == "silu" else nn.ReLU()

    def encode(self, positions_mm: Float[Tensor, "nodes 3"]) -> Float[Tensor, "nodes features"]:
        """Features of positions in mm LPS; they do not depend on the weights, so a fit computes them once."""
        centered = positions_mm - self.center_mm
        return self.encoding(centered if self.frame is None else centered @ self.frame)

    def forward(
        self, features: Float[Tensor, "nodes features"], masks: list[Tensor] | None = None
    ) -> Float[Tensor, " nodes"]:
        """Scar logit of encoded positions.

        Args:
            features: Output of `encode`.
            masks: Multiplicative masks, see `dropout_masks`; None for the mean network.

        Returns:
            Logits, shape (nodes,).
        """
        x, mask_of = features, dict(zip(self.spec.dropped_layers, masks or (), strict=masks is not None))
        for position, layer in enumerate(self.hidden):
            x = self.activation(layer(x))
            if position in mask_of:
                x = x * mask_of[position]
        return self.head(x).squeeze(-1)

    def dropout_masks(self, rows: int, generator: torch.Generator) -> list[Tensor]:
        """Draw dropout masks, already divided by the share of units that are kept.

        Args:
            rows: 1 for one draw of the whole field (every node sees the same thinned network, so a sample is a
                function of space); the number of nodes for independent draws in training.
            generator: Source of the draws, on the field's device.

        Returns:
            One tensor of shape (rows, hidden) for each layer of `dropped_layers`.
        """
        keep = 1 - self.spec.dropout
        device = self.center_mm.device
        return [
            torch.empty(rows, self.spec.hidden, device=device).bernoulli_(keep, generator=generator).div_(keep)
            for _ in self.spec.dropped_layers
        ]


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with PyTorch's default bounds, drawn from our generator rather than the global one."""
    layer = nn.Linear(inputs, outputs)
    bound = inputs**-0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer
