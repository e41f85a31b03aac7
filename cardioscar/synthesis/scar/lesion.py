"""One lesion: where it lies, how deep it goes, how sharp its border is, and whether its core got no contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.anatomy.pattern import Pattern
from cardioscar.synthesis.anatomy.ventricle import Remodelling, WallPlaces

Kind = Literal["subendocardial", "midwall", "subepicardial", "patchy"]
"""From the cavity outwards, as the lack of blood flow kills; a stripe within the wall; from outside, as after
inflammation; or scattered islands."""


@dataclass(frozen=True)
class Lesion:
    """A scar in the coordinates of the wall.

    Attributes:
        kind: Where in the wall it lies.
        angle: Middle in radians, from septum (0) towards anterior.
        height: Middle, 0 at the apex, 1 at the base.
        half_angle: Half of its width in radians.
        half_height: Half of its height.
        depth: Share of the wall that it takes in its middle, 0 to 1; above 1 it is transmural up to near its edge.
        border_mm: Width of the border zone, where dead and living muscle mix.
        ragged: How far the pattern moves its edges, as a share of its size.
        core: Share of its depth that got no contrast (no-reflow) in its middle; 0 for none.
        thinning: Share of the wall lost to healing.
        bulge_mm: How far it bulges out.
    """

    kind: Kind
    angle: float
    height: float
    half_angle: float
    half_height: float
    depth: float
    border_mm: float
    ragged: float
    core: float = 0.0
    thinning: float = 0.0
    bulge_mm: float = 0.0

    @property
    def remodelling(self) -> Remodelling:
        """What it does to the wall."""
        return Remodelling(
            self.angle, self.height, self.half_angle, self.half_height, self.thinning, self.bulge_mm
        )  # fmt: skip

    def shares(
        self, at: WallPlaces, x: np.ndarray, y: np.ndarray, z: np.ndarray, *, coarse: Pattern, fine: Pattern
    ) -> tuple[Float[np.ndarray, ...], Float[np.ndarray, ...]]:
        """Share of dead muscle at places of the wall, and what part of that is core without contrast.

        Args:
            at: The places.
            x: The same in mm, for the patterns.
            y: Likewise.
            z: Likewise.
            coarse: Pattern of centimetres: the lesion's outline.
            fine: Pattern of millimetres: islands of living muscle.

        Returns:
            Two arrays of 0 to 1.
        """
        uneven = coarse(x, y, z)
        inside = self._inside(at) + self.ragged * uneven
        thickness, depth = at.thickness_mm, at.transmural
        if self.kind == "patchy":
            # islands where the fine pattern is high, fewer towards the edge
            level = fine(x, y, z) - 1.6 + 1.8 * self.depth * np.clip(inside, 0, 1)
            return _share(np.where(inside > 0, level, -9.0) * 3.0, self.border_mm), np.zeros_like(level)
        reach = self.depth * np.sqrt(np.clip(1.6 * inside, 0, 1))
        if self.kind == "midwall":
            middle = 0.5 + 0.1 * uneven
            within = (reach / 2 - np.abs(depth - middle)) * thickness
        else:
            from_side = 1 - depth if self.kind == "subepicardial" else depth
            within = np.where(reach >= 0.97, 9.0, (reach - from_side) * thickness)
        # living islands near the border
        within = within + 0.8 * self.border_mm * fine(x, y, z)
        within = np.where(inside > 0, np.minimum(within, inside * 12.0), -9.0)
        dead = _share(within, self.border_mm)
        if not self.core:
            return dead, np.zeros_like(dead)
        # it lies inside the scar, nearer to the cavity, with a rim of scar all around
        deep = (self.core * reach - depth) * thickness
        rim = np.minimum(depth, 1 - depth) * thickness - 0.8
        inner = np.minimum(np.minimum(deep, (inside - 0.35) * 12.0), rim)
        return dead, dead * _share(inner + 0.6 * fine(x, y, z), 1.0)

    def _inside(self, at: WallPlaces) -> np.ndarray:
        """1 in the middle, 0 at the edge, negative beyond."""
        across = np.abs(at.direction - np.complex64(np.exp(1j * self.angle)))
        across = across / (2 * np.sin(min(self.half_angle, 3.0) / 2))
        along = (at.height - self.height) / self.half_height
        return 1 - across**2 - along**2


def _share(inside_mm: np.ndarray, border_mm: float) -> np.ndarray:
    """0 to 1 over a border; ½ where a reader draws the line."""
    return np.clip(0.5 + inside_mm / np.float32(max(border_mm, 0.2)), 0, 1)
