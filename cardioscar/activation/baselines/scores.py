"""How close predicted onsets and classes of sectors come to the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardioscar.activation.baselines.method import Prediction
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.errors import InputError
from cardioscar.metrics.overlap import dice, precision, recall


@dataclass(frozen=True)
class Scores:
    """Of all sectors of some slices together."""

    tos_error_ms: float
    """Mean absolute error of the onset, of all sectors."""
    living_tos_error_ms: float
    """The same of the sectors that are not scarred."""
    late_precision: float
    """Share of the sectors called late and free of scar that are so; NaN where none is."""
    late_recall: float
    """Share of such sectors that are called so; NaN where there are none."""
    late_dice: float
    """Overlap of both; NaN where both are empty."""
    scar_accuracy: float
    """Share of the sectors whose scar is told right."""
    scar_dice: float
    """Overlap of predicted and true scar; NaN where both are empty."""
    class_accuracy: float
    """Share of the sectors of which the class is right."""


def score(
    predictions: Sequence[Prediction],
    tos_ms: Sequence[Float[np.ndarray, " sectors"]],
    classes: Sequence[Int[np.ndarray, " sectors"]],
) -> Scores:
    """Compare predictions with the truth.

    Args:
        predictions: One for each slice.
        tos_ms: True onsets of each slice.
        classes: True `SectorClass` of each slice.

    Raises:
        InputError: If there are none, or numbers of slices differ.
    """
    if not predictions or not len(predictions) == len(tos_ms) == len(classes):
        raise InputError("slices", "one truth for each prediction", f"{len(tos_ms)} for {len(predictions)}")
    errors = np.abs(np.concatenate([p.tos_ms for p in predictions]) - np.concatenate(list(tos_ms)))
    true, found = np.concatenate(list(classes)), np.concatenate([one.classes for one in predictions])
    scarred = true == SectorClass.SCARRED
    return Scores(
        tos_error_ms=float(errors.mean()),
        living_tos_error_ms=float(errors[~scarred].mean()),
        late_precision=precision(true == SectorClass.LATE, found == SectorClass.LATE),
        late_recall=recall(true == SectorClass.LATE, found == SectorClass.LATE),
        late_dice=dice(true == SectorClass.LATE, found == SectorClass.LATE),
        scar_accuracy=float((scarred == (found == SectorClass.SCARRED)).mean()),
        scar_dice=dice(scarred, found == SectorClass.SCARRED),
        class_accuracy=float((true == found).mean()),
    )
