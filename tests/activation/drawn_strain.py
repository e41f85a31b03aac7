"""Strain matrices and moving walls that can be written down."""

from __future__ import annotations

from typing import Any

import numpy as np

from cardioscar.activation.strain.displacement import DisplacementField
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.surfaces import MovingSurface

CENTER = np.array([31.3, 30.8])
INNER_PX, OUTER_PX = 11.0, 17.0


def beat(sectors: int = 18, frames: int = 20, interval_ms: float = 30.0, **changes: Any) -> StrainSlice:
    """A wall that shortens by a sine, the more the further from sector 0."""
    frame_ms = interval_ms * np.arange(1, frames + 1)
    curve = -(np.sin(np.pi * np.arange(frames) / frames) ** 2)
    size = 0.15 + 0.05 * np.sin(np.pi * np.arange(sectors) / sectors)
    return StrainSlice(**{"circumferential": size[:, None] * curve, "frame_ms": frame_ms, "source": "drawn"} | changes)


def moved_annulus(x: Any, frames: int = 1, *, pixel_mm: tuple[float, float] = (2.0, 2.0)) -> DisplacementField:
    """An annulus whose points go where `x(offsets_mm)` says, in every frame alike."""
    rows, columns = np.mgrid[:64, :64].astype(np.float64)
    scale = np.array([pixel_mm[1], pixel_mm[0]])
    offsets = (np.stack([columns, rows], axis=-1) - CENTER) * scale
    radius = np.linalg.norm(offsets, axis=-1) / np.sqrt(np.prod(scale))
    mask = (radius > INNER_PX) & (radius < OUTER_PX)
    moved = (x(offsets) - offsets) / scale
    displacement = np.repeat(np.moveaxis(moved, -1, 0)[..., None], frames, axis=-1)
    known = np.repeat(mask[..., None], frames, axis=-1)
    return DisplacementField(mask, displacement, known, pixel_mm, 30.0 * np.arange(1, frames + 1))


def rotation(angle: float) -> np.ndarray:
    """Matrix to multiply from the left."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def half_ellipsoid(motions: list[Any], *, around: int = 60, along: int = 24) -> MovingSurface:
    """A triangulated half ellipsoid about z, apex below, 80 mm long and 50 mm wide; a motion for each frame."""
    heights = np.linspace(0, np.pi / 2, along)
    angles = 2 * np.pi * np.arange(around) / around
    rings = [
        np.column_stack(
            [25 * np.sin(t) * np.cos(angles), 25 * np.sin(t) * np.sin(angles), np.full(around, -80 * np.cos(t))]
        )
        for t in heights[1:]
    ]
    nodes = np.vstack([[[0.0, 0.0, -80.0]], *rings])
    first, after = np.arange(around), (np.arange(around) + 1) % around
    triangles = [np.column_stack([np.zeros(around, dtype=int), 1 + first, 1 + after])]
    for ring in range(along - 2):
        low, high = 1 + ring * around, 1 + (ring + 1) * around
        triangles += [
            np.column_stack([low + first, high + first, high + after]),
            np.column_stack([low + first, high + after, low + after]),
        ]
    moved = np.stack([motion(nodes) for motion in motions])
    return MovingSurface(moved, np.vstack(triangles), 30.0 * np.arange(1, len(motions) + 1))
