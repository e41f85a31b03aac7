"""How sure each slice is, and which a person should look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.imaging.labels import Label
from cardioscar.lge.inference.expected import expected_dice, expected_heart_dice
from cardioscar.lge.inference.rules import ring_is_closed
from cardioscar.lge.inference.segment import LEAST_MM2, Segmentation

HEART_DICE, SCAR_DICE = 0.85, 0.6
"""Expected Dice below which a slice is to be looked at: of wall and cavity, and of scar. Two readers agree at about 0.9
on the wall and 0.7 on scar."""
HEART_AGREEMENT, SCAR_AGREEMENT = 0.8, 0.5
"""The same of the views' agreement, which is the lower the less a network holds to what it says when it is turned."""
SCAR_MM2 = 50.0
"""Scar that a slice is expected to have, drawn or not, below which doubt about scar is no concern."""
CHANGED = 0.15
"""Share of the heart that the rules changed."""


@dataclass(frozen=True)
class SliceDoubt:
    """What is doubtful about a slice.

    Attributes:
        number: Index of the slice in the file.
        heart_dice: Expected Dice of wall and cavity, the worse of both, 0 to 1; None where hardly any is found.
        scar_dice: Expected Dice of scar; None where less than `SCAR_MM2` is expected.
        scar_mm2: Scar that was found.
        expected_mm2: Scar that is expected by the probability.
        changed: Share of the heart that rules changed.
        reasons: Why a person should look at it; empty where nobody need.
    """

    number: int
    heart_dice: float | None
    scar_dice: float | None
    scar_mm2: float
    expected_mm2: float
    changed: float
    reasons: tuple[str, ...]

    @property
    def look(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.reasons)


def doubts(found: Segmentation) -> tuple[SliceDoubt, ...]:
    """Judge each slice of a segmentation, in the order of the ordered stack.

    Probabilities must be calibrated for the numbers to mean what they say; without, they still rank slices.
    """
    numbers = found.grid.image.slice_numbers or tuple(range(found.labels.shape[2]))
    pixel_mm2 = float(found.spacing_mm[:2].prod())
    shown = (found.labels != Label.BACKGROUND).sum(axis=(0, 1)) * pixel_mm2 >= LEAST_MM2
    run = np.flatnonzero(shown)
    return tuple(
        _slice(found, k, number, inside=bool(len(run) and run[0] < k < run[-1])) for k, number in enumerate(numbers)
    )


def _slice(found: Segmentation, k: int, number: int, *, inside: bool) -> SliceDoubt:
    labels, p = found.labels[..., k], found.probability[..., k].astype(np.float64)
    pixel_mm2 = float(found.spacing_mm[:2].prod())
    pool, scar = labels == Label.BLOOD_POOL, labels == Label.SCAR
    heart = int((labels != Label.BACKGROUND).sum())
    expected = float(p[Label.SCAR].sum()) * pixel_mm2
    changed = int((found.by_network[..., k] != labels).sum()) / max(heart, int((found.by_network[..., k] > 0).sum()), 1)
    heart_dice = None
    if heart:
        heart_dice = expected_heart_dice(labels, p)
    scar_mm2 = float(scar.sum()) * pixel_mm2
    scar_dice = expected_dice(scar, p[Label.SCAR]) if max(expected, scar_mm2) >= SCAR_MM2 else None
    reasons = []
    if inside and heart * pixel_mm2 < LEAST_MM2:
        return SliceDoubt(
            number, None, None, scar_mm2, expected, changed, ("no heart found between slices that show it",)
        )
    if heart_dice is not None and heart_dice < HEART_DICE:
        reasons.append(f"wall or cavity uncertain (expected Dice {heart_dice:.2f})")
    if heart and found.wall_agreement[k] < HEART_AGREEMENT:
        reasons.append(f"wall or cavity change when the picture is turned (agreement {found.wall_agreement[k]:.2f})")
    if scar_dice is not None and scar_dice < SCAR_DICE:
        reasons.append(
            f"scar uncertain (expected Dice {scar_dice:.2f}, {scar_mm2:.0f} mm² found, {expected:.0f} mm² expected)"
        )
    if scar_mm2 >= SCAR_MM2 and found.scar_agreement[k] < SCAR_AGREEMENT:
        reasons.append(f"scar changes when the picture is turned (agreement {found.scar_agreement[k]:.2f})")
    if changed > CHANGED:
        reasons.append(f"rules of anatomy changed {changed:.0%} of the heart")
    if pool.any() and not ring_is_closed(labels):
        reasons.append("the ring of the wall is open")
    return SliceDoubt(number, heart_dice, scar_dice, scar_mm2, expected, changed, tuple(reasons))
