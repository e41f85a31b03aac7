"""Onset and class of the sectors of a slice, with the interval in which the onset lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cardioscar.activation.strain.resampling import resample_sectors


@dataclass(frozen=True, eq=False)
class SectorOnsets:
    """What is said of the sectors of a slice.

    Attributes:
        tos_ms: Time of onset of shortening of each sector in ms.
        low_ms: Lower end of its interval.
        high_ms: Upper end of its interval.
        classes: `SectorClass` of each sector.
    """

    tos_ms: Float[np.ndarray, " sectors"]
    low_ms: Float[np.ndarray, " sectors"]
    high_ms: Float[np.ndarray, " sectors"]
    classes: Int[np.ndarray, " sectors"]

    @property
    def sectors(self) -> int:
        """Number of sectors."""
        return len(self.tos_ms)

    def with_sectors(self, sectors: int) -> SectorOnsets:
        """The same in another number of sectors; a class is that of the sector in the same place."""
        if sectors == self.sectors:
            return self
        tos_ms, low_ms, high_ms = (resample_sectors(one, sectors) for one in (self.tos_ms, self.low_ms, self.high_ms))
        nearest = np.floor((np.arange(sectors) + 0.5) * self.sectors / sectors).astype(int)
        return SectorOnsets(tos_ms, low_ms, high_ms, self.classes[nearest])

    def moved_with_onset(self) -> tuple[SectorOnsets, Bool[np.ndarray, " sectors"]]:
        """Intervals brought to onsets that lie outside of them, because a person has moved the onset.

        Returns:
            The onsets, each such interval of its old width about the new onset and not before 0; and which they are.
        """
        moved = (self.tos_ms < self.low_ms) | (self.tos_ms > self.high_ms)
        half = (self.high_ms - self.low_ms) / 2
        low = np.where(moved, np.maximum(self.tos_ms - half, 0), self.low_ms)
        high = np.where(moved, self.tos_ms + half, self.high_ms)
        return SectorOnsets(self.tos_ms, low, high, self.classes), moved
