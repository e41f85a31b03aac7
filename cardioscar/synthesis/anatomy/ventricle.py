"""The left ventricle: two uneven surfaces about a curved axis, thinned and bulging where it is remodelled.

Its frame, in mm: x from the axis to the middle of the septum, y to the anterior wall, z from the apex (0) to the base.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.synthesis.anatomy.harmonics import Harmonics, draw_harmonics

THINNEST_MM = 2.0
"""Thickness below which no wall is thinned; scars of old infarcts are 3 to 5 mm thick."""


@dataclass(frozen=True)
class Remodelling:
    """Where an old infarct has changed the wall.

    Attributes:
        angle: Middle in radians, from septum (0) towards anterior.
        height: Middle, 0 at the apex, 1 at the base.
        half_angle: Half of its width in radians.
        half_height: Half of its height.
        thinning: Share of the thickness that is lost in the middle.
        bulge_mm: How far the wall is pushed out there: an aneurysm.
    """

    angle: float
    height: float
    half_angle: float
    half_height: float
    thinning: float
    bulge_mm: float

    def depth(self, direction: np.ndarray, height: np.ndarray) -> Float[np.ndarray, ...]:
        """1 in the middle, falling to 0 at the edge and beyond."""
        # the chord, not the arc: it needs no arc tangent and closes by itself
        across = np.abs(direction - np.complex64(np.exp(1j * self.angle))) / (2 * math.sin(min(self.half_angle, 3) / 2))
        along = (height - self.height) / self.half_height
        inside = np.clip(1 - across**2 - along**2, 0, 1)
        return inside * (2 - inside)


class Margins:
    """How readers draw the wall: what is dark, without the pixels that it shares with blood, fat or right ventricle.

    The experts' endocardium of five Sunnybrook hearts of 1.3 mm pixels lies where the signal has fallen to a quarter of
    the way from blood to wall, nine tenths of a pixel outside of the middle; their epicardium as far inside of it where
    fat or blood lies beyond, less where it is the lung. Of a thin wall most is left.
    """

    endocardium_mm, epicardium_mm = 1.2, 0.8
    """How far the lines lie from the surfaces."""
    of_endocardium, of_epicardium = 0.22, 0.15
    """The same at the most, as a share of the wall's thickness."""


@dataclass(frozen=True)
class WallPlaces:
    """Where places lie with respect to the left ventricle; all arrays have the shape of the places.

    Attributes:
        direction: Unit vector from the axis as a complex number, septum 1, anterior i.
        height: 0 at the outer apex, 1 at the base of the axis; beyond them it goes on.
        radius_mm: Distance from the axis.
        endo_mm: Radius of the endocardium; 0 below the cavity.
        epi_mm: Radius of the epicardium; 0 below the apex.
        below_base: Whether the place is on the muscle's side of the base.
    """

    direction: np.ndarray
    height: np.ndarray
    radius_mm: np.ndarray
    endo_mm: np.ndarray
    epi_mm: np.ndarray
    below_base: np.ndarray

    def where(self, mask: np.ndarray) -> WallPlaces:
        """The places of a mask."""
        return WallPlaces(
            self.direction[mask], self.height[mask], self.radius_mm[mask], self.endo_mm[mask], self.epi_mm[mask],
            self.below_base[mask],
        )  # fmt: skip

    @property
    def thickness_mm(self) -> Float[np.ndarray, ...]:
        """Wall thickness in the plane across the axis."""
        return np.maximum(self.epi_mm - self.endo_mm, 0.1)

    @property
    def transmural(self) -> Float[np.ndarray, ...]:
        """0 on the endocardium, 1 on the epicardium, negative in the cavity."""
        return (self.radius_mm - self.endo_mm) / self.thickness_mm

    @property
    def in_cavity(self) -> Bool[np.ndarray, ...]:
        """Inside the endocardium, below the base or above it."""
        return (self.radius_mm < self.endo_mm) & (self.epi_mm > 0)

    @property
    def in_drawn_cavity(self) -> Bool[np.ndarray, ...]:
        """What a reader draws as cavity, whose line lies outward of the endocardium, see `Margins`."""
        out = np.minimum(np.float32(Margins.endocardium_mm), Margins.of_endocardium * self.thickness_mm)
        return (self.radius_mm < self.endo_mm + np.where(self.endo_mm > 0, out, 0)) & (self.epi_mm > 0)

    @property
    def in_drawn_outline(self) -> Bool[np.ndarray, ...]:
        """What lies inside of the epicardium that a reader draws, which lies inward of the true one, see `Margins`."""
        within = np.minimum(np.float32(Margins.epicardium_mm), Margins.of_epicardium * self.thickness_mm)
        return (self.radius_mm <= self.epi_mm - within) & (self.epi_mm > 0)

    @property
    def in_muscle(self) -> Bool[np.ndarray, ...]:
        """In the wall."""
        return (self.radius_mm >= self.endo_mm) & (self.radius_mm <= self.epi_mm) & self.below_base & (self.epi_mm > 0)


