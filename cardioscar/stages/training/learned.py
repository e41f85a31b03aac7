"""What a family's training gives to what follows it, whatever it learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.learning.bundle import Bundle
from cardioscar.learning.curves import Curves
from cardioscar.learning.split import Split
from cardioscar.types import OnStep

if TYPE_CHECKING:
    from cardioscar.learning.loop import TrainResult


@dataclass(frozen=True)
class Asked:
    """What a family is asked to do.

    Attributes:
        bundle: Folder to write its bundle to.
        labelled: Folder of labelled subjects; None to learn from synthetic data alone.
        checkpoint: File that a killed training resumes from.
        tell: Told of progress.
    """

    bundle: Path
    labelled: Path | None
    checkpoint: Path
    tell: OnStep

    def on_step(self, done: int, steps: int) -> None:
        """Tell of the steps of the training."""
        self.tell("train", done, steps)


@dataclass(frozen=True)
class Learned:
    """A training that went well.

    Attributes:
        bundle: What was written, calibrated where that was possible.
        curves: Losses, learning rates, validation.
        stop_reason: Why it ended.
        best_step: Steps done when the weights that are kept were.
        seconds: Wall time of all attempts.
        device: Where.
        split: Labelled subjects by what they were for; None where all was synthetic.
        warnings: What is doubtful about it, in sentences.
        pictures: PNG pictures by caption.
    """

    bundle: Bundle
    curves: Curves
    stop_reason: str
    best_step: int
    seconds: float
    device: str
    split: Split | None = None
    warnings: tuple[str, ...] = ()
    pictures: dict[str, bytes] = field(default_factory=dict)


def learned_of(
    result: TrainResult[Any],
    bundle: Bundle,
    split: Split | None,
    warnings: tuple[str, ...],
    pictures: dict[str, bytes],
) -> Learned:
    """The same of one training of the shared loop."""
    return Learned(
        bundle, result.curves, result.stop_reason, result.best_step, result.seconds, result.device, split, warnings,
        pictures,
    )  # fmt: skip
