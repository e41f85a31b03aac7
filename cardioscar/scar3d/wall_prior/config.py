"""Settings of the training of the scar prior; light to import, because the command line reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cardioscar.config import execution
from cardioscar.errors import ConfigError
from cardioscar.scar3d.field.fit_config import check_seed

Pixels = Literal["fractions", "labels"]
"""What pixels say: the fraction of scar, or scar or not."""


@dataclass(frozen=True)
class ScarPriorConfig:
    """How a prior is trained on synthetic scars."""

    pixels: Pixels = "fractions"
    """Kind of pixels that it is for: `fractions` of scar, with an answer at every place; or `labels`, drawn by hand in
    each slice by itself, where the answer is what the same hand would draw."""

    ventricles: int = 200
    """Synthetic ventricles, each of its own size and shape."""
    scars: int = 6
    """Synthetic scars, and examinations of them, for each ventricle."""
    epochs: int = 3
    """Passes over the examples; each pass turns and mirrors them anew."""
    batch: int = 3
    """Examples of one ventricle in an optimiser step."""
    learning_rate: float = 4e-3
    """Peak learning rate of the one-cycle schedule."""
    weight_decay: float = 1e-4
    """Decoupled weight decay of AdamW."""
    channels: int = 16
    """Features of the finest level of the U-Net; each coarser level has twice as many."""
    cell_mm: float = 2.4
    """Wanted size of a grid cell along and around the wall in mm."""
    layers: int = 5
    """Grid cells through the wall."""
    validation: float = 0.05
    """Share of the ventricles kept back to report the loss on."""
    seed: int = 0
    """Seed of ventricles, scars, examinations, weights and order."""
    checkpoint_seconds: float = execution(60.0)
    """Time in seconds between checkpoints, from which a killed training goes on."""

    def __post_init__(self) -> None:
        for name in ("ventricles", "scars", "epochs", "batch", "channels"):
            if getattr(self, name) < 1:
                raise ConfigError(name, "at least 1", str(getattr(self, name)))
        if self.channels % 4:
            raise ConfigError("channels", "a multiple of 4 (features are normalised in four parts)", str(self.channels))
        if self.layers < 2:
            raise ConfigError("layers", "at least 2", str(self.layers))
        for name in ("learning_rate", "cell_mm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(name, "a positive number", f"{getattr(self, name):g}")
        for name in ("weight_decay", "checkpoint_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
        if not 0 <= self.validation < 1:
            raise ConfigError("validation", "a share from 0 to below 1", f"{self.validation:g}")
        if round(self.validation * self.ventricles) == self.ventricles:
            rule = f"a share that leaves some of {self.ventricles} ventricles to learn from"
            raise ConfigError("validation", rule, f"{self.validation:g}")
        check_seed(self.seed)
