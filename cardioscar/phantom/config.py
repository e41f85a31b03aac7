"""Options of a phantom cohort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cardioscar.errors import ConfigError

ScarKind = Literal["smooth", "isthmus", "patchy", "none"]


@dataclass(frozen=True)
class PhantomConfig:
    """What a phantom cohort looks like; ranges are drawn from uniformly, one draw a subject."""

    subjects: int = 4
    """Number of subjects."""
    seed: int = 0
    """Seed of all draws; subject number i is the same for any number of subjects."""
    nodes: int = 12_000
    """Wanted number of mesh nodes; the mesh has this many within a few percent."""
    corrupt: int = 0
    """Number of subjects, from the last one, whose images are cut off in the middle of the file."""
    scar: Literal["mixed", "smooth", "isthmus", "patchy", "none"] = "mixed"
    """Kind of scar; mixed takes smooth, isthmus and patchy in turn, and every tenth subject has none."""
    length_mm: tuple[float, float] = (82.0, 98.0)
    """Range of the length from base to epicardial apex in mm."""
    wall_mm: tuple[float, float] = (8.0, 11.0)
    """Range of the wall thickness at the widest level in mm."""
    isthmus_width_mm: tuple[float, float] = (4.0, 6.0)
    """Range of the width of the living corridor through an isthmus scar in mm."""
    isthmus_angle_deg: tuple[float, float] = (0.0, 65.0)
    """Range of the angle between corridor and long axis in degrees; at 90 it lies within one slice."""
    pixel_mm: tuple[float, float] = (1.0, 1.5)
    """Range of the pixel size in mm."""
    thickness_mm: tuple[float, float] = (5.0, 8.0)
    """Range of the slice thickness in mm."""
    spacing_mm: tuple[float, float] = (8.0, 10.0)
    """Range of the distance between slice centres in mm; never less than the thickness drawn."""
    tilt_deg: tuple[float, float] = (0.0, 12.0)
    """Range of the angle between the slice normal and the long axis in degrees."""
    shift_mm: float = 0.0
    """Standard deviation of each slice's in-plane shift by uneven breath-holds in mm, along i and j."""
    snr: float = 15.0
    """Scar signal over the noise's standard deviation in the LGE image."""
    label_noise: float = 0.0
    """Standard deviation of an observer's error of the scar fraction, in pixels at or beside scar."""

    def __post_init__(self) -> None:
        for name, least in (("subjects", 1), ("seed", 0), ("nodes", 1_000), ("corrupt", 0)):
            self._check(name, getattr(self, name), least)
        if self.corrupt > self.subjects:
            raise ConfigError("phantom: corrupt", f"at most {self.subjects} subjects", str(self.corrupt))
        for name, (low, high) in LIMITS.items():
            bounds = getattr(self, name)
            for value in bounds if isinstance(bounds, tuple) else (bounds,):
                self._check(name, value, low, high)
            if isinstance(bounds, tuple) and bounds[0] > bounds[1]:
                raise ConfigError(f"phantom: {name}", "a range from low to high", f"{bounds[0]:g} to {bounds[1]:g}")

    @staticmethod
    def _check(name: str, value: float, least: float, most: float = math.inf) -> None:
        if not (math.isfinite(value) and least <= value <= most):
            limit = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
            raise ConfigError(f"phantom: {name}", limit, f"{value:g}")

    def kind(self, index: int) -> ScarKind:
        """Kind of scar of subject number `index`, from 0."""
        if self.scar != "mixed":
            return self.scar
        turns: tuple[ScarKind, ...] = ("smooth", "isthmus", "patchy")
        return "none" if index % 10 == 9 else turns[index % 3]


# Beyond these the construction itself fails (walls that meet, slices that miss the heart).
LIMITS = {
    "length_mm": (50.0, 140.0),
    "wall_mm": (4.0, 18.0),
    "isthmus_width_mm": (1.0, 15.0),
    "isthmus_angle_deg": (0.0, 90.0),
    "pixel_mm": (0.5, 4.0),
    "thickness_mm": (0.5, 20.0),
    "spacing_mm": (0.5, 20.0),
    "tilt_deg": (0.0, 45.0),
    "shift_mm": (0.0, 20.0),
    "snr": (1.0, 1e6),
    "label_noise": (0.0, 1.0),
}
