"""Encodings: from a position to the features that a field's network sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    r"""Fourier features $γ(x) = [\cos ωx, \sin ωx]$ with $ω \sim N(0, ℓ^{-2})$ [@tancik2020; @rahimi2007].

    A linear model on them is a Gaussian process of length scale ℓ, so ℓ is read in millimetres as one reads a kernel.
    The frequencies are a scrambled Sobol sequence [@avron2016]: as few as 64 cover space evenly, whatever the seed.

    Args:
        features: Number of frequencies.
        length_scale_mm: ℓ in mm.
        generator: Source of the frequencies, on the CPU: the same seed gives the same encoding on every device.

    Attributes:
        out_features: Width of the output, 2 · features.
    """

    omega: Tensor

    def __init__(self, features: int, length_scale_mm: float, generator: torch.Generator) -> None:
        super().__init__()
        self.out_features = 2 * features
        seed = int(torch.randint(2**31, (1,), generator=generator))
        uniform = torch.quasirandom.SobolEngine(3, scramble=True, seed=seed).draw(features, dtype=torch.float64)
        normal = torch.erfinv(2 * uniform.clamp(1e-6, 1 - 1e-6) - 1) * 2**0.5
        self.register_buffer("omega", (normal / length_scale_mm).T.float().contiguous())

    def forward(self, positions_mm: Float[Tensor, "nodes 3"]) -> Float[Tensor, "nodes features"]:
        """Encode positions in mm, relative to the field's centre."""
        phase = positions_mm @ self.omega
        return torch.cat([torch.cos(phase), torch.sin(phase)], dim=-1)


class UnitCube(nn.Module):
    """Each axis of a box scaled to 0 to 1 by itself, as the published network sees positions [@sen2025].

    Distances do not keep their shape: a mm along a short side counts for more than one along a long side.

    Args:
        low_mm: Corner of the box that becomes 0, in mm relative to the field's centre.
        extent_mm: Sides of the box in mm.

    Attributes:
        out_features: 3.
    """

    out_features = 3
    low_mm: Tensor
    extent_mm: Tensor

    def __init__(self, low_mm: Sequence[float], extent_mm: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("low_mm", torch.tensor(low_mm, dtype=torch.float32), persistent=False)
        self.register_buffer("extent_mm", torch.tensor(extent_mm, dtype=torch.float32), persistent=False)

    def forward(self, positions_mm: Float[Tensor, "nodes 3"]) -> Float[Tensor, "nodes 3"]:
        """Scale positions in mm, relative to the field's centre; outside the box they are below 0 or above 1."""
        return (positions_mm - self.low_mm) / self.extent_mm
