"""How a random heart beats: where the tissue that lies at a place now lay at end-diastole.

The cavity narrows, the base comes down to the resting apex, the muscle keeps its volume and so thickens, walls twist,
diseased parts move less, and what lies around follows and comes to rest further out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.beat import BeatCurve
from cardioscar.synthesis.anatomy.harmonics import Harmonics, draw_harmonics
from cardioscar.synthesis.anatomy.heart import Heart
from cardioscar.synthesis.anatomy.ventricle import Remodelling

_MOST_NARROWING = 0.85


@dataclass(frozen=True)
class Diseased:
    """A part of the wall that moves less.

    Attributes:
        where: Its place; what it says of thinning is of the anatomy.
        loss: Share of the motion lost in its middle; above 1 it moves outwards (dyskinesia).
    """

    where: Remodelling
    loss: float


@dataclass(frozen=True)
class Beat:
    """The motion of a heart over one beat; amounts are those at end-systole.

    Attributes:
        curve: How far it has contracted at each share of the beat.
        narrowing: Share of the cavity's radius that is lost.
        towards_apex: How much more (or less) the apex narrows, as a share of it.
        uneven: Waves of the narrowing around the wall, as a share of it.
        diseased: Parts that move less.
        shortening: Share of the ventricle's length that is lost.
        twist_rad: Rotation of the base; the apex turns the other way.
        decay_mm: Distance outside of the wall over which its motion dies away.
        right_mm: How far the right ventricle's free wall moves towards the septum.
        sway_mm: Displacement of the whole heart along x and y.
    """

    curve: BeatCurve
    narrowing: float
    towards_apex: float
    uneven: Harmonics
    diseased: tuple[Diseased, ...]
    shortening: float
    twist_rad: float
    decay_mm: float
    right_mm: float
    sway_mm: tuple[float, float]

    def wall_reach_mm(self, heart: Heart) -> float:
        """Distance from the axis within which the left ventricle lies at all times."""
        left = heart.left
        bulge = max((one.bulge_mm for one in left.remodelled), default=0.0)
        return 1.35 * (left.cavity_mm + left.wall_mm) + bulge + float(np.hypot(*left.bend_mm)) + 6

    def reach_mm(self, heart: Heart) -> float:
        """Distance from the axis beyond which hardly anything moves."""
        return self.wall_reach_mm(heart) + max(2.2 * self.decay_mm, 1.6 * (self.decay_mm + 25))

    def reference_height(self, z: np.ndarray, length_mm: float, share: float) -> Float[np.ndarray, ...]:
        """Height at end-diastole of what is at a height now, mm.

        Args:
            z: Heights from the apex, mm.
            length_mm: Length of the ventricle at end-diastole.
            share: How far it has contracted, 0 to 1.
        """
        kept = 1 - self.shortening * share
        return np.where(z <= 0, z, np.where(z <= length_mm * kept, z / kept, z + length_mm * (1 - kept)))

    def to_reference(
        self, heart: Heart, x: np.ndarray, y: np.ndarray, z: np.ndarray, share: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""Places at end-diastole of what is at places now, in the ventricle's frame.

        In the wall $r_0^2 = \lambda r^2 + k$: rings keep their volume while the length shrinks by $\lambda$; $k$
        is such that the endocardium comes to lie where the narrowing puts it.

        Args:
            heart: The heart at end-diastole.
            x: To the septum, mm, any shape.
            y: To the anterior wall, mm.
            z: From the apex to the base, mm.
            share: How far it has contracted, 0 to 1.

        Returns:
            x, y and z at end-diastole, float32.
        """
        left = heart.left
        if share <= 0:
            return x, y, z
        share = float(share)
        kept = 1 - self.shortening * share
        before = self.reference_height(z, left.length_mm, share).astype(np.float32)
        height = before / np.float32(left.length_mm)
        axis_x, axis_y = left.axis_mm(height)
        from_axis = np.asarray(
            (x - axis_x - self.sway_mm[0] * share) + 1j * (y - axis_y - self.sway_mm[1] * share), dtype=np.complex64
        )
        radius = np.abs(from_axis)
        direction = from_axis / np.maximum(radius, np.float32(1e-6))
        turn = self.twist_rad * share * (2 * np.clip(height, 0, 1) - 1)
        outside = np.clip((radius - (left.cavity_mm + left.wall_mm)) / self.decay_mm, 0, 3)
        turned = direction * np.exp(np.asarray(-1j * turn * np.exp(-(outside**2)), dtype=np.complex64))
        inner, outer = left.radii_mm(turned, height)
        now = inner * (1 - self._narrowing(turned, height) * np.float32(share))
        k = inner**2 - kept * now**2
        edge = np.sqrt(np.maximum(outer**2 - k, 0) / kept)
        in_wall = np.sqrt(np.maximum(kept * radius**2 + k, 0))
        # columns in the cavity keep some of their size: the blood between them goes
        ratio = np.clip(now / np.maximum(inner, np.float32(0.1)), 0.35, 1.0)
        in_cavity = inner * np.power(np.clip(radius / np.maximum(now, np.float32(0.1)), 0, 1), ratio)
        beyond = np.maximum(radius - edge, 0)
        fades = np.exp(-((beyond / self.decay_mm) ** 2))
        septal = np.maximum(direction.real, 0) ** 2
        bump = np.clip(beyond / 20, 0, 1) * np.exp(-((beyond / (self.decay_mm + 25)) ** 2))
        around = radius + (outer - edge) * fades + self.right_mm * np.float32(share) * septal * bump
        found = np.where(radius < now, in_cavity, np.where(radius < edge, in_wall, around))
        place = turned * found
        return (
            (axis_x + place.real).astype(np.float32), (axis_y + place.imag).astype(np.float32), before,
        )  # fmt: skip

    def _narrowing(self, direction: np.ndarray, height: np.ndarray) -> np.ndarray:
        level = 1 + self.towards_apex * (0.6 - np.clip(height, 0, 1))
        found = self.narrowing * level * (1 + self.uneven(direction, height))
        for one in self.diseased:
            found = found * (1 - one.loss * one.where.depth(direction, height))
        return np.clip(found, -0.15, _MOST_NARROWING).astype(np.float32)


