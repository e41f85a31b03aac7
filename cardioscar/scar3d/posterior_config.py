"""Settings of the posterior; light to import, because command line and components read them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class PosteriorConfig:
    """How the prior mean is corrected by the pixels, and how uncertain the result is."""

    length_scale_mm: float = 8.0
    """Length scale of the residual process (Matérn 5/2) within a slice, in mm."""
    stretch: float = 1.5
    """Ratio of the length scale through the slices to the one within them."""
    residual_sd: float = 3.0
    """Standard deviation of the residual process in logits, before the pixels are seen."""
    inducing_mm: float = 4.0
    """Distance of the inducing points within a slice, in mm."""
    grid_mm: float = 2.5
    """Spacing of the grid on which the residual process is interpolated, in mm within a slice."""
    active_mm: float = 12.0
    """Tissue within this distance of a scarred pixel is corrected; farther tissue keeps the prior mean."""
    noise_sd: float = 0.05
    """Standard deviation of a pixel's own error, as a fraction, where pixels are fractions."""
    label_noise_sd: float = 0.4
    """The same where pixels are labels: a label says which half of 0 to 1 the fraction is in, and no more."""
    shared_error: float = 0.5
    """Correlation of the pixels' errors: a reader or a threshold errs alike in all of them."""
    discrepancy_mm: float = 4.5
    """Length scale of what no pixel resolves (Matérn 5/2), in mm."""
    discrepancy_sd: float = 2.5
    """Its standard deviation in logits."""
    iterations: int = 8
    """Upper limit of Gauss-Newton steps."""

    def pixel_sd(self, *, hard_labels: bool) -> float:
        """Standard deviation of a pixel's own error, as a fraction."""
        return self.label_noise_sd if hard_labels else self.noise_sd

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ConfigError("iterations", "at least 1", str(self.iterations))
        for name in (
            "length_scale_mm",
            "stretch",
            "residual_sd",
            "inducing_mm",
            "grid_mm",
            "noise_sd",
            "discrepancy_mm",
        ):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(name, "a positive number", f"{getattr(self, name):g}")
        if not 0 <= self.shared_error <= 1:
            raise ConfigError("shared_error", "a correlation from 0 to 1", f"{self.shared_error:g}")
        for name in ("active_mm", "discrepancy_sd"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
