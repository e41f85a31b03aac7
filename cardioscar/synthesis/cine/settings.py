"""Settings of random cines; light to import, because command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class CineConfig:
    """What is drawn, and on which grid."""

    pixels: tuple[int, int] = (128, 128)
    """Pixels of a slice along i and j."""
    slices: int = 1
    """Slices of an examination."""
    frames: int = 20
    """Frames of the beat."""
    stack: bool = False
    """Whether slices lie around the middle of the heart, as a whole examination does; else their middle lies at any
    level, below the apex and above the base too."""
    pixel_mm: tuple[float, float] = (0.9, 1.9)
    """Smallest and largest pixel."""
    thickness_mm: tuple[float, float] = (5.0, 10.0)
    """Thinnest and thickest slice."""
    gap_mm: tuple[float, float] = (0.0, 3.0)
    """Smallest and largest gap between two slices."""
    off_center_mm: float = 12.0
    """Deviation of the heart's axis from the middle of the picture."""
    beyond_ends: tuple[float, float] = (0.04, 0.1)
    """Chance that the slice lies about or below the apex, and that it lies about or above the base, where it is no part
    of a stack; the rest lies in the ventricle."""
    infarcted: float = 0.4
    """Chance of a wall that old infarcts have thinned."""
    beyond: float = 0.25
    """Chance of a contrast beyond the realistic."""

    def __post_init__(self) -> None:
        for name, least in (("slices", 1), ("frames", 2)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
        if min(self.pixels) < 16:
            raise ConfigError("pixels", "at least 16 along each axis", str(self.pixels))
        for name, least_mm in (("pixel_mm", 1e-3), ("thickness_mm", 1e-3), ("gap_mm", 0.0)):
            low, high = getattr(self, name)
            if not least_mm <= low <= high < math.inf:
                raise ConfigError(name, "two numbers of mm, the lower first", f"{low:g}, {high:g}")
        for name in ("infarcted", "beyond"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, "a chance from 0 to 1", f"{getattr(self, name):g}")
        if min(self.beyond_ends) < 0 or sum(self.beyond_ends) > 1:
            raise ConfigError("beyond_ends", "two chances that add up to at most 1", str(self.beyond_ends))
        if not 0 <= self.off_center_mm < math.inf:
            raise ConfigError("off_center_mm", "a number of at least 0", f"{self.off_center_mm:g}")
