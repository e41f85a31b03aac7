"""Of what strain phantoms are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from cardioscar.errors import ConfigError

Range = tuple[float, float]


@dataclass(frozen=True)
class StrainPhantomConfig:
    """Ranges from which each phantom draws, evenly."""

    sectors: int = 126
    """Sectors of a slice."""
    heart_rate_bpm: Range = (50.0, 105.0)
    """Beats a minute."""
    interval_ms: Range = (15.0, 34.0)
    """Time between frames; the first frame comes one interval after the R wave."""
    coverage: Range = (0.62, 0.95)
    """Share of the beat that has frames."""
    shortening: Range = (0.08, 0.22)
    """Peak shortening of living wall, as Green–Lagrange strain without its sign."""
    block: float = 0.4
    """Share of hearts with left bundle branch block: late from the septum to the lateral wall."""
    block_delay_ms: Range = (50.0, 140.0)
    """How much later the last wall of such a heart begins to shorten than the first."""
    late_region: float = 0.4
    """Share of hearts with a late region."""
    late_delay_ms: Range = (45.0, 120.0)
    """Delay in its middle."""
    late_width_deg: Range = (40.0, 130.0)
    """Its width."""
    scar: float = 0.5
    """Share of hearts with a scar, a third of those with two."""
    scar_width_deg: Range = (30.0, 110.0)
    """Its width."""
    scar_delay_ms: Range = (0.0, 90.0)
    """Delay in its middle: scar may be late too."""
    living_share: Range = (0.0, 0.5)
    """Share of the shortening that is left in its middle."""
    weak: float = 0.4
    """Share of hearts with a region of living wall that shortens weakly (stunned, or strained by the block)."""
    weak_width_deg: Range = (40.0, 120.0)
    """Its width."""
    weak_share: Range = (0.4, 0.8)
    """Share of the shortening that is left in its middle."""
    noise: Range = (0.006, 0.025)
    """Standard deviation of the noise of a sector and frame, half of it shared by neighbouring sectors."""
    lost_frames: tuple[int, int] = (0, 3)
    """How many frames are missing."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            pair = (value, value) if not isinstance(value, tuple) else value
            if len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
                raise ConfigError(name, "a range from low to high, 0 and more", str(value))
        if (
            self.sectors < 12
            or max(
                self.block, self.late_region, self.scar, self.weak, *self.weak_share, *self.coverage, *self.living_share
            )
            > 1
        ):
            raise ConfigError("strain phantom", "12 sectors and more, and shares of 0 to 1", "others")
