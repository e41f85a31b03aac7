"""How a scanner takes the frames of a cine slice: settings, their draw, and the way from signals to grey values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.effects.bias import coil_profile, residual_bias
from cardioscar.synthesis.effects.blur import point_spread
from cardioscar.synthesis.effects.contrast import digitised, tone_curve, uneven_tissue
from cardioscar.synthesis.effects.k_space import ghosts, truncate
from cardioscar.synthesis.effects.noise import magnitude, receiver_noise
from cardioscar.synthesis.effects.texture import smooth_noise


@dataclass(frozen=True)
class CineAcquisition:
    """Settings of a scan, the same for all of its slices and frames.

    Attributes:
        noise: Deviation of the noise in the picture, in units of the signal.
        kept: Share of the frequencies that is measured, along i and j.
        taper: Share of the band over which the scanner's filter falls.
        blur_pixels: Deviation of the point spread.
        shared: Share of each neighbouring frame in a frame: views are shared, or interpolated in time.
        coils_mm: Coils, from the first pixel's centre, shape (coils, 3).
        coil_radius_mm: Radius of the coils.
        corrected: Share of their profile that the scanner corrects.
        drift: Deviation of the bias that remains.
        grain: Unevenness of the tissues, as a share of their signal.
        clutter: Unevenness of what lies around the heart, in the same way.
        flow: Share of the blood's signal that fast flow takes at most.
        bands: Depth of dark bands where the field is off resonance, 0 for none.
        band_pixels: Their distance.
        band_turn: Their direction in radians, and where one lies, in radians of its period.
        ghost: Strength of ghosts, 0 for none.
        ghost_axis: Axis along which they are displaced.
        ghost_lines: Period of the motion in lines.
        tones: Steps of the tone curve; empty for none.
        levels: Grey levels of the file.
    """

    noise: float
    kept: tuple[float, float]
    taper: float
    blur_pixels: float
    shared: float
    coils_mm: np.ndarray
    coil_radius_mm: float
    corrected: float
    drift: float
    grain: float
    clutter: float
    flow: float
    bands: float
    band_pixels: float
    band_turn: tuple[float, float]
    ghost: float
    ghost_axis: int
    ghost_lines: float
    tones: np.ndarray
    levels: int

    def pictures(
        self,
        rng: np.random.Generator,
        signal: Float[np.ndarray, "i j frames"],
        blood: Float[np.ndarray, "i j frames"],
        speed: Float[np.ndarray, " frames"],
        pixel_mm: tuple[float, float],
    ) -> Float[np.ndarray, "i j frames"]:
        """Grey values of a slice over the beat.

        Args:
            rng: Source of grain and noise.
            signal: Signal of each frame, averaged through the slice.
            blood: Share of the left cavity.
            speed: How fast the ventricle fills or empties in each frame, 0 to 1.
            pixel_mm: Pixel size along i and j.

        Returns:
            float32, whole numbers from 0.
        """
        plane = (signal.shape[0], signal.shape[1])
        still = coil_profile(plane, pixel_mm, self.coils_mm, radius_mm=self.coil_radius_mm, corrected=self.corrected)
        still = uneven_tissue(rng, still, pixels=3 / min(pixel_mm), strength=self.grain)
        if self.drift:
            still = still * residual_bias(rng, plane, pixels=60 / min(pixel_mm), strength=self.drift)
        if self.bands:
            still = still * self._dark_bands(plane)
        signal = signal * still[..., None].astype(np.float32)
        if self.flow:
            jets = np.clip(smooth_noise(rng, (*plane, 2), pixels=10 / min(pixel_mm)), 0, 2) / 2
            mixed = jets[..., :1] * speed + 0.3 * jets[..., 1:]
            signal = signal * (1 - np.float32(self.flow) * blood * np.clip(mixed, 0, 1).astype(np.float32))
        if self.shared:
            signal = (1 - 2 * self.shared) * signal + self.shared * (np.roll(signal, 1, 2) + np.roll(signal, -1, 2))
        signal = point_spread(signal.astype(np.float32), pixels=self.blur_pixels)
        before = receiver_noise(rng, signal, deviation=self.noise / math.sqrt(self.kept[0] * self.kept[1]))
        if self.ghost:
            before = ghosts(before, axis=self.ghost_axis, period_lines=self.ghost_lines, strength=self.ghost)
        image = np.asarray(magnitude(truncate(before, self.kept, taper=self.taper)), dtype=np.float32)
        if len(self.tones):
            image = tone_curve(image, self.tones)
        return digitised(image, levels=self.levels, low=0.0, high=float(image.max()) or 1.0)

    def _dark_bands(self, plane: tuple[int, int]) -> np.ndarray:
        i, j = np.meshgrid(np.arange(plane[0]), np.arange(plane[1]), indexing="ij")
        turn, start = self.band_turn
        along = (i * np.cos(turn) + j * np.sin(turn)) * (2 * np.pi / self.band_pixels) + start
        # narrow: the signal falls only near the off-resonance of half a cycle
        return np.asarray(1 - self.bands * np.exp(6 * (np.cos(along) - 1)), dtype=np.float32)


def draw_acquisition(
    rng: np.random.Generator,
    *,
    shape: tuple[int, int],
    pixel_mm: tuple[float, float],
    blood_over_wall: float,
    heart_mm: tuple[float, float],
) -> CineAcquisition:
    """Draw a scan.

    Args:
        rng: Source of the draw.
        shape: Pixels of the picture.
        pixel_mm: Their size.
        blood_over_wall: Signal by which blood is brighter than the wall, above 0.
        heart_mm: Where the heart's axis is in the picture, from the first pixel's centre.
    """
    measured_mm = rng.uniform(1.2, 2.4), rng.uniform(1.2, 3.0)
    if rng.random() < 0.5:
        measured_mm = measured_mm[::-1]
    kept = tuple(float(min(step / size, 1.0)) for step, size in zip(pixel_mm, measured_mm, strict=True))
    toward, count = rng.uniform(-np.pi, np.pi), rng.integers(2, 6)
    angles = toward + rng.normal(0, 0.6, count) + np.pi * (rng.random(count) < 0.3)
    away = rng.uniform(45, 140, count)
    at_i, at_j = heart_mm[0] + away * np.cos(angles), heart_mm[1] + away * np.sin(angles)
    return CineAcquisition(
        noise=blood_over_wall / float(np.exp(rng.uniform(math.log(4), math.log(50)))),
        kept=(kept[0], kept[1]),
        taper=rng.uniform(0, 0.6),
        blur_pixels=rng.uniform(0.2, 0.8),
        shared=rng.uniform(0, 0.25) if rng.random() < 0.5 else 0.0,
        coils_mm=np.stack([at_i, at_j, rng.normal(0, 40, count)], axis=1),
        coil_radius_mm=rng.uniform(40, 130),
        corrected=float(rng.choice([0.0, 1.0], p=[0.75, 0.25]) if rng.random() < 0.5 else rng.random()),
        drift=rng.uniform(0, 0.15) if rng.random() < 0.5 else 0.0,
        grain=rng.uniform(0.0, 0.12),
        clutter=rng.uniform(0.0, 0.5),
        flow=rng.uniform(0.0, 0.8) if rng.random() < 0.7 else 0.0,
        bands=rng.uniform(0.3, 0.9) if rng.random() < 0.15 else 0.0,
        band_pixels=rng.uniform(60, 200),
        band_turn=(rng.uniform(-np.pi, np.pi), rng.uniform(-np.pi, np.pi)),
        ghost=rng.uniform(0.03, 0.2) if rng.random() < 0.15 else 0.0,
        ghost_axis=int(rng.integers(2)),
        ghost_lines=rng.uniform(2.2, 8),
        tones=np.exp(rng.normal(0, rng.uniform(0.1, 0.6), 6)) if rng.random() < 0.25 else np.zeros(0),
        levels=int(rng.choice([256, 1024, 4096])),
    )