@dataclass(frozen=True)
class Ventricle:
    """A left ventricle.

    Attributes:
        length_mm: Outer apex to base along the axis.
        cavity_mm: Radius of the cavity where it is widest.
        wall_mm: Mean wall thickness there.
        apex_mm: Wall thickness at the apex.
        widest: Height of the widest level, 0 to 1.
        narrowing: Share of the radius lost between the widest level and the base.
        roundness: Exponent of the profile: 2 for an ellipse, less for a pointed apex.
        outline: Waves of the endocardium, as a share of its radius.
        thickness: Waves of the wall's thickness, as a share of it.
        bend_mm: Displacement of the axis at the apex, along x and y.
        base_slope: Rise of the base along x and y: the septal side, with the outflow tract, ends lower.
        remodelled: Old infarcts.
    """

    length_mm: float
    cavity_mm: float
    wall_mm: float
    apex_mm: float
    widest: float
    narrowing: float
    roundness: float
    outline: Harmonics
    thickness: Harmonics
    bend_mm: tuple[float, float]
    base_slope: tuple[float, float]
    remodelled: tuple[Remodelling, ...] = ()

    def axis_mm(self, height: Float[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Where the axis is at a height, along x and y."""
        away = np.square(1 - np.clip(height, 0, 1))
        return self.bend_mm[0] * away, self.bend_mm[1] * away

    def radii_mm(self, direction: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Radius of endocardium and epicardium, both 0 where there is none."""
        cap = self.apex_mm / self.length_mm
        wave = 1 + np.clip(self.outline(direction, height), -0.3, 0.3)
        inner = self.cavity_mm * self._profile((height - cap) / (1 - cap)) * wave
        outer = (self.cavity_mm + self.wall_mm) * self._profile(height) * wave
        inner = np.minimum(inner, outer)
        wall = (outer - inner) * np.maximum(1 + self.thickness(direction, height), 0.3)
        for one in self.remodelled:
            depth = one.depth(direction, height)
            kept = np.minimum(wall, np.maximum(wall * (1 - one.thinning * depth), THINNEST_MM))
            # a wall that is lost is lost from inside and outside alike
            inner = np.where(inner > 0, inner + (wall - kept) / 2 + one.bulge_mm * depth, inner)
            wall = kept
        return inner, np.where(outer > 0, inner + wall, 0.0)

    def places(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> WallPlaces:
        """Where points lie, given in the ventricle's frame in mm."""
        height = z / np.float32(self.length_mm)
        axis_x, axis_y = self.axis_mm(height)
        from_axis = np.asarray((x - axis_x) + 1j * (y - axis_y), dtype=np.complex64)
        radius = np.abs(from_axis)
        direction = from_axis / np.maximum(radius, np.float32(1e-6))
        endo, epi = self.radii_mm(direction, height)
        below = z < self.length_mm + self.base_slope[0] * x + self.base_slope[1] * y
        return WallPlaces(direction, height, radius, endo, epi, below)

    def ring_share(self, z_mm: float) -> float:
        """Share of the circumference at a height that is muscle: below a half, readers leave a slice out."""
        around = np.exp(1j * np.linspace(0, 2 * np.pi, 72, endpoint=False)).astype(np.complex64)
        height = np.full(72, z_mm / self.length_mm, dtype=np.float32)
        endo, epi = self.radii_mm(around, height)
        middle = around * (endo + epi) / 2
        axis = self.axis_mm(height)
        at = self.places(middle.real + axis[0], middle.imag + axis[1], np.full(72, z_mm, dtype=np.float32))
        return float(at.in_muscle.mean())

    def _profile(self, height: np.ndarray) -> np.ndarray:
        """Radius at a height, as a share of the widest."""
        below = np.clip(1 - height / self.widest, 0, 1)
        shape = np.maximum(1 - below**self.roundness, 0) ** (1 / self.roundness)
        above = np.clip((height - self.widest) / max(1 - self.widest, 1e-6), 0, 1)
        return np.where(height <= 0, 0, shape * (1 - self.narrowing * above**2)).astype(np.float32)


def draw_ventricle(rng: np.random.Generator, remodelled: tuple[Remodelling, ...] = ()) -> Ventricle:
    """Draw a left ventricle: small and thick to dilated and thin, as hearts after infarction are.

    Sizes go beyond the reference ranges of both sexes [@kawelboehm2020] on either side.
    """
    cavity = rng.uniform(14, 38)
    # the septum is flat where the right ventricle presses on it, and the ring is oval in a plane that is not quite
    # across the axis
    oval = rng.uniform(0, 0.1)
    return Ventricle(
        length_mm=rng.uniform(58, 80) + 1.1 * (cavity - 14),
        cavity_mm=cavity,
        wall_mm=float(np.clip(rng.normal(9.5, 2.6), 5, 17)),
        apex_mm=rng.uniform(3, 11),
        widest=rng.uniform(0.5, 0.85),
        narrowing=rng.uniform(0, 0.2),
        roundness=rng.uniform(1.6, 2.5),
        outline=draw_harmonics(rng, (0.03, oval, 0.03, 0.02, 0.01), change=1.0),
        thickness=draw_harmonics(rng, (0.12, 0.09, 0.05, 0.04), change=1.0),
        bend_mm=(float(rng.normal(0, 4)), float(rng.normal(0, 4))),
        base_slope=(-rng.uniform(0.0, 0.45), float(rng.normal(-0.05, 0.12))),
        remodelled=remodelled,
    )
