"""Settings of a fit; light to import, because command line and components read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class FitConfig:
    """How a subject's field is fitted."""

    method: Literal["fourier", "reference"] = "fourier"
    """`fourier`: Fourier features, full batch, AdamW, one cycle. `reference`: the published network and schedule."""
    steps: int = 200
    """Optimiser steps of the Fourier method."""
    learning_rate: float = 1e-2
    """Peak learning rate of the one-cycle schedule (Fourier method)."""
    length_scale_mm: float = 16.0
    """Length scale of the Fourier features in mm."""
    features: int = 64
    """Number of Fourier frequencies."""
    hidden: int = 64
    """Units of a hidden layer (Fourier method)."""
    layers: int = 2
    """Hidden layers (Fourier method)."""
    dropout: float = 0.1
    """Dropout rate, in the fit and in MC-Dropout inference."""
    weight_decay: float = 1e-4
    """Decoupled weight decay of AdamW (Fourier method)."""
    nodes_per_group: int = 8
    """At most so many nodes of a group enter the fit (Fourier method)."""
    active_mm: float = 8.0
    """Groups within this distance of a scarred pixel all enter the fit (Fourier method)."""
    remote_fraction: float = 0.05
    """Share of the groups farther away that enter, weighted up accordingly (Fourier method)."""
    max_epochs: int = 10_000
    """Upper limit of epochs (reference method)."""
    patience: int = 500
    """Epochs without a lower training loss before the fit stops (reference method)."""
    mc_passes: int = 3
    """Dropout passes averaged in each step (reference method)."""
    seed: int = 0
    """Seed of weights, frequencies, sampling and dropout."""
    device: str = "auto"
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""
    checkpoint_seconds: float = 5.0
    """Time between checkpoints in seconds."""
    subjects_together: int = 0
    """At most so many subjects of a shard are fitted in one computation; 0 takes 16 on CUDA and 1 on the CPU."""

    def __post_init__(self) -> None:
        for name in ("steps", "features", "hidden", "layers", "nodes_per_group", "max_epochs", "patience", "mc_passes"):
            if getattr(self, name) < 1:
                raise ConfigError(name, "at least 1", str(getattr(self, name)))
        if self.subjects_together < 0:
            raise ConfigError("subjects_together", "at least 0", str(self.subjects_together))
        for name in ("learning_rate", "length_scale_mm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(name, "a positive number", f"{getattr(self, name):g}")
        for name in ("weight_decay", "active_mm", "checkpoint_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
        for name in ("dropout", "remote_fraction"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(name, "a share from 0 to below 1", f"{getattr(self, name):g}")
