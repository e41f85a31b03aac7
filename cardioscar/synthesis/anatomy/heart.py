"""The whole heart: which tissue fills a place, or none where the chest begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cardioscar.synthesis.anatomy.cavity import CavityMuscle, draw_cavity_muscle
from cardioscar.synthesis.anatomy.harmonics import Harmonics, draw_harmonics
from cardioscar.synthesis.anatomy.pattern import Pattern, draw_pattern
from cardioscar.synthesis.anatomy.right_heart import Base, RightVentricle, draw_base, draw_right_ventricle
from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.anatomy.ventricle import Remodelling, Ventricle, WallPlaces, draw_ventricle

OUTSIDE = 255
"""Where there is no heart."""
MOST_FAT_MM = 18.0
"""Thickest fat around the heart."""
GRAIN_MM = 4.0
"""Size of trabeculae: distance over which their pattern loses itself."""


@dataclass(frozen=True)
class Heart:
    """A heart.

    Attributes:
        left: Left ventricle.
        right: Right ventricle.
        base: Atrium and aorta.
        cavity_muscle: Papillary muscles and trabeculae of the left ventricle.
        fat_mm: Mean thickness of the fat around it, 0 or below for hardly any.
        fat: Waves of that thickness, as a share of 10 mm.
        groove_mm: Depth to which fat fills the grooves between the ventricles.
        fluid_mm: Thickness of the fluid in the pericardium.
        rough: Pattern of trabeculae and of uneven borders.
    """

    left: Ventricle
    right: RightVentricle
    base: Base
    cavity_muscle: CavityMuscle
    fat_mm: float
    fat: Harmonics
    groove_mm: float
    fluid_mm: float
    rough: Pattern

    @property
    def reach_mm(self) -> float:
        """Distance from the axis beyond which there is no heart in any direction."""
        left = self.left.cavity_mm + self.left.wall_mm
        bulge = max((one.bulge_mm for one in self.left.remodelled), default=0.0)
        along = 1.4 * self.right.half_length_mm + abs(self.right.shift_mm)
        return max(1.35 * left + bulge, 1.2 * (left + self.right.reach_mm), along) + 40

    def tissues(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, WallPlaces]:
        """Tissue at points of the ventricle's frame.

        Args:
            x: To the septum, mm, any shape.
            y: To the anterior wall, mm.
            z: From the apex to the base, mm.

        Returns:
            `Tissue` by number or `OUTSIDE`, uint8, and where the points lie with respect to the wall.
        """
        at = self.left.places(x, y, z)
        rough = self.rough(x, y, z)
        found = np.full(x.shape, OUTSIDE, dtype=np.uint8)
        from_left = np.where(at.epi_mm > 0, at.radius_mm - at.epi_mm, np.hypot(at.radius_mm, z))
        epi_mm = self.left.cavity_mm + self.left.wall_mm
        axis_x, axis_y = self.left.axis_mm(at.height)
        from_right = self.right.outside_mm(x - axis_x, y - axis_y, at.height, epi_mm)
        self._surround(found, at, from_left, from_right - self.right.wall_mm, rough)
        found[from_right < self.right.wall_mm] = Tissue.RV_WALL
        trabecular = rough > 1.2 + np.clip(-from_right - 3, 0, 8) * 0.15
        found[(from_right < 0) & trabecular] = Tissue.RV_WALL
        found[(from_right < 0) & ~trabecular] = Tissue.RV_BLOOD
        self._above(found, at, x, y)
        wall, cavity = at.in_muscle, at.in_cavity
        found[wall] = Tissue.WALL
        found[cavity] = Tissue.LV_BLOOD
        inside = cavity & at.below_base
        layer = inside & (at.endo_mm - at.radius_mm < self.cavity_muscle.trabeculae_mm)
        found[layer & (rough < 2 * self.cavity_muscle.trabeculae_share - 1.4)] = Tissue.PAPILLARY
        for one in self.cavity_muscle.papillary:
            found[inside & one.holds(at)] = Tissue.PAPILLARY
        return found, at

    def _surround(
        self, found: np.ndarray, at: WallPlaces, from_left: np.ndarray, from_right: np.ndarray, rough: np.ndarray
    ) -> None:
        """Fat and fluid around both ventricles."""
        outside = np.minimum(from_left, from_right)
        fat = self.fat_mm + 10 * self.fat(at.direction, at.height) + 1.0 * rough
        # there is more of it towards the base, where the vessels run
        fat = np.minimum(fat * (0.5 + 0.7 * np.clip(at.height, 0, 1.2)), MOST_FAT_MM)
        groove = (from_left + from_right < self.groove_mm) & (outside >= 0)
        below = at.height > -0.12
        found[(outside < np.maximum(fat, 0) + self.fluid_mm) & below] = Tissue.FLUID
        found[((outside < fat) | groove) & below] = Tissue.FAT

    def _above(self, found: np.ndarray, at: WallPlaces, x: np.ndarray, y: np.ndarray) -> None:
        """Atrium and aorta above the base, with thin walls."""
        above = ~at.below_base
        if not above.any():
            return
        base = self.base
        half = base.atrium_half_mm
        atrium = np.hypot((x - base.atrium_mm[0]) / half[0], (y - base.atrium_mm[1]) / half[1])
        found[above & (atrium < 1 + 2.0 / min(half))] = Tissue.RV_WALL
        found[above & (atrium < 1)] = Tissue.LV_BLOOD
        # the ring that the muscle leaves open is closed by valve and membranes
        ring = above & (at.radius_mm < at.epi_mm)
        found[ring] = Tissue.LV_BLOOD
        root = np.hypot(x - base.aorta_mm[0], y - base.aorta_mm[1])
        found[above & (root < base.aorta_radius_mm + 2.0)] = Tissue.RV_WALL
        found[above & (root < base.aorta_radius_mm)] = Tissue.LV_BLOOD


def draw_heart(rng: np.random.Generator, remodelled: tuple[Remodelling, ...] = ()) -> Heart:
    """Draw a heart, whose wall may be remodelled by old infarcts."""
    left = draw_ventricle(rng, remodelled)
    return Heart(
        left=left,
        right=draw_right_ventricle(rng, left),
        base=draw_base(rng, left),
        cavity_muscle=draw_cavity_muscle(rng, left),
        fat_mm=rng.uniform(-2, 5),
        fat=draw_harmonics(rng, (0.25, 0.2, 0.15, 0.1, 0.1), change=1.0),
        groove_mm=rng.uniform(4, 22),
        fluid_mm=rng.choice([0.0, 1.0, 2.0, 5.0], p=[0.5, 0.25, 0.15, 0.1]),
        rough=draw_pattern(rng, length_mm=GRAIN_MM / math.sqrt(2)),
    )
