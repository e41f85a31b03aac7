"""Settings of the training of an ensemble; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """Hearts that are drawn, networks that learn from them, and how wide the intervals of their onsets are."""

    members: int = 5
    """Networks of the ensemble, which differ by their seed."""
    single_tasks: bool = True
    """Train a network of each task alone too, to show beside what the ensemble looks at; neither predicts anything."""
    hearts: int = 1200
    """Phantoms that are learned from, one slice of each."""
    validation_hearts: int = 80
    """Phantoms by which the weights that are kept are chosen."""
    calibration_hearts: int = 200
    """Phantoms that say how wide intervals are."""
    test_hearts: int = 200
    """Phantoms that nothing was decided by: the figures of the ensemble's description."""
    level: float = 0.9
    """Share of onsets that lie within their interval."""
    validation: float = 0.2
    """Share of labelled subjects, where there are any, that judge beside the phantoms."""
    seed: int = 0
    """Seed of hearts, split, weights and order."""
    network: ActivationNetworkConfig = field(default_factory=ActivationNetworkConfig)
    """The networks; the ensemble's know both tasks."""
    phantoms: StrainPhantomConfig = field(default_factory=StrainPhantomConfig)
    """What the phantoms are like."""

    def __post_init__(self) -> None:
        for name, least in (
            ("members", 1), ("hearts", 1), ("validation_hearts", 1), ("calibration_hearts", 10), ("test_hearts", 1),
            ("seed", 0),
        ):  # fmt: skip
            if not least <= getattr(self, name) <= 1_000_000:
                raise ConfigError(name, f"{least} to 1,000,000", str(getattr(self, name)))
        if not 0 < self.level < 1:
            raise ConfigError("level", "a share above 0 and below 1", f"{self.level:g}")
        if not 0 <= self.validation < 1:
            raise ConfigError("validation", "a share from 0 to below 1", f"{self.validation:g}")
        if self.network.tasks != "both":
            raise ConfigError("tasks", "both: the ensemble tells onset and class", self.network.tasks)
