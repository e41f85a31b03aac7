"""What `case.yaml` may say of a subject of the toy family."""

from __future__ import annotations

from dataclasses import dataclass

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class Case:
    """Facts about one subject."""

    heart_rate: float = 60.0
    """Beats per minute."""

    def __post_init__(self) -> None:
        if self.heart_rate <= 0:
            raise ConfigError("case.yaml: heart_rate", "a positive number", "another")
