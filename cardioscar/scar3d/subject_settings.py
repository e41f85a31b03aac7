"""Facts about one subject that its images do not carry: what `subject.yaml` may say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.labels import LABEL_TABLES

SETTINGS = "subject.yaml"
"""Name of the file."""


Heart = Literal["adult", "other"]
"""Whose sizes a heart is held against: an adult human's, or nobody's (a child, an animal)."""


@dataclass(frozen=True)
class SubjectSettings:
    """Facts about one subject that its images do not carry (`subject.yaml`)."""

    mesh_frame: Literal["LPS", "RAS"] | None = None
    """World frame of the mesh, of truth meshes and of grid layers; by default the one that a file states, else LPS."""
    wall_tags: tuple[int, ...] | None = None
    """Tags of the cells that are LV wall, where a mesh holds more: the bath, the right ventricle, atria."""
    tag_array: str | None = None
    """Name of the cell array of tags, where it is none of the usual ones (elemTag, tag, region, …)."""
    label_table: str | None = None
    """Convention of the label volume, where it differs from the cohort's."""
    header_trust: HeaderTrust | None = None
    """Which statement of an image header counts where two contradict each other: sform, qform, pixdim, agree (none)."""
    slice_thickness_mm: float | None = None
    """Thickness of the excited slices in mm."""
    septum_direction: tuple[float, float, float] | None = None
    """From the cavity to the middle of the septum, LPS; it fixes the AHA segments."""
    apex_to_base: tuple[float, float, float] | None = None
    """From apex to base, LPS."""
    heart: Heart | None = None
    """What heart this is, where it differs from the cohort's: `adult` (human), or `other` (a child, an animal)."""

    def __post_init__(self) -> None:
        thickness = self.slice_thickness_mm
        if thickness is not None and not (math.isfinite(thickness) and thickness > 0):
            raise ConfigError(f"{SETTINGS}: slice_thickness_mm", "a positive number", f"{thickness:g}")
        if self.label_table not in (None, *LABEL_TABLES):
            raise ConfigError(f"{SETTINGS}: label_table", f"one of {', '.join(LABEL_TABLES)}", repr(self.label_table))
        if self.wall_tags is not None and not self.wall_tags:
            raise ConfigError(f"{SETTINGS}: wall_tags", "at least one tag", "none")
        for name in ("septum_direction", "apex_to_base"):
            vector = getattr(self, name)
            if vector is not None and not (math.isfinite(math.hypot(*vector)) and any(vector)):
                raise ConfigError(f"{SETTINGS}: {name}", "a direction", str(list(vector)))
