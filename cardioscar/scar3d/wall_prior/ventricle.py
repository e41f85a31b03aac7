"""A random left ventricle to put synthetic scar in: a bent, uneven ellipsoidal shell on a Cartesian box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardioscar.scar3d.wall_prior.grid import LVGrid, cell_centers, grid_shape
from cardioscar.types import Points

VOXEL_MM = 1.5
"""Voxel of the box on which scar is drawn."""


@dataclass(frozen=True)
class Ventricle:
    r"""A shell between two ellipsoids with a common equator, cut at the base, in its own frame (z from apex to base).

    A point is $(A_t\,h(θ)\sin φ \cos θ,\ A_t\,h(θ)\sin φ \sin θ,\ -C_t\cos φ)$, then bent by
    $x \mathrel{+}= k z^2$, where $A_t, C_t$ go linearly from endocardium to epicardium and $φ$ from 0 (apex) to
    `last` (base).

    Attributes:
        radius_mm: $A$ of endocardium and epicardium.
        depth_mm: $C$ of endocardium and epicardium, apex below the equator.
        last: Angle $φ$ of the base, a little over π/2.
        uneven: Cosine and sine amplitudes of $h(θ) = 1 + Σ$, orders 1 to 3, shape (2, 3).
        bend_per_mm: $k$.
    """

    radius_mm: tuple[float, float]
    depth_mm: tuple[float, float]
    last: float
    uneven: Float[np.ndarray, "2 3"]
    bend_per_mm: float

    def _round(self, angle: np.ndarray) -> np.ndarray:
        orders = np.arange(1, 4)
        turns = angle[..., None] * orders
        return np.asarray(1 + np.cos(turns) @ self.uneven[0] + np.sin(turns) @ self.uneven[1])

    def place(self, at: np.ndarray) -> np.ndarray:
        """Positions in mm of apicobasal, angle and transmural coordinates, shape (..., 3)."""
        # apicobasal grows with height, as the coordinate of a mesh does
        cosine = 1 - at[..., 0] * (1 - np.cos(self.last))
        sine = np.sqrt(np.clip(1 - cosine**2, 0, None))
        a = self.radius_mm[0] + at[..., 2] * (self.radius_mm[1] - self.radius_mm[0])
        c = self.depth_mm[0] + at[..., 2] * (self.depth_mm[1] - self.depth_mm[0])
        ring = a * sine * self._round(at[..., 1])
        z = -c * cosine
        return np.stack(
            [ring * np.cos(at[..., 1]) + self.bend_per_mm * z**2, ring * np.sin(at[..., 1]), z],
            axis=-1,
        )

    def coordinates(self, points_mm: Points) -> Float[np.ndarray, "n 3"]:
        """The inverse of `place`; transmural is cut to −2 … 3, apicobasal exceeds 1 above the base."""
        z = points_mm[:, 2]
        x = points_mm[:, 0] - self.bend_per_mm * z**2
        angle = np.arctan2(points_mm[:, 1], x)
        ring = np.hypot(x, points_mm[:, 1]) / self._round(angle)
        (a0, a1), (c0, c1) = self.radius_mm, self.depth_mm
        t = np.full(len(z), 0.5)
        for _ in range(8):  # Newton for the ellipsoid through the point
            a, c = np.maximum(a0 + t * (a1 - a0), 1.0), np.maximum(c0 + t * (c1 - c0), 1.0)
            r2, z2 = (ring / a) ** 2, (z / c) ** 2
            slope = -2 * (r2 * (a1 - a0) / a + z2 * (c1 - c0) / c)
            t = np.clip(t - (r2 + z2 - 1) / np.minimum(slope, -1e-6), -2, 3)
        c = np.maximum(c0 + t * (c1 - c0), 1.0)
        return np.stack([(1 + z / c) / (1 - np.cos(self.last)), angle, t], axis=1)

    def grid(self, *, cell_mm: float, layers: int) -> LVGrid:
        """The grid of this ventricle, cell by cell as large as that of a mesh of its size."""
        coarse = self.place(cell_centers((24, 48, 1)))[:, :, 0]
        length = np.linalg.norm(np.diff(coarse, axis=0), axis=-1).mean(axis=1).sum() * 24 / 23
        girth = np.linalg.norm(coarse - np.roll(coarse, 1, axis=1), axis=-1).sum(axis=1).max()
        shape = grid_shape(float(length), float(girth), cell_mm=cell_mm, layers=layers)
        return LVGrid(self.place(cell_centers(shape)))


@dataclass(frozen=True)
class WallBox:
    """The wall on a Cartesian box of voxels.

    Attributes:
        corner_mm: Centre of the first voxel.
        shape: Voxels along x, y, z.
        near: Flat index of the voxels in the wall or within about two voxels of it.
        coordinates: Apicobasal, angle, transmural of those voxels.
        depth: How deep in the wall each voxel of the box lies in mm, negative outside, as a box.
    """

    corner_mm: np.ndarray
    shape: tuple[int, int, int]
    near: Int[np.ndarray, " near"]
    coordinates: Float[np.ndarray, "near 3"]
    depth: Float[np.ndarray, "x y z"]

    @property
    def points_mm(self) -> Float[np.ndarray, "near 3"]:
        """Positions of the voxels near the wall."""
        return self.corner_mm + VOXEL_MM * np.stack(np.unravel_index(self.near, self.shape), axis=1)

    def index(self, points_mm: Points) -> np.ndarray:
        """Continuous voxel index of positions, shape (3, n)."""
        return ((points_mm - self.corner_mm) / VOXEL_MM).T


def draw_ventricle(rng: np.random.Generator) -> Ventricle:
    """Draw a ventricle: cavity 36 to 70 mm wide, wall 6 to 14 mm, 60 to 120 mm long."""
    cavity, wall = rng.uniform(18, 35), rng.uniform(6, 14)
    last = rng.uniform(0.5, 0.66) * np.pi
    length = float(np.clip((cavity + wall) * rng.uniform(1.9, 2.9), 60, 120))
    depth = length / (1 - np.cos(last))
    apex_wall = wall * rng.uniform(0.5, 1.1)
    uneven = rng.normal(size=(2, 3)) * np.array([0.03, 0.05, 0.015])
    return Ventricle(
        radius_mm=(float(cavity), float(cavity + wall)),
        depth_mm=(float(depth - apex_wall), float(depth)),
        last=float(last),
        uneven=uneven,
        bend_per_mm=float(rng.normal(0, 0.0012)),
    )


def wall_box(ventricle: Ventricle) -> WallBox:
    """Rasterise a ventricle with a margin of three voxels."""
    surface = ventricle.place(cell_centers((40, 60, 20))).reshape(-1, 3)
    low, high = surface.min(axis=0) - 3 * VOXEL_MM, surface.max(axis=0) + 3 * VOXEL_MM
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / VOXEL_MM) + 1)
    voxels = low + VOXEL_MM * np.indices((nx, ny, nz)).reshape(3, -1).T
    at = ventricle.coordinates(voxels)
    wall_mm = ventricle.radius_mm[1] - ventricle.radius_mm[0]
    base_z = -ventricle.depth_mm[1] * np.cos(ventricle.last)
    depth = np.minimum(np.minimum(at[:, 2], 1 - at[:, 2]) * wall_mm, base_z - voxels[:, 2])
    near = np.flatnonzero(depth > -2.5 * VOXEL_MM)
    return WallBox(low, (nx, ny, nz), near, at[near], depth.reshape(nx, ny, nz).astype(np.float32))
