"""Settings of the measurement; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class QuantifyConfig:
    """How intervals are made."""

    draws: int = 200
    """Possible hearts that are drawn."""
    level: float = 0.9
    """Share of them inside an interval."""
    region_mm: float = 18.0
    """Length within which a network's mistakes go together (Matérn 5/2), in mm."""
    shared: float = 0.2
    """Share of the variance of mistakes that is the same in the whole heart: an image that is bright all over."""
    seed: int = 0
    """Seed of the draws."""

    def __post_init__(self) -> None:
        if self.draws < 2:
            raise ConfigError("draws", "at least 2", str(self.draws))
        if not 0 < self.level < 1:
            raise ConfigError("level", "a share between 0 and 1", f"{self.level:g}")
        if not 0 < self.region_mm < float("inf"):
            raise ConfigError("region_mm", "a positive length in mm", f"{self.region_mm:g}")
        if not 0 <= self.shared < 1:
            raise ConfigError("shared", "a share from 0 to below 1", f"{self.shared:g}")
