"""What a subject's strain does not say of itself: what `activation.yaml` may say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cardioscar.activation.formats.given import Given
from cardioscar.config import kind_of
from cardioscar.errors import ConfigError
from cardioscar.imaging.labels import LABEL_TABLES

SETTINGS = "activation.yaml"
"""Name of the file."""


@dataclass(frozen=True)
class ActivationSettings:
    """Facts about one subject that its files do not carry (`activation.yaml`)."""

    frame_ms: tuple[float, ...] | None = None
    """Time of each frame after the R wave in ms."""
    first_ms: float | None = None
    """Time of the first frame in ms; by default one interval."""
    interval_ms: float | None = None
    """Time between frames in ms, where they are evenly apart."""
    pixel_mm: tuple[float, ...] | None = None
    """Size of a pixel of a displacement field in mm, one number or height and width."""
    location_mm: float | None = None
    """Where along the long axis the one slice lies, growing towards the base, in mm."""
    first_sector: int | None = None
    """The file's sector that begins at the middle of the septum; by default 0."""
    towards_anterior: bool | None = None
    """Whether the file counts its sectors from the septum through the anterior wall."""
    septum_direction: tuple[float, ...] | None = None
    """From the middle of the cavity to that of the septum: three numbers in space (LPS), or two in a picture."""
    apex_to_base: tuple[float, float, float] | None = None
    """Long axis of the mesh, from apex to base, LPS; by default from its form."""
    apex_mm: float | None = None
    """Where the apex lies among the locations of the slices, in mm."""
    base_mm: float | None = None
    """Where the base lies among the locations of the slices, in mm."""
    label_table: str | None = None
    """Convention of the labels of a cine, where it differs from the cohort's."""
    mesh_frame: Literal["LPS", "RAS"] | None = None
    """World frame of the mesh; by default the one that a file states, else LPS."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            numbers = value if isinstance(value, tuple) else (value,)
            if any(isinstance(one, float) and not math.isfinite(one) for one in numbers):
                raise ConfigError(f"{SETTINGS}: {name}", "finite numbers", "others")
        if self.label_table not in (None, *LABEL_TABLES):
            raise ConfigError(
                f"{SETTINGS}: label_table", f"one of {', '.join(LABEL_TABLES)}", kind_of(self.label_table)
            )
        if self.septum_direction is not None and len(self.septum_direction) not in (2, 3):
            raise ConfigError(f"{SETTINGS}: septum_direction", "two or three numbers", f"{len(self.septum_direction)}")
        if self.first_sector is not None and self.first_sector < 0:
            raise ConfigError(f"{SETTINGS}: first_sector", "0 or more", "another")
        if self.apex_mm is not None and self.base_mm is not None and not self.base_mm - self.apex_mm > 1:
            raise ConfigError(f"{SETTINGS}: base_mm", "a base that lies above the apex", "another")

    @property
    def given(self) -> Given:
        """What readers of strain take."""
        return Given(
            frame_ms=self.frame_ms or (),
            first_ms=self.first_ms,
            interval_ms=self.interval_ms,
            pixel_mm=self.pixel_mm or (),
            location_mm=self.location_mm,
            first_sector=self.first_sector or 0,
            towards_anterior=bool(self.towards_anterior),
            septum=self.septum_direction or (),
        )
