"""MC-Dropout: samples of the field, projected onto the pixels, and their mean and standard deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import expit, logit

from cardioscar.scar3d.field import ScarField
from cardioscar.scar3d.projection import LIMIT, ShiftCarrier, pixel_variance, project
from cardioscar.scar3d.sorting import SortedGroups
from cardioscar.types import GroupValues, NodeValues, Points


@dataclass(frozen=True)
class Prediction:
    """Scar at every node.

    Attributes:
        probability: Mean over the samples, 0 to 1, shape (nodes,), float32.
        uncertainty: Standard deviation over the samples, 0 to 0.5, shape (nodes,), float32.
    """

    probability: NodeValues
    uncertainty: NodeValues


def sample_logits(
    field: ScarField, nodes_mm: Points, *, samples: int, seed: int, chunk: int = 65_536
) -> Float[np.ndarray, "samples nodes"]:
    """Draw whole fields by MC-Dropout [@gal2016]: one thinned network a sample, the same at every node.

    Args:
        field: Fitted field.
        nodes_mm: Positions in mm LPS, shape (nodes, 3).
        samples: Number of draws; with no dropout in the field all draws are equal.
        seed: Seed of the draws.
        chunk: Nodes evaluated at once; it bounds memory and does not change the result.

    Returns:
        Logits, float32, 4 bytes a sample and node.
    """
    device = field.center_mm.device
    generator = torch.Generator(device).manual_seed(seed)
    draws = [field.dropout_masks(1, generator) for _ in range(samples)]
    logits = np.empty((samples, len(nodes_mm)), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(nodes_mm), chunk):
            part = torch.as_tensor(nodes_mm[start : start + chunk], dtype=torch.float32, device=device)
            features = field.encode(part)  # the same for every draw, and as dear as the network itself
            for row, masks in zip(logits, draws, strict=True):
                row[start : start + chunk] = field(features, masks).cpu().numpy()
    return logits


def predict(
    field: ScarField,
    nodes_mm: Points,
    groups: SortedGroups,
    targets: GroupValues,
    *,
    samples: int = 20,
    projection: Literal["none", "soft", "hard"] = "soft",
    interpolated: NodeValues | None = None,
    blend: float = 0.25,
    reach_mm: float = 4.0,
    seed: int = 0,
    on_sample: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Mean and standard deviation of projected MC-Dropout samples.

    Args:
        field: Fitted field.
        nodes_mm: All mesh nodes in mm LPS, shape (nodes, 3).
        groups: Observed nodes in group order.
        targets: Scar fraction of each group, 0 to 1.
        samples: Number of draws.
        projection: `soft` trusts a pixel within its variance, `hard` meets it exactly, `none` leaves the field alone.
        interpolated: Probability at the nodes by interpolation between slices, averaged with the field in logit
            space; None for the field alone.
        blend: Weight of `interpolated`, 0 to 1.
        reach_mm: How far the projection's shifts reach into unobserved tissue, mm.
        seed: Seed of the draws.
        on_sample: Called with samples done and their number.

    Returns:
        The prediction at every node. With one sample the uncertainty is zero everywhere.
    """
    total = np.zeros(len(nodes_mm))
    squares = np.zeros(len(nodes_mm))
    prior = None if interpolated is None else blend * logit(np.clip(interpolated, 1e-4, 1 - 1e-4))
    variance = pixel_variance(targets, groups.group_offsets) if projection == "soft" else None
    carrier = ShiftCarrier(nodes_mm, groups.node_order, groups.group_offsets, reach_mm if projection != "none" else 0.0)
    for done, logits in enumerate(sample_logits(field, nodes_mm, samples=samples, seed=seed), start=1):
        drawn = logits.astype(np.float64) if prior is None else (1 - blend) * logits + prior
        if projection != "none":
            observed = drawn[groups.node_order]
            projected = project(observed, groups.group_offsets, targets, variance=variance)
            drawn[groups.node_order] = projected
            carrier.carry(drawn, np.clip(observed, -LIMIT, LIMIT), projected)
        probability = expit(drawn)
        total += probability
        squares += probability**2
        if on_sample:
            on_sample(done, samples)
    mean = total / samples
    spread = np.sqrt(np.maximum(squares / samples - mean**2, 0))
    return Prediction(mean.astype(np.float32), spread.astype(np.float32))
