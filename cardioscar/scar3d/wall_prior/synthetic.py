"""Synthetic scar: random shapes in the wall of a ventricle, as a level that is positive in scar.

The family is made for learning how scar continues between slices, and is none of any benchmark: thresholded random
fields, unions of rough blobs, depths of their own, patches, and corridors cut by warped sheets of any direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import fft

from cardioscar.scar3d.wall_prior.ventricle import VOXEL_MM, WallBox

NOTHING = -10.0
"""Level where there is no scar."""


@dataclass(frozen=True)
class SyntheticScar:
    """A scar on the voxels of a box.

    Attributes:
        level: Positive in scar, about mm near its border, as a box, float32.
    """

    level: Float[np.ndarray, "x y z"]


class FieldSource:
    """Gaussian random fields with unit variance on the voxels near a wall.

    Args:
        box: The wall.
        rng: Source of the noise.
    """

    def __init__(self, box: WallBox, rng: np.random.Generator) -> None:
        self._box, self._rng = box, rng
        self._padded = tuple(fft.next_fast_len(n + 8, real=True) for n in box.shape)
        nx, ny, nz = self._padded
        self._waves = (np.fft.fftfreq(nx, VOXEL_MM), np.fft.fftfreq(ny, VOXEL_MM), np.fft.rfftfreq(nz, VOXEL_MM))

    def draw(self, length_mm: float, *, stretch: float = 1.0) -> Float[np.ndarray, " near"]:
        """A field whose correlation falls to exp(−½) over `length_mm`, times `stretch` along one random direction."""
        noise = self._rng.standard_normal(self._padded, dtype=np.float32)
        along = self._rng.normal(size=3)
        along /= np.linalg.norm(along)
        x, y, z = np.meshgrid(*(w.astype(np.float32) for w in self._waves), indexing="ij", sparse=True)
        square = x * x + y * y + z * z
        if stretch != 1.0:
            square = square + (stretch**2 - 1) * (along[0] * x + along[1] * y + along[2] * z) ** 2
        # the square root of the spectrum of a Gaussian correlation
        spectrum = fft.rfftn(noise) * np.exp(-((np.pi * length_mm) ** 2) * square)
        field = fft.irfftn(spectrum, s=self._padded)
        nx, ny, nz = self._box.shape
        values = field[:nx, :ny, :nz].reshape(-1)[self._box.near]
        spread = values.std()
        return np.asarray((values - values.mean()) / max(float(spread), 1e-6), dtype=np.float32)


def draw_scar(box: WallBox, rng: np.random.Generator) -> SyntheticScar:
    """Draw a scar: 3 in 100 ventricles have none."""
    level = np.full(len(box.near), NOTHING, dtype=np.float32)
    if rng.random() >= 0.03:
        fields = FieldSource(box, rng)
        level = _region(box, fields, rng)
        level = np.minimum(level, _depth(box, fields, rng))
        if rng.random() < 0.4:
            level = np.minimum(level, _patches(fields, rng))
        if rng.random() < 0.65:
            for _ in range(rng.integers(1, 4)):
                level = np.minimum(level, _corridor(box, level, fields, rng))
    whole = np.full(int(np.prod(box.shape)), NOTHING, dtype=np.float32)
    whole[box.near] = np.clip(level, NOTHING, -NOTHING)
    return SyntheticScar(whole.reshape(box.shape))


def _wall_voxel(box: WallBox, rng: np.random.Generator) -> int:
    inside = np.flatnonzero(box.depth.reshape(-1)[box.near] > 0)
    return int(rng.choice(inside))


def _region(box: WallBox, fields: FieldSource, rng: np.random.Generator) -> np.ndarray:
    """Where scar may be: a thresholded field about a centre, rough blobs, or both."""
    kind = rng.random()
    level = np.full(len(box.near), NOTHING, dtype=np.float32)
    if kind < 0.65:
        level = np.maximum(level, _thresholded(box, fields, rng))
    if kind > 0.5:
        level = np.maximum(level, _blobs(box, fields, rng))
    return level


def _thresholded(box: WallBox, fields: FieldSource, rng: np.random.Generator) -> np.ndarray:
    length = np.exp(rng.uniform(np.log(5), np.log(22)))
    field = fields.draw(length, stretch=np.exp(rng.uniform(0, np.log(3))))
    away = np.linalg.norm(box.points_mm - box.points_mm[_wall_voxel(box, rng)], axis=1)
    reach = rng.uniform(15, 60)
    field = field - rng.uniform(0.5, 2.5) * (away / reach) ** 2 + rng.uniform(-0.3, 1.2) * (0.5 - box.coordinates[:, 2])
    share = np.exp(rng.uniform(np.log(0.03), np.log(0.35)))
    wall = box.depth.reshape(-1)[box.near] > 0
    # a field of unit variance falls by about 1 over its length
    return np.asarray((field - np.quantile(field[wall], 1 - share)) * length, dtype=np.float32)


def _blobs(box: WallBox, fields: FieldSource, rng: np.random.Generator) -> np.ndarray:
    points = box.points_mm
    center = points[_wall_voxel(box, rng)]
    rough = fields.draw(rng.uniform(3, 12)) * rng.uniform(0.5, 3.5)
    level = np.full(len(points), NOTHING, dtype=np.float32)
    for _ in range(rng.integers(1, 5)):
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        radii = np.exp(rng.uniform(np.log(5), np.log(28), size=3))
        place = center + rng.normal(0, 14, size=3)
        inside = np.linalg.norm((points - place) @ axes / radii, axis=1)
        level = np.maximum(level, (1 - inside) * radii.min() + rough)
    return level


def _depth(box: WallBox, fields: FieldSource, rng: np.random.Generator) -> np.ndarray:
    """From endocardium up to a depth that varies along the wall; at times from outside, the middle, or all of it."""
    kind = rng.random()
    if kind < 0.3:
        return np.full(len(box.near), -NOTHING, dtype=np.float32)
    t = box.coordinates[:, 2]
    wall_mm = 9.0
    edge = rng.uniform(0.25, 1.1) + rng.uniform(0, 0.35) * fields.draw(rng.uniform(8, 30))
    if kind < 0.85:
        return np.asarray((edge - t) * wall_mm, dtype=np.float32)
    if kind < 0.93:
        return np.asarray((t - 1 + edge) * wall_mm, dtype=np.float32)
    return np.asarray((0.5 * edge - np.abs(t - rng.uniform(0.35, 0.65))) * wall_mm, dtype=np.float32)


def _patches(fields: FieldSource, rng: np.random.Generator) -> np.ndarray:
    length = np.exp(rng.uniform(np.log(2.0), np.log(7)))
    field = fields.draw(length, stretch=np.exp(rng.uniform(0, np.log(3))))
    kept = rng.uniform(0.35, 0.9)
    return np.asarray((field - np.quantile(field, 1 - kept)) * length, dtype=np.float32)


def _corridor(box: WallBox, level: np.ndarray, fields: FieldSource, rng: np.random.Generator) -> np.ndarray:
    """Distance beyond the sides of a warped sheet 2 to 8 mm thick through a scarred voxel; positive outside it.

    The sheet stands more or less upright in the wall. It may end in the scar, or leave one side of the wall alone.
    """
    scarred = np.flatnonzero((level > 0) & (box.depth.reshape(-1)[box.near] > 0))
    if len(scarred) == 0:
        return np.full(len(level), -NOTHING, dtype=np.float32)
    points = box.points_mm
    start = points[rng.choice(scarred)]
    outward = np.array([start[0], start[1], 0.4 * start[2]])
    outward /= np.linalg.norm(outward) + 1e-9
    tangent = np.cross(outward, rng.normal(size=3))
    tangent /= np.linalg.norm(tangent) + 1e-9
    normal = tangent + rng.normal(0, 0.35) * outward
    normal /= np.linalg.norm(normal)
    aside = (points - start) @ normal + rng.uniform(0, 5) * fields.draw(rng.uniform(10, 30))
    half = 0.5 * rng.uniform(2, 8) * (1 + rng.uniform(0, 0.3) * fields.draw(rng.uniform(8, 20)))
    outside = np.abs(aside) - half
    ends = rng.random()
    if ends < 0.25:
        forward = np.cross(normal, outward)
        outside = np.maximum(outside, -((points - start) @ forward) - rng.uniform(0, 15))
    elif ends < 0.4:
        side = box.coordinates[:, 2] if rng.random() < 0.5 else 1 - box.coordinates[:, 2]
        outside = np.maximum(outside, (side - rng.uniform(0.4, 0.8)) * 9.0)
    return np.asarray(outside, dtype=np.float32)
