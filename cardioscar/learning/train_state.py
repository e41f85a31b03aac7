"""How far a training is: all that a killed one needs to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass
class TrainState:
    """All that a killed fit or training needs to go on as if nothing had happened.

    Attributes:
        epoch: Epochs done; of a training, validations done.
        step: Optimiser steps done.
        best_loss: Lowest epoch loss so far; of a training, best figure of the validation.
        best_epoch: Epoch of the lowest loss; of a training, steps done at the best figure.
        kept_weights: The network's state at that epoch, or at the last one where the plan keeps that.
        losses: Loss of each epoch done; of a training, of each step.
        seconds: Time spent, earlier attempts included.
        extra: What else a training keeps, JSON-ready: validations, order of the examples, scale of the loss.
        random: States of torch's own sources of random numbers, by device type.
    """

    epoch: int = 0
    step: int = 0
    best_loss: float = float("inf")
    best_epoch: int = -1
    kept_weights: dict[str, Tensor] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)
    random: dict[str, Tensor] = field(default_factory=dict)
