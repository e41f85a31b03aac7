"""What a scanner sees of a beating ventricle: slices at times, as shares of pixels, labels, and a plain cine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardioscar.errors import ConfigError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_section import section
from cardioscar.types import AffineMatrix

_MARGIN_MM = 20.0
_BLOOD, _MUSCLE, _AROUND = 900.0, 300.0, 120.0
"""Signals of a steady-state image: bright blood, dark muscle, and dimmer surroundings."""
_GAUSS = np.polynomial.legendre.leggauss(8)
"""Places and weights through a slice, from −1 to 1: right to 0.1 % also where the apex ends within it."""


@dataclass(frozen=True)
class CineProtocol:
    """Where and when the slices of a cine lie.

    Attributes:
        frames: Images of the beat.
        pixel_mm: Pixel size along i and j.
        distance_mm: Distance between slice centres.
        thickness_mm: Thickness of a slice; default the distance, so that every part of the ventricle is seen once.
        beat_ms: Length of the beat.
        first_phase: Share of the beat at the first frame: not every scan begins at end-diastole.
        slices: Number of slices, from the apex; default all that the ventricle needs.
    """

    frames: int = 20
    pixel_mm: tuple[float, float] = (1.4, 1.4)
    distance_mm: float = 8.0
    thickness_mm: float | None = None
    beat_ms: float = 800.0
    first_phase: float = 0.0
    slices: int | None = None

    def __post_init__(self) -> None:
        for name, low in (("frames", 2), ("distance_mm", 0.5), ("beat_ms", 80)):
            if not getattr(self, name) >= low:
                raise ConfigError(f"phantom: {name}", f"at least {low:g}", f"{getattr(self, name):g}")
        if min(self.pixel_mm) < 0.2 or max(self.pixel_mm) > 10:
            raise ConfigError("phantom: pixel_mm", "0.2 to 10", f"{self.pixel_mm[0]:g}×{self.pixel_mm[1]:g}")

    @property
    def phases(self) -> Float[np.ndarray, " frames"]:
        """Share of the beat since end-diastole at each frame."""
        return np.mod(self.first_phase + np.arange(self.frames) / self.frames, 1.0)


@dataclass(frozen=True)
class BeatingImages:
    """Images of a beating ventricle on one grid.

    Attributes:
        cavity: Share of each pixel's prism that is cavity; the values of the cine are 0 to 1, float32.
        wall: Share that is wall.
        heights_mm: Height of each slice above the resting apex, shape (slices,).
    """

    cavity: Cine
    wall: Cine
    heights_mm: Float[np.ndarray, " slices"]

    @property
    def labels(self) -> Cine:
        """uint8 `Label` of each pixel: what fills at least half of it, cavity before wall."""
        cavity, wall = self.cavity.values, self.wall.values
        muscle = (wall + cavity >= 0.5) & (cavity < 0.5)
        values = np.where(cavity >= 0.5, Label.BLOOD_POOL, np.where(muscle, Label.MYOCARDIUM, Label.BACKGROUND))
        return self.cavity.with_values(values.astype(np.uint8))

    def image(self, rng: np.random.Generator, *, snr: float = 20.0) -> Cine:
        """A plain cine: signals mixed by their shares, and Rician noise.

        Args:
            rng: Source of the noise.
            snr: Signal of blood over the deviation of each channel's noise.
        """
        cavity, wall = self.cavity.values, self.wall.values
        signal = _BLOOD * cavity + _MUSCLE * wall + _AROUND * (1 - cavity - wall)
        noise = rng.standard_normal((2, *signal.shape)) * (_BLOOD / snr)
        values = np.rint(np.hypot(signal + noise[0], noise[1])).astype(np.int16)
        return replace(self.cavity.with_values(values), source="cine")


def image_beat(ventricle: BeatingVentricle, protocol: CineProtocol | None = None, *, fine: int = 8) -> BeatingImages:
    """Draw a beating ventricle in slices across its axis.

    Through a slice the sections are integrated by Gauss's rule over the part of it that lies below the base, in the
    plane each pixel that a circle crosses is asked at `fine`² points.

    Args:
        ventricle: The ventricle.
        protocol: Where and when.
        fine: Points along each side of a pixel.

    Returns:
        Shares on a grid in the one order of storage: i along the septum's direction reversed (septum at the left of the
        picture), j from anterior to inferior, slices from the apex to the base.
    """
    protocol = protocol or CineProtocol()
    states = [ventricle.state(float(phase)) for phase in protocol.phases]
    reach = max(state.outer_radius for state in states) + _MARGIN_MM
    sizes = [int(2 * np.ceil(reach / step)) for step in protocol.pixel_mm]
    slices = protocol.slices or int(np.ceil(ventricle.length_mm / protocol.distance_mm)) + 1
    axes = ventricle.local_axes
    heights = (np.arange(slices) + 0.25) * protocol.distance_mm
    affine: AffineMatrix = np.eye(4)
    steps = np.column_stack([-axes[:, 0], -axes[:, 1], axes[:, 2]])
    affine[:3, :3] = steps * [*protocol.pixel_mm, protocol.distance_mm]
    corner = [-(size - 1) / 2 * step for size, step in zip(sizes, protocol.pixel_mm, strict=True)]
    affine[:3, 3] = ventricle.apex_lps + steps @ [*corner, heights[0]]
    thickness = protocol.thickness_mm or protocol.distance_mm
    # in the ventricle's frame: septum and anterior, against the steps of i and j
    x, y = (-(np.arange(size) - (size - 1) / 2) * step for size, step in zip(sizes, protocol.pixel_mm, strict=True))
    plane = _Plane(x, y, protocol.pixel_mm, fine)
    shape = (sizes[0], sizes[1], slices, protocol.frames)
    cavity, wall = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for t, (phase, state) in enumerate(zip(protocol.phases, states, strict=True)):
        for k, height in enumerate(heights):
            low, high = max(height - thickness / 2, 0.0), min(height + thickness / 2, state.outer_depth)
            if high <= low:
                continue
            for node, weight in zip(*_GAUSS, strict=True):
                ring = section(ventricle, (low + high) / 2 + node * (high - low) / 2, float(phase))
                if ring is None:
                    continue
                share = np.float32(weight / 2 * (high - low) / thickness)
                lean = ring.lean_mm * np.array([np.cos(ring.lean_rad), np.sin(ring.lean_rad)])
                inner, outer = plane.disc(lean, ring.cavity_mm), plane.disc(np.zeros(2), ring.outer_mm)
                cavity[:, :, k, t] += share * inner
                wall[:, :, k, t] += share * (outer - inner)
    times = np.arange(protocol.frames) * protocol.beat_ms / protocol.frames
    first = Cine(np.clip(cavity, 0, 1), affine, times, "phantom", thickness)
    return BeatingImages(first, first.with_values(np.clip(wall, 0, 1)), heights)


@dataclass(frozen=True)
class _Plane:
    """Pixels of a slice in the ventricle's frame, mm."""

    x: Float[np.ndarray, " i"]
    y: Float[np.ndarray, " j"]
    pixel_mm: tuple[float, float]
    fine: int

    def disc(self, center: Float[np.ndarray, " axes"], radius: float) -> Float[np.ndarray, "i j"]:
        """Share of each pixel inside a circle."""
        distance = np.hypot(self.x[:, None] - center[0], self.y[None] - center[1])
        share = (distance < radius).astype(np.float32)
        i, j = np.nonzero(np.abs(distance - radius) < np.hypot(*self.pixel_mm) / 2)
        offset = (np.arange(self.fine) + 0.5) / self.fine - 0.5
        across = self.x[i] - center[0]
        along = self.y[j] - center[1]
        inside = (across[:, None, None] + offset[:, None] * self.pixel_mm[0]) ** 2 + (
            along[:, None, None] + offset * self.pixel_mm[1]
        ) ** 2 < radius**2
        share[i, j] = inside.mean(axis=(1, 2))
        return share
