"""Settings of a training; light to import, because command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from cardioscar.errors import ConfigError
from cardioscar.learning.schedules import ScheduleConfig


@dataclass(frozen=True)
class LoopConfig:
    """How a network is trained, whatever it learns."""

    steps: int = 1000
    """Upper limit of optimiser steps."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    """Learning rate over the steps."""
    weight_decay: float = 1e-4
    """Decoupled weight decay of AdamW."""
    clip_norm: float = 0.0
    """Largest norm of all gradients together; 0 does not clip."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    """Numbers of the forward pass; `auto` takes half precision on a CUDA device and float32 on a CPU."""
    validate_every: int = 0
    """How often the network is validated, in units of `validate_unit`; 0 for the end alone."""
    validate_unit: Literal["step", "epoch"] = "step"
    """What `validate_every` counts."""
    epoch_steps: int = 1
    """Optimiser steps of an epoch."""
    patience: int = 0
    """Validations without a better figure after which the training stops; 0 never stops it."""
    watch: str = "loss"
    """Figure of the validation that decides which weights are kept."""
    higher_is_better: bool = False
    """Whether a higher figure is the better one."""
    seed: int = 0
    """Seed of dropout and of the generator that the losses are given."""
    device: str = "auto"
    """`auto` takes CUDA where present; or `cpu`, `cuda`, `cuda:1`."""
    fused: bool = False
    """Update all weights in one call, faster for many small tensors; the last bits may differ."""
    checkpoint_seconds: float = 60.0
    """Time between two checkpoints."""

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("validate_every", 0), ("epoch_steps", 1), ("patience", 0)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
        for name in ("weight_decay", "clip_norm", "checkpoint_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
        if self.patience and not self.validate_every:
            raise ConfigError("patience", "0, or validate_every above 0: it counts validations", str(self.patience))

    @property
    def validation_steps(self) -> int:
        """Optimiser steps between two validations; 0 for the end alone."""
        return self.validate_every * (self.epoch_steps if self.validate_unit == "epoch" else 1)
