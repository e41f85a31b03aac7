"""Scar by the standard threshold rules inside a wall that was found: what the network's scar stands beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from cardioscar.errors import InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.thresholds import ThresholdRule, scar_by_signal
from cardioscar.imaging.volume import Volume


@dataclass(frozen=True)
class ThresholdedScar:
    """Scar of one rule.

    Attributes:
        rule: `fwhm` or `nsd`.
        labels: The labels with this rule's scar in the place of the network's; None where the rule cannot be applied.
        scar_ml: Its volume; None likewise.
        threshold: Signal above which wall is scar, in the image's unit; None where nothing is enhanced.
        why_not: What keeps the rule from being applied; empty where it is.
    """

    rule: ThresholdRule
    labels: UInt8[np.ndarray, "i j slices"] | None
    scar_ml: float | None
    threshold: float | None
    why_not: str = ""


def thresholded(
    image: Volume, labels: UInt8[np.ndarray, "i j slices"], *, n_sd: float = 5.0
) -> tuple[ThresholdedScar, ...]:
    """Apply FWHM and n-SD inside a wall, see `imaging.thresholds`.

    Args:
        image: The stack.
        labels: `Label` of each voxel on its grid; the wall is muscle and scar together.
        n_sd: Standard deviations of n-SD.

    Returns:
        One for each rule, `fwhm` first. A wall too small for it is said and raises nothing.
    """
    wall = np.isin(labels, WALL)
    rules: tuple[ThresholdRule, ...] = ("fwhm", "nsd")
    return tuple(_by(rule, image, labels, wall, n_sd) for rule in rules)


def _by(rule: ThresholdRule, image: Volume, labels: np.ndarray, wall: np.ndarray, n_sd: float) -> ThresholdedScar:
    try:
        found = scar_by_signal(image, wall, rule=rule, n_sd=n_sd)
    except InputError as error:
        return ThresholdedScar(rule, None, None, None, f"expected {error.rule}, found {error.finding}")
    by_rule = np.where(wall, np.uint8(Label.MYOCARDIUM), labels)
    by_rule[found.scar] = Label.SCAR
    return ThresholdedScar(rule, by_rule, float(found.scar.sum()) * image.voxel_ml, found.threshold)
