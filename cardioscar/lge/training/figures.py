"""How good a network is on slices that it has not learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cardioscar.imaging.labels import WALL, Label
from cardioscar.lge.training.example import Batch

REGIONS = {"wall": tuple(WALL), "cavity": (Label.BLOOD_POOL,), "scar": (Label.SCAR,)}
"""What is measured: the wall is living muscle and scar together."""


def region_dice(truth: Int[np.ndarray, ...], found: Int[np.ndarray, ...]) -> dict[str, float]:
    """Dice of each region over all pixels together [@dice1945].

    Args:
        truth: `Label` of each pixel.
        found: Likewise, what a network says.

    Returns:
        0 to 1 by `REGIONS`; 0 where a region is on one side alone, 1 where it is on neither.

    >>> region_dice(np.array([1, 3, 2, 0]), np.array([1, 1, 2, 0]))
    {'wall': 1.0, 'cavity': 1.0, 'scar': 0.0}
    """
    figures = {}
    for name, labels in REGIONS.items():
        a, b = np.isin(truth, labels), np.isin(found, labels)
        size = int(a.sum()) + int(b.sum())
        figures[name] = 2 * int((a & b).sum()) / size if size else 1.0
    return figures


def validated(
    network: nn.Module,
    batches: Sequence[Batch],
    loss: Callable[[Float[Tensor, "batch classes i j"], Int[Tensor, "batch i j"]], Tensor],
    device: torch.device,
) -> dict[str, float]:
    """Loss and Dice of a network on some batches.

    Args:
        network: In evaluation mode, on the device.
        batches: What it has not learned from.
        loss: Of scores and labels.
        device: Where it computes.

    Returns:
        `loss`, the mean over batches, and `wall_dice`, `cavity_dice`, `scar_dice`, over all pixels of all batches
        together: a slice with three pixels of scar does not count as much as one with three hundred.
    """
    losses, truths, found = [], [], []
    for one in batches:
        images, labels = torch.from_numpy(one.images).to(device), torch.from_numpy(one.labels).to(device).long()
        scores = network(images)
        losses.append(float(loss(scores, labels)))
        truths.append(one.labels.ravel())
        found.append(scores.argmax(dim=1).cpu().numpy().ravel())
    dice = region_dice(np.concatenate(truths), np.concatenate(found))
    return {"loss": float(np.mean(losses)), **{f"{name}_dice": value for name, value in dice.items()}}
