"""A smooth ventricle over the stack's axis: tapering, elliptic, with a bent and tilted axis and an uneven wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from cardioscar.phantom.random_field import draw_random_field

STEP_MM = 2.0
"""Distance between the levels on which radii are kept."""
ANGLES = 120
"""Directions on which radii are kept."""
APEX_RADIUS_MM = 4.0
"""Least outer radius, which keeps the wall's coordinates defined below the lowest slice."""


@dataclass(frozen=True)
class Examination:
    """Which slices a heart has; apex and base lie outside them.

    Attributes:
        slices: Number of slices.
        spacing_mm: Distance between them.
        pixel_mm: Pixel size.
        apex_mm: Height of the first slice above the outer apex.
        length_mm: Height of the base above the outer apex.
    """

    slices: int
    spacing_mm: float
    pixel_mm: float
    apex_mm: float
    length_mm: float

    @property
    def heights_mm(self) -> np.ndarray:
        """Height of each slice's middle above the outer apex, shape (slices,)."""
        return self.apex_mm + self.spacing_mm * np.arange(self.slices)


def draw_examination(rng: np.random.Generator) -> Examination:
    """Draw 6 to 11 slices, most of them 10 mm apart and most with pixels of 1.4 mm."""
    slices = int(rng.choice([6, 7, 8, 9, 10, 11], p=[0.37, 0.24, 0.14, 0.11, 0.11, 0.03]))
    spacing = 10.0 if rng.random() < 0.6 else round(rng.uniform(8, 13), 1)
    spacing = min(spacing, round(95 / (slices - 1), 1))
    pixel = 1.4 if rng.random() < 0.6 else round(rng.uniform(0.63, 1.22), 2)
    apex, base = rng.uniform(10, 20), rng.uniform(3, 14)
    return Examination(slices, spacing, pixel, apex, apex + (slices - 1) * spacing + base)


@dataclass(frozen=True)
class Anatomy:
    """The wall in the stack's frame: x towards the septum, y anterior, z from the outer apex to the base, mm.

    Attributes:
        inner_mm: Radius of the endocardium by level (`STEP_MM` apart from z = 0) and direction, shape (levels, angles).
        outer_mm: The same of the epicardium.
        tilt: Slope of the axis at the middle, mm sideways a mm of height, shape (2,).
        bend_per_mm: Its change with height, shape (2,).
        middle_mm: Height at which the axis crosses the origin.
    """

    inner_mm: np.ndarray
    outer_mm: np.ndarray
    tilt: np.ndarray
    bend_per_mm: np.ndarray
    middle_mm: float

    def center_mm(self, height_mm: np.ndarray) -> np.ndarray:
        """Where the axis is at heights, shape (n, 2)."""
        up = np.asarray(height_mm)[:, None] - self.middle_mm
        return np.asarray(up * self.tilt + up**2 / 2 * self.bend_per_mm)

    def coordinates(self, points_mm: np.ndarray) -> np.ndarray:
        """Height along the ventricle, angle from septum to anterior (rad), inner and outer radius, and radius.

        The level of a point is that of the plane through it across the axis: where slices are oblique one side of the
        slice is nearer to the apex.

        Args:
            points_mm: Shape (n, 3).

        Returns:
            Shape (5, n).
        """
        away = points_mm[:, :2] - self.center_mm(points_mm[:, 2])
        slope = self.tilt + (points_mm[:, 2:] - self.middle_mm) * self.bend_per_mm
        height = points_mm[:, 2] + (away * slope).sum(axis=1)
        angle = np.arctan2(away[:, 1], away[:, 0])
        inner, outer = (on_wall(radii, height, angle) for radii in (self.inner_mm, self.outer_mm))
        return np.stack([height, angle, inner, outer, np.hypot(*away.T)])


def on_wall(values: np.ndarray, height_mm: np.ndarray, angle_rad: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """Values kept by level and direction (and, with `more`, by index along further axes), linearly between them."""
    column = (angle_rad / (2 * np.pi) % 1) * ANGLES
    closed = np.concatenate([values, values[:, :1]], axis=1)
    return map_coordinates(closed, [height_mm / STEP_MM, column, *more], order=1, mode="nearest")


def wall_grid(length_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Heights (levels, 1) and angles (1, angles) on which radii are kept."""
    levels = int(np.ceil((length_mm + 10) / STEP_MM)) + 1
    return np.arange(levels)[:, None] * STEP_MM, np.arange(ANGLES)[None] * (2 * np.pi / ANGLES)


def draw_anatomy(rng: np.random.Generator, exam: Examination) -> Anatomy:
    """Draw a wall: 5 to 11 mm thick, cavity 36 to 60 mm wide at the equator, axis a few degrees off the slices' normal.

    Args:
        rng: Source of the draws.
        exam: The examination, for the length.
    """
    height, angle = wall_grid(exam.length_mm)
    wall = float(np.clip(rng.normal(8.5, 1.8), 4.6, 12.5))
    radius = rng.uniform(19, 29) + wall
    equator = rng.uniform(0.7, 0.95) * exam.length_mm
    below = np.clip((equator - height) / equator, 0, 1)
    above = np.clip((height - equator) / exam.length_mm, 0, None)
    profile = (1 - below ** rng.uniform(2.3, 3.4)) ** rng.uniform(0.5, 0.6) - rng.uniform(0, 1.5) * above**2
    outer = np.maximum(radius * profile, APEX_RADIUS_MM)
    oval = rng.uniform(0, 0.07) * np.cos(2 * (angle - rng.uniform(0, np.pi) - rng.normal(0, 0.006) * height))
    place = _places(height, angle, radius)
    dents = _field(rng, place, 24.0).reshape(oval.shape)
    outer = outer * (1 + oval + 0.025 * dents)
    uneven = 0.10 * _field(rng, place, 16.0).reshape(oval.shape) + 0.05 * _field(rng, place, 30.0).reshape(oval.shape)
    thick = wall * (1 + uneven) * (1 - rng.uniform(0, 0.35) * np.exp(-height / 15))
    inner = np.maximum(outer - np.minimum(thick, 0.8 * outer), 0.15 * outer)
    return Anatomy(
        inner_mm=inner,
        outer_mm=outer,
        tilt=rng.normal(0, 0.042, 2),
        bend_per_mm=rng.normal(0, 0.0013, 2),
        middle_mm=exam.length_mm / 2,
    )


def _places(height: np.ndarray, angle: np.ndarray, radius_mm: float) -> np.ndarray:
    """A cylinder's surface, on which fields without a seam can be drawn, shape (levels · angles, 3)."""
    x, y, z = np.broadcast_arrays(radius_mm * np.cos(angle), radius_mm * np.sin(angle), height)
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def _field(rng: np.random.Generator, place: np.ndarray, length_mm: float) -> np.ndarray:
    field = draw_random_field(rng, low_mm=place.min(axis=0), high_mm=place.max(axis=0), length_mm=length_mm)
    return field(place)
