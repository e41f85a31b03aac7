"""Settings of each family's training: those of its science, and of what follows it here; light to import."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from cardioscar.activation.network.train_config import TrainConfig as ActivationTrainConfig
from cardioscar.errors import ConfigError
from cardioscar.lge.training.config import TrainConfig as LgeTrainConfig
from cardioscar.lvquant.training.config import TrainConfig as LvquantTrainConfig

Science = TypeVar("Science")


@dataclass(frozen=True)
class LgeSettings(LgeTrainConfig):
    """How a segmenter of late enhancement is trained and calibrated."""

    synthetic_share: float = 0.5
    """Share of synthetic slices where real ones are given; of 1 these only decide which weights are kept."""
    calibration_slices: int = 256
    """Synthetic slices that set how sure it may be (its temperature)."""
    published: str = ""
    """Weights of SAM's image encoder to start scar_net's from: a file, s3://bucket/key, or a models:/ address of a
    version that holds one such file; empty starts at random."""
    start_from: str = ""
    """Network whose weights it starts from: `shipped`, a folder, s3:// or models:/ address; empty starts at random."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least_one(self, "calibration_slices")
        if self.published and self.start_from:
            raise ConfigError("published", "none where start_from names a whole network", "both")


@dataclass(frozen=True)
class LvquantSettings(LvquantTrainConfig):
    """How a network that quantifies cines is trained, and the width of its intervals set."""

    calibration_hearts: int = 40
    """Whole synthetic hearts on which the width of its intervals is set."""
    start_from: str = ""
    """Network whose weights it starts from: `shipped`, a folder, s3:// or models:/ address; empty starts at random."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least_one(self, "calibration_hearts")


@dataclass(frozen=True)
class ActivationSettings(ActivationTrainConfig):
    """How networks of late activation are trained, and the width of their intervals set."""


def science_of(settings: Any, config: type[Science]) -> Science:
    """The settings that the science knows.

    >>> science_of(LvquantSettings(batch=2), LvquantTrainConfig).batch
    2
    """
    return config(**{one.name: getattr(settings, one.name) for one in fields(config)})  # type: ignore[arg-type]


def _at_least_one(settings: Any, name: str) -> None:
    if getattr(settings, name) < 1:
        raise ConfigError(name, "at least 1", str(getattr(settings, name)))
