"""Settings of the network of late activation; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cardioscar.errors import ConfigError
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig

Tasks = Literal["both", "onset", "class"]
"""What a network learns."""


def _loop() -> LoopConfig:
    return LoopConfig(
        steps=500,
        schedule=ScheduleConfig(peak=4e-3),
        clip_norm=1.0,
        validate_every=100,
        watch="loss",
        weight_decay=1e-3,
    )


@dataclass(frozen=True)
class ActivationNetworkConfig:
    """What the network is, and how it is trained."""

    tasks: Tasks = "both"
    """What it learns: onset and class together, or one of them alone."""
    width: int = 12
    """Channels of the first block, a multiple of 4; the two that follow have half as many again, and twice as many."""
    batch: int = 16
    """Slices of a step."""
    onset_weight: float = 1.0
    """Weight of the onset's mean squared error, in units of 50 ms."""
    class_weight: float = 0.25
    """Weight of the class's cross-entropy. With 1 it outweighs the onset's error, which then is larger."""
    loop: LoopConfig = field(default_factory=_loop)
    """How it is trained."""

    def __post_init__(self) -> None:
        if self.width < 4 or self.width % 4:
            raise ConfigError("width", "a multiple of 4", str(self.width))
        if self.batch < 1:
            raise ConfigError("batch", "1 and more", str(self.batch))
        for name in ("onset_weight", "class_weight"):
            if not 0 <= getattr(self, name) < 1e6:
                raise ConfigError(name, "a weight of 0 and more", f"{getattr(self, name):g}")
