"""Settings of augmentation; light to import, because command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class AugmentConfig:
    """How images are varied while a network learns; each effect with its own chance."""

    chance: float = 0.3
    """Chance of each effect of intensity."""
    spatial_chance: float = 0.5
    """Chance of a rotation, scaling and deformation, which are one interpolation."""
    rotate_degrees: float = 30.0
    """Largest rotation in the plane, either way."""
    tilt_degrees: float = 0.0
    """Largest rotation about the two axes of the plane (`3d`)."""
    scale: float = 0.15
    """Largest change of size, as a share of it."""
    elastic_pixels: float = 2.0
    """Largest root mean square of the deformation's displacement along an axis, in pixels; 0 for none."""
    elastic_spacing: float = 24.0
    """Pixels over which the deformation varies."""
    flip_axes: tuple[int, ...] = (0, 1)
    """Axes, from 0, along which the image is mirrored, each in one of two cases; empty for none."""
    bias: float = 0.3
    """Largest coefficient of the coil's bias field, a polynomial of degree 3 in the exponent."""
    noise: float = 0.2
    """Largest standard deviation of Gaussian noise, as a share of the image's."""
    gamma: tuple[float, float] = (0.7, 1.5)
    """Lowest and highest exponent of the grey values between their lowest and highest; mean and spread are kept."""
    contrast: float = 0.25
    """Largest change of the spread of the grey values about their mean, as a share of it."""
    lowest_resolution: float = 0.5
    """Lowest resolution from which an image is blown up again, as a share of its own; 1 for none."""

    def __post_init__(self) -> None:
        for name in ("chance", "spatial_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, "a chance from 0 to 1", f"{getattr(self, name):g}")
        for name in ("rotate_degrees", "tilt_degrees", "elastic_pixels", "bias", "noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
        for name in ("scale", "contrast"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(name, "a share from 0 to below 1", f"{getattr(self, name):g}")
        if not 1 <= self.elastic_spacing < math.inf:
            raise ConfigError("elastic_spacing", "at least one pixel", f"{self.elastic_spacing:g}")
        if not 0 < self.gamma[0] <= self.gamma[1] < math.inf:
            raise ConfigError("gamma", "two positive numbers, the lower first", str(self.gamma))
        if not 0 < self.lowest_resolution <= 1:
            raise ConfigError("lowest_resolution", "a share above 0, at most 1", f"{self.lowest_resolution:g}")
        if not set(self.flip_axes) <= {0, 1, 2} or len(set(self.flip_axes)) != len(self.flip_axes):
            raise ConfigError("flip_axes", "some of the axes 0, 1 and 2, each once", str(self.flip_axes))
