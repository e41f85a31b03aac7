"""Strain of one slice over sectors and frames: what every source of strain ends in, and all else begins with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.activation.strain.resampling import resample_frames, resample_sectors
from cardioscar.activation.strain.sectors import renumbered

SECTORS = 126
"""Sectors of a slice unless told otherwise: 21 in each of the six segments of the AHA."""

Strain = Float[np.ndarray, "sectors frames"]


@dataclass(frozen=True, eq=False)
class StrainSlice:
    """Green–Lagrange strain of the wall in one short-axis slice, and what is known of the slice.

    The reference is the wall at end-diastole: a strain E says that a length l has become l √(1 + 2E), so that
    shortening is negative and no strain lies below −0.5. Sectors are equal shares of the circumference, counted from
    the middle of the septum through the inferior wall: see `sectors`.

    Attributes:
        circumferential: Mid-wall strain along the circumference, fractions, shape (sectors, frames).
        frame_ms: Time of each frame after the R wave in ms, increasing, shape (frames,).
        radial: Strain across the wall, shape (sectors, frames); None where the source does not show it.
        longitudinal: Strain along the long axis, shape (sectors, frames); None where the source does not show it.
        location_mm: Where along the long axis the slice lies, growing towards the base; None where it is not known.
        tos_ms: Time of onset of shortening of each sector in ms, shape (sectors,), where somebody has said it.
        scarred: Whether a sector is scarred, shape (sectors,), where somebody has said it.
        source: Name of the file, for messages.
    """

    circumferential: Strain
    frame_ms: Float[np.ndarray, " frames"]
    radial: Strain | None = None
    longitudinal: Strain | None = None
    location_mm: float | None = None
    tos_ms: Float[np.ndarray, " sectors"] | None = None
    scarred: Bool[np.ndarray, " sectors"] | None = None
    source: str = "strain"

    @property
    def sectors(self) -> int:
        """Number of sectors."""
        return int(self.circumferential.shape[0])

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.circumferential.shape[1])

    def with_sectors(self, sectors: int) -> StrainSlice:
        """The slice in another number of sectors, see `resample_sectors`; a sector is scarred where most of it was."""
        if sectors == self.sectors:
            return self
        changed: dict[str, Any] = {name: resample_sectors(one, sectors) for name, one in self._by_sector().items()}
        if "scarred" in changed:
            changed["scarred"] = changed["scarred"] > 0.5
        return replace(self, **changed)

    def with_frames(self, frame_ms: Float[np.ndarray, " frames"]) -> StrainSlice:
        """The slice at other times, see `resample_frames`."""
        changed: dict[str, Any] = {
            name: resample_frames(value, self.frame_ms, frame_ms, where=self.source)
            for name, value in self._by_sector().items()
            if value.ndim == 2
        }
        return replace(self, frame_ms=np.asarray(frame_ms, dtype=np.float64), **changed)

    def turned(self, first: int, *, reverse: bool = False) -> StrainSlice:
        """The slice with its sectors renumbered: see `sectors.renumbered`."""
        changed: dict[str, Any] = {
            name: renumbered(value, first, reverse=reverse) for name, value in self._by_sector().items()
        }
        return replace(self, **changed)

    def _by_sector(self) -> dict[str, np.ndarray]:
        stored = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in stored.items() if isinstance(value, np.ndarray) and name != "frame_ms"}
