"""The right ventricle beside the septum, and above the base the atria and the aorta's root."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.synthesis.anatomy.harmonics import Harmonics, draw_harmonics
from cardioscar.synthesis.anatomy.ventricle import Ventricle


@dataclass(frozen=True)
class RightVentricle:
    """An ellipse behind the left ventricle, seen where it comes out as a crescent.

    Attributes:
        reach_mm: How far its cavity stands out of the left ventricle's epicardium at the base.
        half_length_mm: Half of its extent along the septum at the base.
        half_depth: Half of its extent across the septum, as a share of the left ventricle's radius: a small one sits on
            the septum as a blob, a large one wraps it as a crescent.
        shift_mm: Displacement along the septum.
        lowest: Height at which it ends, 0 to 1.
        wall_mm: Thickness of its free wall.
        outline: Waves of its outline, as a share of it.
    """

    reach_mm: float
    half_length_mm: float
    half_depth: float
    shift_mm: float
    lowest: float
    wall_mm: float
    outline: Harmonics

    def outside_mm(self, x: np.ndarray, y: np.ndarray, height: np.ndarray, epi_mm: float) -> np.ndarray:
        """About how far places lie outside its cavity; negative inside.

        Args:
            x: Along the axis to the septum, from the ventricles' axis, mm.
            y: Along the septum, mm.
            height: 0 at the apex, 1 at the base.
            epi_mm: Radius of the left ventricle where it is widest.
        """
        grown = np.sqrt(np.clip((height - self.lowest) / (1 - self.lowest), 0, 1.2)).astype(np.float32)
        grown_at_least = np.maximum(grown, 1e-3)
        half_x = np.float32(epi_mm * self.half_depth) * (0.4 + 0.6 * grown_at_least)
        half_y = self.half_length_mm * grown_at_least
        centre = (epi_mm + self.reach_mm) * (0.35 + 0.65 * grown) - half_x
        local = np.asarray((x - centre) / half_x + 1j * (y - self.shift_mm) / half_y, dtype=np.complex64)
        level = np.abs(local)
        wave = np.clip(self.outline(local / np.maximum(level, np.float32(1e-6)), height), -0.25, 0.25)
        return np.where(grown > 0, (level - 1 - wave) * np.minimum(half_x, half_y), np.float32(1e3))


@dataclass(frozen=True)
class Base:
    """What lies above the base.

    Attributes:
        aorta_mm: Centre of the aorta's root along x and y.
        aorta_radius_mm: Its radius.
        atrium_mm: Centre of the left atrium along x and y.
        atrium_half_mm: Half of its extent along x and y.
    """

    aorta_mm: tuple[float, float]
    aorta_radius_mm: float
    atrium_mm: tuple[float, float]
    atrium_half_mm: tuple[float, float]


def draw_right_ventricle(rng: np.random.Generator, left: Ventricle) -> RightVentricle:
    """Draw a right ventricle that fits a left one."""
    epi = left.cavity_mm + left.wall_mm
    return RightVentricle(
        reach_mm=rng.uniform(10, 48),
        half_length_mm=epi * rng.uniform(0.85, 1.4),
        half_depth=rng.uniform(0.6, 1.15),
        shift_mm=epi * rng.uniform(-0.25, 0.25),
        lowest=rng.uniform(0.0, 0.3),
        wall_mm=rng.uniform(1.5, 4.5),
        outline=draw_harmonics(rng, (0.03, 0.06, 0.05, 0.03), change=1.0),
    )


def draw_base(rng: np.random.Generator, left: Ventricle) -> Base:
    """Draw what lies above the base of a left ventricle."""
    radius = left.cavity_mm
    return Base(
        aorta_mm=(radius * rng.uniform(0.3, 1.0), radius * rng.uniform(0.1, 0.9)),
        aorta_radius_mm=rng.uniform(11, 18),
        atrium_mm=(radius * rng.uniform(-0.5, 0.3), radius * rng.uniform(-0.6, 0.2)),
        atrium_half_mm=(radius * rng.uniform(0.9, 1.6), radius * rng.uniform(0.7, 1.2)),
    )
