"""A beating left ventricle whose indices are known in closed form.

Endocardium and epicardium are half ellipsoids of revolution about one axis that end in the plane of the base. Over the
beat the cavity narrows, the base comes down to the resting apex, the muscle keeps its volume and so thickens, the whole
twists, and where the wall is hypokinetic the cavity leans towards it: the wall there thickens less than that across.
Every section across the axis is a ring between two circles whose centres differ, so that areas, dimensions, wall
thickness, volumes and mass are formulas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.errors import ConfigError
from cardioscar.imaging.beat import BeatCurve
from cardioscar.phantom.shape import APEX_TO_BASE, SEPTUM
from cardioscar.types import Points

_THINNEST_MM = 2.0


@dataclass(frozen=True)
class BeatState:
    """The ventricle at one time; lengths in mm, heights from the resting apex along the axis.

    Attributes:
        cavity_radius: Radius of the cavity at the base.
        cavity_depth: Length of the cavity from the base.
        outer_radius: Radius of the epicardium at the base.
        outer_depth: Length from base to epicardial apex; the base is at this height.
        lean: How far the cavity's axis lies from the epicardium's at the base, towards the hypokinetic wall.
        twist_rad: Rotation of the base against end-diastole about the axis, seen from septum towards anterior; that of
            the apex is the opposite.
    """

    cavity_radius: float
    cavity_depth: float
    outer_radius: float
    outer_depth: float
    lean: float
    twist_rad: float

    @property
    def cavity_ml(self) -> float:
        """Volume of the cavity: half an ellipsoid."""
        return 2 / 3 * np.pi * self.cavity_radius**2 * self.cavity_depth / 1000

    @property
    def wall_ml(self) -> float:
        """Volume of the wall."""
        return 2 / 3 * np.pi * self.outer_radius**2 * self.outer_depth / 1000 - self.cavity_ml

    def twist_at(self, height: Float[np.ndarray, " heights"] | float) -> Float[np.ndarray, " heights"] | float:
        """Rotation in radians at a height above the apex."""
        return self.twist_rad * (2 * height / self.outer_depth - 1)


@dataclass(frozen=True)
class BeatingVentricle:
    """A ventricle over one beat.

    Attributes:
        cavity_radius_mm: Radius of the cavity at the base, end-diastole.
        wall_mm: Wall thickness at the base, end-diastole.
        length_mm: Base to epicardial apex, end-diastole.
        apex_mm: Wall thickness at the apex, end-diastole.
        narrowing: Share of the cavity's radius that is lost in systole.
        shortening: Share of the length that is lost: the base comes down by it.
        twist_deg: Rotation of the base in systole, apex the opposite.
        hypokinetic_rad: Direction of the wall that moves less, from the septum (0) towards anterior.
        hypokinesia: How far it does, 0 (evenly) to 1 (where it does not thicken at all).
        end_systole: Share of the beat at which the ventricle is smallest.
        axes: Columns are the local x (septum), y (anterior) and z (apex to base) in LPS, shape (3, 3).
        apex_mm_lps: Place of the epicardial apex, which rests, LPS, shape (3,).
    """

    cavity_radius_mm: float = 25.0
    wall_mm: float = 9.0
    length_mm: float = 90.0
    apex_mm: float = 7.0
    narrowing: float = 0.3
    shortening: float = 0.15
    twist_deg: float = 6.0
    hypokinetic_rad: float = 0.0
    hypokinesia: float = 0.0
    end_systole: float = BeatCurve.end_systole
    axes: Float[np.ndarray, "3 3"] | None = None
    apex_mm_lps: Float[np.ndarray, " xyz"] | None = None

    def __post_init__(self) -> None:
        limits = {
            "cavity_radius_mm": (5, 60), "wall_mm": (3, 30), "length_mm": (30, 160), "apex_mm": (1, 25),
            "narrowing": (0, 0.7), "shortening": (0, 0.4), "twist_deg": (-30, 30), "hypokinesia": (0, 1),
            "end_systole": (0.2, 0.55),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"phantom: {name}", f"{low:g} to {high:g}", f"{value:g}")
        smallest = self.state(self.end_systole)
        if smallest.outer_radius - smallest.cavity_radius - smallest.lean < _THINNEST_MM:
            raise ConfigError("phantom: hypokinesia", f"a wall of at least {_THINNEST_MM:g} mm", "a thinner one")

    @property
    def local_axes(self) -> Float[np.ndarray, "3 3"]:
        """Axes in LPS; those of an average heart where none are given."""
        if self.axes is not None:
            return self.axes
        return np.column_stack([SEPTUM, np.cross(APEX_TO_BASE, SEPTUM), APEX_TO_BASE])

    @property
    def septum_direction(self) -> Float[np.ndarray, " xyz"]:
        """Unit vector from the axis to the middle of the septum, LPS."""
        return self.local_axes[:, 0]

    @property
    def apex_lps(self) -> Float[np.ndarray, " xyz"]:
        """Place of the epicardial apex."""
        return np.array([25.0, -40.0, -10.0]) if self.apex_mm_lps is None else self.apex_mm_lps

    @property
    def wall_ml(self) -> float:
        """Volume of the wall, the same at all times."""
        return float(
            2 / 3 * np.pi / 1000 * (
                (self.cavity_radius_mm + self.wall_mm) ** 2 * self.length_mm
                - self.cavity_radius_mm**2 * (self.length_mm - self.apex_mm)
            )
        )  # fmt: skip

    def state(self, phase: float) -> BeatState:
        """The ventricle at a share of the beat since end-diastole."""
        share = float(BeatCurve.ending_at(self.end_systole)(np.array([phase]))[0])
        radius = self.cavity_radius_mm * (1 - self.narrowing * share)
        length = self.length_mm * (1 - self.shortening * share)
        depth = length * (1 - self.apex_mm / self.length_mm)
        cavity = 2 / 3 * np.pi * radius**2 * depth / 1000
        outer = float(np.sqrt((cavity + self.wall_ml) * 1000 * 1.5 / np.pi / length))
        # at full hypokinesia the wall there stays as thick as at end-diastole
        lean = self.hypokinesia * max(outer - radius - self.wall_mm, 0.0)
        return BeatState(radius, depth, outer, length, lean, float(np.radians(self.twist_deg) * share))

    @property
    def edv_ml(self) -> float:
        """End-diastolic volume."""
        return self.state(0.0).cavity_ml

    @property
    def esv_ml(self) -> float:
        """End-systolic volume."""
        return self.state(self.end_systole).cavity_ml

    @property
    def ef_percent(self) -> float:
        """Ejection fraction."""
        return 100 * (1 - self.esv_ml / self.edv_ml)

    def inside(self, points_mm: Points, phase: float) -> tuple[np.ndarray, np.ndarray]:
        """Which points lie in the cavity, and which in the wall, at a time.

        Args:
            points_mm: Positions in LPS, shape (points, 3).
            phase: Share of the beat.

        Returns:
            Two masks, shape (points,).
        """
        at = self.state(phase)
        x, y, z = ((np.asarray(points_mm) - self.apex_lps) @ self.local_axes).T
        below = at.outer_depth - z  # from the base down
        here = (below >= 0) & (below <= at.outer_depth)
        outer = at.outer_radius**2 * np.clip(1 - (below / at.outer_depth) ** 2, 0, None)
        inner = np.clip(1 - (below / at.cavity_depth) ** 2, 0, None)
        direction = self.hypokinetic_rad + at.twist_at(z)
        lean = at.lean * np.sqrt(inner)
        off_x, off_y = x - lean * np.cos(direction), y - lean * np.sin(direction)
        cavity = here & (off_x**2 + off_y**2 < at.cavity_radius**2 * inner)
        return cavity, here & (x**2 + y**2 < outer) & ~cavity
