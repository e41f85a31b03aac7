"""The physical constraint: the mean over the nodes that a pixel sees is the pixel."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardioscar.errors import InputError


def group_means(
    values: Float[Tensor, " nodes"],
    group_offsets: Int[Tensor, " groups_plus_1"],
) -> Float[Tensor, " groups"]:
    r"""Average a nodal field over the nodes that one pixel sees.

    $$\bar s_g = \frac{1}{|N_g|} \sum_{i \in N_g} s_i$$  [@sen2025, weak supervision]

    Args:
        values: Scar probability at each node in group order, 0 to 1.
        group_offsets: First node of each group, then the number of nodes (CSR).

    Returns:
        Mean scar probability of each group, 0 to 1; differentiable in `values`.

    Raises:
        InputError: If a group is empty: its mean is undefined.

    >>> group_means(torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0, 2, 3]))
    tensor([0.5000, 1.0000])
    """
    sizes = group_offsets.diff()
    if (sizes < 1).any():
        raise InputError("group_offsets", "at least one node in each group", f"{int((sizes < 1).sum())} empty groups")
    return torch.segment_reduce(values, "mean", offsets=group_offsets)
