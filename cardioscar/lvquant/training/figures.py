"""How good the network is on slices that it has not learned from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import nn

from cardioscar.imaging.labels import Label
from cardioscar.lvquant.training.config import WATCHED
from cardioscar.lvquant.training.example import Example, batch

_UNITS = {"areas_mae_mm2": 500.0, "dimensions_mae_mm": 10.0, "thickness_mae_mm": 2.0, "phase_error_percent": 50.0}
"""Errors that weigh as much as a Dice of 0 in the figure that is watched: the units of the loss, and guessing."""
_TASKS = {"areas": "areas_mae_mm2", "dimensions": "dimensions_mae_mm", "thickness": "thickness_mae_mm",
          "phase": "phase_error_percent"}  # fmt: skip


def validated(
    network: nn.Module,
    batches: Sequence[Sequence[Example]],
    device: torch.device,
    tasks: Collection[str] = tuple(_TASKS),
) -> dict[str, float]:
    """Figures of a network.

    Args:
        network: In evaluation mode, on the device.
        batches: Examples of one size each that it has not learned from.
        device: Where it computes.
        tasks: Tasks that it learned; the others are not measured.

    Returns:
        `cavity_dice` and `wall_dice` over all known pixels together [@dice1945]; `empty_mm2`, the mean area marked in
        frames that show no ventricle; mean absolute errors of what the heads regress in frames that show one, over all
        frames and indices; the share of frames whose phase is wrong; and `error`, the mean of 1 − Dice and of the
        errors in `_UNITS`, by which weights are chosen. What no example knows is left out.
    """
    both, sizes = np.zeros(2), np.zeros(2)
    empty: list[float] = []
    errors: dict[str, list[float]] = {name: [] for name in _TASKS.values()}
    for examples in batches:
        images, pixels, targets = batch(examples)
        output = network(images.to(device), pixels.to(device))
        labels = output.scores.argmax(dim=1).cpu().numpy()
        truth = targets.labels.numpy()
        for number, label in enumerate((Label.BLOOD_POOL, Label.MYOCARDIUM)):
            found = (labels == label) & (truth >= 0)
            both[number] += np.count_nonzero(found & (truth == label))
            sizes[number] += np.count_nonzero(found) + np.count_nonzero(truth == label)
        pixel_mm2 = pixels.prod(dim=1).numpy()[:, None]
        nothing = (truth == Label.BACKGROUND).all(axis=(2, 3))
        empty += ((labels > 0).sum(axis=(2, 3)) * pixel_mm2)[nothing].tolist()
        shown = (targets.areas_mm2[..., 0] > 0).numpy()
        for task, given, wanted in (
            ("areas", output.areas_mm2, targets.areas_mm2),
            ("dimensions", output.dimensions_mm, targets.dimensions_mm),
            ("thickness", output.thickness_mm, targets.thickness_mm),
        ):
            known = wanted.isfinite().numpy() & shown[..., None]
            errors[_TASKS[task]] += np.abs(given.cpu().numpy() - wanted.numpy())[known].tolist()
        known = targets.systole.isfinite().numpy()
        wrong = (output.systole.cpu().numpy() > 0) != (targets.systole.numpy() > 0.5)
        errors[_TASKS["phase"]] += (100.0 * wrong[known]).tolist()
    # on neither side: nothing to find, and nothing found
    dice = [2 * b / s if s else 1.0 for b, s in zip(both, sizes, strict=True)]
    figures = {"cavity_dice": float(dice[0]), "wall_dice": float(dice[1])}
    if empty:
        figures["empty_mm2"] = float(np.mean(empty))
    measured = {name: float(np.mean(errors[name])) for task, name in _TASKS.items() if task in tasks and errors[name]}
    weighed = [1 - figures["cavity_dice"], 1 - figures["wall_dice"], *(v / _UNITS[n] for n, v in measured.items())]
    return {WATCHED: float(np.mean(weighed)), **figures, **measured}
