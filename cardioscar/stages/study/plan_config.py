"""Settings of the stage `plan`."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.activation.mapping.placing import PlacingConfig
from cardioscar.activation.sites.config import SiteConfig
from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class Config:
    """How a plan is made."""

    draws: int = 100
    """Draws of the activation map, over which sites are scored."""
    seed: int = 0
    """Seed of these draws; 0 or more."""
    figures: bool = True
    """Draw the figures of the page."""
    sites: SiteConfig = field(default_factory=SiteConfig)
    """Where a lead may stand, and what counts as a place of its own."""
    placing: PlacingConfig = field(default_factory=PlacingConfig)
    """When frames and hearts of two modalities are the same."""
    activation: MapConfig = field(default_factory=MapConfig)
    """What is taken for known of activation before any slice is seen; the size of the heart comes from its mesh."""

    def __post_init__(self) -> None:
        for name, least in (("draws", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
