"""Settings of the application of a segmenter; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardioscar.config import execution
from cardioscar.errors import ConfigError

VIEWS = (1, 2, 4, 8)
"""Numbers of symmetries that form a group: the picture alone, with its half turn, and so on to all of a square."""


@dataclass(frozen=True)
class RulesConfig:
    """Which rules of anatomy mend what the network says."""

    one_ring: bool = True
    """One heart a slice; where its ring is closed, what the ring encloses is cavity and wall lies in the ring alone."""
    half_ring: bool = True
    """At the ends of the stack a slice counts if wall surrounds at least half of its cavity [@schulzmenger2020]."""
    likely_ends: bool = True
    """At the ends of the stack a slice counts if its wall and cavity are more likely right than wrong."""
    scar_in_wall: bool = True
    """Scar lies in the wall: what blood surrounds is blood, what is joined to no wall or far outside of it is none."""
    islands: bool = True
    """Islands of scar, and of muscle within scar, below an area are noise."""
    continuity: bool = True
    """One run of slices shows the heart, and small scar of a single slice has none beside it in its neighbours."""
    island_mm2: float = 10.0
    """Smallest area of an island: 4 pixels of 1.6 mm, as for the threshold rules."""
    lone_mm2: float = 40.0
    """Area below which scar of one slice counts only if a neighbour has some near, and a heart counts for none."""
    near_mm: float = 5.0
    """How near in the plane scar of a neighbouring slice lies."""

    def __post_init__(self) -> None:
        for name in ("island_mm2", "lone_mm2", "near_mm"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(name, "a number of at least 0", f"{getattr(self, name):g}")


@dataclass(frozen=True)
class InferConfig:
    """How a segmenter is applied to a stack."""

    views: int = 8
    """Flips and turns that are averaged: 1 (none), 2, 4 or 8."""
    dropout_samples: int = 0
    """Passes of each view with random channels left out, averaged too [@gal2016]; 0 for one pass with all."""
    dropout: float = 0.1
    """Share of channels that such a pass leaves out."""
    search_slices: int = 5
    """Slices in which the heart is looked for where the field of view is larger than the network's."""
    seed: int = 0
    """Seed of what dropout leaves out."""
    rules: RulesConfig = field(default_factory=RulesConfig)
    """Rules of anatomy."""
    batch: int = execution(16)
    """Pictures that the network sees at a time."""
    device: str = execution("auto")
    """`auto`, `cpu`, `cuda` or `cuda:N`."""

    def __post_init__(self) -> None:
        if self.views not in VIEWS:
            raise ConfigError("views", "1, 2, 4 or 8", str(self.views))
        for name, least in (("dropout_samples", 0), ("search_slices", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
        if not 0 < self.dropout < 1:
            raise ConfigError("dropout", "a share between 0 and 1", f"{self.dropout:g}")
