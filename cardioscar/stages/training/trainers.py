"""The families whose networks can be trained. A new one is added here; nothing heavy is imported until it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from cardioscar.errors import ConfigError
from cardioscar.stages.training.settings import ActivationSettings, LgeSettings, LvquantSettings

if TYPE_CHECKING:
    from cardioscar.stages.training.learned import Asked, Learned


@dataclass(frozen=True)
class Trainer:
    """How a family's network is trained.

    Attributes:
        family: Name of the family and of its room.
        does: What the training does, in a line.
        settings: Dataclass of its settings.
        labelled: What a labelled folder holds, in words.
        learner: `module:function` that learns: from settings and `Asked` to `Learned`.
    """

    family: str
    does: str
    settings: type
    labelled: str
    learner: str

    @property
    def learn(self) -> Callable[[Any, Asked], Learned]:
        """The function that learns."""
        found: Callable[[Any, Asked], Learned] = resolve_name(self.learner)
        return found


TRAINERS = {
    one.family: one
    for one in (
        Trainer(
            "lge",
            "Train a segmenter of late enhancement, on synthetic slices, labelled stacks or both.",
            LgeSettings,
            "images/ and masks/, or a folder for each subject with such folders or with lge.* and labels.*",
            "cardioscar.stages.training.lge:learn",
        ),
        Trainer(
            "lvquant",
            "Train a network that quantifies cines, on synthetic slices, labelled cines or both.",
            LvquantSettings,
            ".mat files of LVQuan, or a folder for each subject with cine.* and labels.*",
            "cardioscar.stages.training.lvquant:learn",
        ),
        Trainer(
            "activation",
            "Train the networks of late activation, on strain phantoms, labelled strain or both.",
            ActivationSettings,
            "a file or folder of strain for each subject, with tos_ms and scarred of each sector",
            "cardioscar.stages.training.activation:learn",
        ),
    )
}
"""By family."""


def trainer_of(family: str) -> Trainer:
    """How a family's network is trained.

    Raises:
        ConfigError: If there is no such family.
    """
    if family not in TRAINERS:
        raise ConfigError("family", ", ".join(TRAINERS), "another")
    return TRAINERS[family]
