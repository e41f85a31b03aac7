"""Settings of the loss; light to import, because command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class LossConfig:
    """How mistakes are weighed."""

    tversky: float = 0.5
    """Weight of the Focal Tversky loss (λ₁)."""
    dice: float = 0.4
    """Weight of the Dice loss (λ₂)."""
    cross_entropy: float = 0.1
    """Weight of the cross-entropy (λ₃)."""
    scar_factor: float = 1.5
    """What λ₁ is multiplied with for slices that hold scar; for slices together it is the mean of their factors."""
    false_negatives: float = 0.7
    """Weight of missed pixels in the Tversky index."""
    false_positives: float = 0.3
    """Weight of pixels found where there is none."""
    focus: float = 0.75
    """Exponent of the Tversky loss; below 1 classes that are nearly right keep pulling."""
    class_weights: tuple[float, float, float, float] = (0.1, 0.3, 0.3, 0.3)
    """Weights of background, wall, cavity and scar in the cross-entropy."""
    together: bool = True
    """Whether Tversky and Dice are those of all slices of a batch together, as nnU-Net takes them: a slice without scar
    alone would say no more than that any scar found in it is wrong."""
    background: bool = False
    """Whether the background counts as a class in Tversky and Dice loss."""
    smooth: float = 1.0
    """Pixels added to both sides of the fractions: a class that is neither there nor found costs nothing."""

    def __post_init__(self) -> None:
        for name in ("tversky", "dice", "cross_entropy", "false_negatives", "false_positives"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
        for name in ("scar_factor", "focus", "smooth"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(name, "a positive number", f"{getattr(self, name):g}")
        if not self.tversky + self.dice + self.cross_entropy > 0:
            raise ConfigError("tversky", "at least one part above 0", "none")
        if min(self.class_weights) < 0 or not sum(self.class_weights) > 0:
            raise ConfigError("class_weights", "numbers of at least 0, not all 0", str(self.class_weights))