def draw_beat(rng: np.random.Generator, heart: Heart) -> Beat:
    """Draw a beat: hardly moving to vigorous, and often uneven.

    Ejection fractions go from about 5 to 80 %: what a failing, dilated heart and a small hypertrophied one show.
    """
    end_systole = rng.uniform(0.26, 0.48)
    filled = end_systole + (1 - end_systole) * rng.uniform(0.3, 0.55)
    kick = rng.uniform(max(filled, 0.75), 0.93)
    dilated = np.clip((heart.left.cavity_mm - 22) / 16, 0, 1)
    narrowing = rng.uniform(0.03, 0.5) * (1 - 0.5 * dilated * rng.random())
    regions = [Diseased(one, rng.uniform(0.3, 1.2)) for one in heart.left.remodelled]
    for _ in range(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15])):
        where = Remodelling(
            rng.uniform(-np.pi, np.pi), rng.uniform(0.1, 0.9), rng.uniform(0.5, 1.5), rng.uniform(0.2, 0.6), 0.0, 0.0
        )
        regions.append(Diseased(where, rng.uniform(0.3, 1.1)))
    return Beat(
        curve=BeatCurve(end_systole, filled, kick, rng.uniform(0.6, 0.95)),
        narrowing=narrowing,
        towards_apex=rng.uniform(-0.2, 0.8),
        uneven=draw_harmonics(rng, (0.12, 0.08, 0.05), change=1.0),
        diseased=tuple(regions),
        shortening=float(np.clip(narrowing * rng.uniform(0.2, 0.7), 0.01, 0.24)),
        twist_rad=float(np.radians(rng.uniform(-2, 12))),
        decay_mm=rng.uniform(8, 30),
        right_mm=rng.uniform(0, 16),
        sway_mm=(float(rng.normal(0, 1.5)), float(rng.normal(0, 1.5))),
    )
