"""Facts about one subject that its images do not carry: what `subject.yaml` may say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cardioscar.config import kind_of
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.labels import LABEL_TABLES

_LARGEST_TAG = 2**31
_LONGEST_NAME = 100

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
        # no value is repeated: it may be a record number or a date
        thickness = self.slice_thickness_mm
        if thickness is not None and not (math.isfinite(thickness) and thickness > 0):
            raise ConfigError(f"{SETTINGS}: slice_thickness_mm", "a positive number", "another")
        if self.label_table not in (None, *LABEL_TABLES):
            rule = f"one of {', '.join(LABEL_TABLES)}"
            raise ConfigError(f"{SETTINGS}: label_table", rule, kind_of(self.label_table))
        if self.tag_array is not None and not 0 < len(self.tag_array) <= _LONGEST_NAME:
            rule = f"a name of 1 to {_LONGEST_NAME} characters"
            raise ConfigError(f"{SETTINGS}: tag_array", rule, kind_of(self.tag_array))
        if self.wall_tags is not None and not self.wall_tags:
            raise ConfigError(f"{SETTINGS}: wall_tags", "at least one tag", "none")
        if any(abs(tag) > _LARGEST_TAG for tag in self.wall_tags or ()):
            raise ConfigError(f"{SETTINGS}: wall_tags", f"tags of at most {_LARGEST_TAG}", "a larger one")
        for name in ("septum_direction", "apex_to_base"):
            vector = getattr(self, name)
            if vector is not None and not (math.isfinite(math.hypot(*vector)) and any(vector)):
                raise ConfigError(f"{SETTINGS}: {name}", "a direction", "no length, or none that is finite")
