"""How far a training is: all that a killed one needs to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class TrainState:
    """All that a killed fit needs to go on as if nothing had happened.

    Attributes:
        epoch: Epochs done.
        step: Optimiser steps done.
        best_loss: Lowest epoch loss so far.
        best_epoch: Epoch of the lowest loss.
        kept_weights: The field's state at that epoch, or at the last one where the plan keeps that.
        losses: Loss of each epoch done.
        seconds: Time spent, earlier attempts included.
    """

    epoch: int = 0
    step: int = 0
    best_loss: float = float("inf")
    best_epoch: int = -1
    kept_weights: dict[str, Tensor] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
