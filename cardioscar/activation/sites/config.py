"""Where a lead may stand, and what counts as a place of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class SiteConfig:
    """Rules by which sites are looked for; each may be switched off."""

    surface: Literal["epicardium", "endocardium", "wall"] = "epicardium"
    """Where the lead stands: a vein of the epicardium, the endocardium, or anywhere in the wall."""
    away_from_septum: bool = True
    """Leave out the septum, which the other lead paces."""
    septum_deg: float = 60.0
    """How far it reaches to either side of its middle: 60° are the anteroseptal and inferoseptal segments."""
    away_from_apex: bool = True
    """Leave out the apex, where leads did worse [@singh2011]."""
    apex_share: float = 1 / 3
    """Which share of the cavity's length counts as apex: a third are the apical segments and the apex itself."""
    footprint_mm: float = 6.0
    """A site is as good as the wall within so far of it: nobody places a lead to the millimetre."""
    apart_mm: float = 20.0
    """Sites are no nearer to each other."""
    count: int = 3
    """How many sites are named, at most."""
    scar_probability: float = 0.5
    """Probability from which wall counts as scar for the distance to it."""
    near_best: float = 0.8
    """A site is confirmed by a draw in which its score is at least this share of that draw's best."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("septum_deg", 0, 180), ("apex_share", 0, 1), ("footprint_mm", 0, 50), ("apart_mm", 0, 200),
            ("count", 1, 100), ("scar_probability", 0, 1), ("near_best", 0, 1),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ConfigError(name, f"{low} to {high}", f"{getattr(self, name):g}")
