"""Settings of a whole training, from phantoms to intervals; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """How networks of late activation are trained, and how wide their intervals are made."""

    members: int = 5
    """Networks, which differ by their seed; how far they are apart makes the intervals."""
    single_tasks: bool = True
    """Train a network of each task alone too, to show beside what the others look at; they predict nothing."""
    training_hearts: int = 1200
    """Phantoms that are learned from."""
    validation_hearts: int = 80
    """Phantoms that decide which weights are kept, where there are no labelled subjects."""
    calibration_hearts: int = 100
    """Phantoms on which the width of the intervals is set."""
    test_hearts: int = 200
    """Phantoms that nothing was learned, chosen or set on, of which the description of the networks tells."""
    level: float = 0.9
    """Share of onsets that lie within their interval."""
    labelled_share: float = 0.5
    """Share of labelled slices among those that are learned from, where there are some."""
    validation: float = 0.2
    """Share of labelled subjects that decide which weights are kept."""
    seed: int = 0
    """Seed of phantoms, split and weights."""
    phantom: StrainPhantomConfig = field(default_factory=StrainPhantomConfig)
    """Of what phantoms are drawn."""
    network: ActivationNetworkConfig = field(default_factory=ActivationNetworkConfig)
    """Network, loss, steps, learning rate; each member's seed is its own."""

    def __post_init__(self) -> None:
        for name in ("members", "training_hearts", "validation_hearts", "calibration_hearts", "test_hearts"):
            if getattr(self, name) < 1:
                raise ConfigError(name, "at least 1", str(getattr(self, name)))
        for name in ("level", "validation", "labelled_share"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(name, "a share between 0 and 1", f"{getattr(self, name):g}")
        if self.network.tasks != "both":
            raise ConfigError("tasks", "both, which intervals and sites need", f"'{self.network.tasks}'")
        if self.phantom.sectors != 126:
            raise ConfigError("sectors", "126, which the network sees", str(self.phantom.sectors))
