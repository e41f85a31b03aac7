"""How far the group means are from the pixels: what a fit minimises."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Loss = Literal["cross_entropy", "mse"]


def group_losses(
    means: Float[Tensor, " groups"],
    targets: Float[Tensor, " groups"],
    weights: Float[Tensor, " groups"],
    loss: Loss,
) -> Float[Tensor, " groups"]:
    """Weighted loss of each group; their sum is the loss of a step.

    Args:
        means: Mean scar probability of each group, 0 to 1.
        targets: Scar fraction of each group, 0 to 1.
        weights: Weight of each group, at least 0.
        loss: Squared error, or cross-entropy less the targets' own entropy, so that a perfect fit scores 0.

    Returns:
        One loss of at least 0 (up to rounding) for each group.

    >>> group_losses(torch.tensor([0.5]), torch.tensor([1.0]), torch.tensor([2.0]), "mse")
    tensor([0.5000])
    """
    if loss == "mse":
        return weights * (means - targets) ** 2
    p, y = means.clamp(1e-6, 1 - 1e-6), targets
    cross = torch.special.xlogy(y, p) + torch.special.xlogy(1 - y, 1 - p)
    own = torch.special.xlogy(y, y) + torch.special.xlogy(1 - y, 1 - y)
    return weights * (own - cross)
