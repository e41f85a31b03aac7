"""Where a slice of strain lies, as far as its file says."""

from __future__ import annotations

from dataclasses import dataclass

from cardioscar.imaging.alignment.lv_axes import LVAxes


@dataclass(frozen=True, eq=False)
class SlicePlace:
    """What is known of the place of a slice.

    Attributes:
        axes: Middle of the cavity in the slice, long axis and septum, in the frame of the scanner (LPS); None where the
            file states none.
        location_mm: Along the long axis, growing towards the base, from anywhere; None where the file states none.
        radius_mm: Of the middle of the wall; None where nothing tells it.
    """

    axes: LVAxes | None = None
    location_mm: float | None = None
    radius_mm: float | None = None
