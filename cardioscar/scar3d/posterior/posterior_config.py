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
    label_region_mm: float = 18.0
    """Where pixels are labels: length scale of the random fields whose level sets are the draws (Matérn 5/2), in mm."""
    label_bridged_mm: float = 6.5
    """As `bridged_mm` where pixels are labels: the prior learned for them knows how scars change between slices."""
    label_handover_mm: tuple[float, float] = (1.25, 2.0)
    """Where pixels are labels: distances from them (half of it in the middle of a gap) in mm between which the prior
    learned for hand-drawn slices takes over from the network of this heart."""
    iterations: int = 30
    """Upper limit of Gauss-Newton steps."""
    bridged_mm: float = 2.5
    """Tissue this near to pixels is as sure as they make it; in the middle between two slices half the distance to
    either counts, so gaps of up to four times this are bridged."""
    continuation_mm: float = 12.0
    """Farther away, what the slices show goes on for more than this distance in half of the hearts, in mm."""
    continuation_apical_mm: float = 20.0
    """The same beyond the last slice towards the apex, where the wall narrows and scars go on for longer."""
    handover_mm: tuple[float, float] = (5.0, 12.0)
    """Distances from the pixels in mm between which interpolation takes the place of the prior mean, which would
    extrapolate."""
    region_mm: float = 25.0
    """Length scale of scar regions that no slice shows (Matérn 5/2), in mm."""
    region_ml: float = 6.0
    """Wall of one such region in ml: the wall that was seen counts as so many patches."""
    scar_share: float = 0.22
    """Mean share of the wall that is scar, in hearts with an infarct."""
    scar_share_ml: float = 60.0
    """Volume of wall in ml whose seen share counts as much as that mean."""
    own_scar: float = 0.5
    """Probability that tissue which no slice shows has scar of its own, beside scar that goes on from the slices."""
    own_scar_apical: float = 0.75
    """The same beyond the last slice towards the apex, where infarcts are commonest."""
    infarct: float = 0.5
    """Probability that a heart has an infarct at all, before its slices are seen."""

    def vouched_mm(self, *, hard_labels: bool) -> float:
        """How near to pixels tissue is as sure as they make it, in mm, see `bridged_mm`."""
        return self.label_bridged_mm if hard_labels else self.bridged_mm

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
            "label_region_mm",
            "continuation_mm",
            "continuation_apical_mm",
            "region_mm",
            "region_ml",
            "scar_share_ml",
        ):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(name, "a positive number", f"{getattr(self, name):g}")
        if not 0 <= self.shared_error <= 1:
            raise ConfigError("shared_error", "a correlation from 0 to 1", f"{self.shared_error:g}")
        for name in ("own_scar", "own_scar_apical"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, "a probability from 0 to 1", f"{getattr(self, name):g}")
        for name in ("scar_share", "infarct"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(name, "a share between 0 and 1", f"{getattr(self, name):g}")
        for name in ("handover_mm", "label_handover_mm"):
            first, last = getattr(self, name)
            if not 0 <= first < last < math.inf:
                raise ConfigError(name, "two rising distances of at least 0 mm", str((first, last)))
        for name in ("active_mm", "discrepancy_sd", "bridged_mm", "label_bridged_mm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")
