"""Rings of which everything is known: cavity and epicardium are circles, which need not be concentric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cardioscar.lvquant.sectors import SeptumFrame, sector_of
from cardioscar.lvquant.slice_indices import profile_angles

Inside = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Ring:
    """Cavity of `radius_mm` about `center_mm`, epicardium of `outer_mm` about a centre `apart_mm` from it."""

    center_mm: tuple[float, float] = (60.0, 60.0)
    radius_mm: float = 22.0
    outer_mm: float = 31.0
    apart_mm: tuple[float, float] = (0.0, 0.0)

    @property
    def areas_mm2(self) -> tuple[float, float]:
        cavity = np.pi * self.radius_mm**2
        return cavity, np.pi * self.outer_mm**2 - cavity

    def profile_mm(self, septum: SeptumFrame) -> np.ndarray:
        """Points as far from one circle as from the other have distances from both centres that add up to the sum of
        the radii: an ellipse, whose polar equation about the cavity's centre gives the thickness."""
        angle = septum.image_angles(profile_angles())
        along = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ np.array(self.apart_mm)
        both = self.radius_mm + self.outer_mm
        to_center = (both**2 - np.sum(np.square(self.apart_mm))) / (2 * (both - along))
        return 2 * (to_center - self.radius_mm)

    def thickness_mm(self, septum: SeptumFrame) -> np.ndarray:
        sector = sector_of(profile_angles())
        return np.bincount(sector, self.profile_mm(septum)) / np.bincount(sector)

    def shares(self, pixel_mm: tuple[float, float], *, size: int = 96, fine: int = 16) -> tuple[np.ndarray, np.ndarray]:
        """Cavity and wall of each pixel; `fine` samples along its sides, 1 for whole pixels by their centres."""
        x, y = self.center_mm
        dx, dy = self.apart_mm
        cavity = averaged(lambda i, j: np.hypot(i - x, j - y) < self.radius_mm, pixel_mm, size, fine)
        heart = averaged(lambda i, j: np.hypot(i - x - dx, j - y - dy) < self.outer_mm, pixel_mm, size, fine)
        return cavity, heart - cavity


def averaged(inside: Inside, pixel_mm: tuple[float, float], size: int, fine: int) -> np.ndarray:
    at = (np.arange(size * fine) + 0.5) / fine - 0.5
    samples = inside(at[:, None] * pixel_mm[0], at[None] * pixel_mm[1])
    return samples.reshape(size, fine, size, fine).mean(axis=(1, 3))
