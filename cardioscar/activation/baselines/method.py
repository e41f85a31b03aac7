"""What every way to tell the onset has in common: its offset is learned on slices whose truth is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from cardioscar.activation.baselines.scar_rule import ScarRule
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_class import LATE_MS, sector_classes
from cardioscar.errors import InputError

Method = TypeVar("Method", bound="OnsetMethod")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method says of a slice.

    Attributes:
        tos_ms: Time of onset of shortening of each sector, not before the first frame.
        scarred: Whether each sector is scarred.
        classes: `SectorClass` of each sector.
    """

    tos_ms: Float[np.ndarray, " sectors"]
    scarred: Bool[np.ndarray, " sectors"]
    classes: Int[np.ndarray, " sectors"]


@dataclass(frozen=True)
class OnsetMethod(ABC):
    """A way to tell the time of onset of shortening."""

    offset_ms: float = 0.0
    """Added to what the curve shows: by how much the method is early, as `calibrated` finds it."""
    scar_rule: ScarRule = field(default_factory=ScarRule)
    """How scarred sectors are told."""
    late_ms: float = LATE_MS
    """Delay behind the earliest tenth of the sectors from which on a sector is late."""

    @abstractmethod
    def shown_ms(self, one: StrainSlice) -> Float[np.ndarray, " sectors"]:
        """The time that the method reads off the curves."""

    def tos_ms(self, one: StrainSlice) -> Float[np.ndarray, " sectors"]:
        """Time of onset of each sector in ms, from the first frame's time on."""
        return np.maximum(self.shown_ms(one) + self.offset_ms, one.frame_ms[0])

    def predict(self, one: StrainSlice) -> Prediction:
        """Onset, scar and class of the sectors of a slice.

        Args:
            one: As `check_strain` wants it.
        """
        tos_ms, scarred = self.tos_ms(one), self.scar_rule.scarred(one)
        return Prediction(tos_ms, scarred, sector_classes(tos_ms, scarred, late_ms=self.late_ms))


def calibrated(method: Method, slices: Sequence[StrainSlice]) -> Method:
    """The method with the offset that makes its median error on living sectors zero.

    Args:
        method: With any offset.
        slices: Whose `tos_ms` and `scarred` are known; none that the method is judged by.

    Raises:
        InputError: If no slice has a known onset.
    """
    errors = []
    for one in slices:
        if one.tos_ms is not None:
            living = np.ones(one.sectors, dtype=bool) if one.scarred is None else ~one.scarred
            errors.append((one.tos_ms - method.shown_ms(one))[living])
    if not errors:
        raise InputError("slices", "slices with a known time of onset (tos_ms)", "none")
    return replace(method, offset_ms=float(np.median(np.concatenate(errors))))
