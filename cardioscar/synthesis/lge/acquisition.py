"""How a scanner takes one late-enhancement picture: settings, their draw, and the way from signals to grey values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.effects.bias import coil_profile, residual_bias
from cardioscar.synthesis.effects.blur import motion, point_spread
from cardioscar.synthesis.effects.contrast import tone_curve, uneven_tissue
from cardioscar.synthesis.effects.k_space import ghosts, truncate
from cardioscar.synthesis.effects.noise import magnitude, phase_sensitive, receiver_noise


@dataclass(frozen=True)
class Acquisition:
    """Settings of a scan, the same for all of its slices.

    Attributes:
        psir: Whether the picture is phase sensitive; else a magnitude.
        normalised: Exponent of the reference in the divisor of a phase-sensitive picture.
        noise: Deviation of the noise in the picture, in units of the signal.
        kept: Share of the frequencies that is measured, along i and j.
        taper: Share of the band over which the scanner's filter falls.
        blur_pixels: Deviation of the point spread.
        moves_pixels: Displacements during the scan, shape (moves, 2).
        coils_mm: Coils, from the first pixel's centre, shape (coils, 3).
        coil_radius_mm: Radius of the coils.
        corrected: Share of their profile that the scanner corrects.
        drift: Deviation of the bias that remains.
        grain: Unevenness of the tissues, as a share of their signal.
        ghost: Strength of ghosts, 0 for none.
        ghost_axis: Axis along which they are displaced.
        ghost_lines: Period of the motion in lines.
        tones: Steps of the tone curve; empty for none.
        border_pixels: Width of an edge without data at each side: before and after along i, then along j.
    """

    psir: bool
    normalised: float
    noise: float
    kept: tuple[float, float]
    taper: float
    blur_pixels: float
    moves_pixels: np.ndarray
    coils_mm: np.ndarray
    coil_radius_mm: float
    corrected: float
    drift: float
    grain: float
    ghost: float
    ghost_axis: int
    ghost_lines: float
    tones: np.ndarray
    border_pixels: tuple[int, int, int, int]

    def picture(
        self,
        rng: np.random.Generator,
        inversion: Float[np.ndarray, "i j"],
        reference: Float[np.ndarray, "i j"],
        pixel_mm: tuple[float, float],
    ) -> Float[np.ndarray, "i j"]:
        """Grey values of a slice.

        Args:
            rng: Source of grain and noise.
            inversion: Signed signal after the inversion, averaged through the slice.
            reference: Signal without an inversion.
            pixel_mm: Pixel size along i and j.

        Returns:
            float32, any range.
        """
        shape = (inversion.shape[0], inversion.shape[1])
        profile = coil_profile(shape, pixel_mm, self.coils_mm, radius_mm=self.coil_radius_mm, corrected=self.corrected)
        signal = uneven_tissue(rng, inversion, pixels=3 / min(pixel_mm), strength=self.grain) * profile
        planes = np.stack([signal, reference * profile], axis=-1)
        if len(self.moves_pixels) > 1:
            planes = motion(planes, self.moves_pixels)
        planes = point_spread(planes, pixels=self.blur_pixels)
        before = receiver_noise(rng, planes, deviation=self.noise / math.sqrt(self.kept[0] * self.kept[1]))
        if self.ghost:
            before = ghosts(before, axis=self.ghost_axis, period_lines=self.ghost_lines, strength=self.ghost)
        measured = truncate(before, self.kept, taper=self.taper)
        inverted, upright = measured[..., 0], measured[..., 1]
        if self.psir:
            image = phase_sensitive(inverted, upright, normalised=self.normalised, floor=0.02)
        else:
            image = np.asarray(magnitude(inverted), dtype=np.float32)
        if self.drift and not self.psir:
            image = image * residual_bias(rng, shape, pixels=60 / min(pixel_mm), strength=self.drift)
        return self._scaled(image)

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        """Tones, and edges that hold no data."""
        if len(self.tones):
            image = tone_curve(image, self.tones)
        above, below, left, right = self.border_pixels
        if any(self.border_pixels):
            blank = 0.0 if not self.psir else float(np.median(image))
            image = image.copy()
            image[:above], image[image.shape[0] - below :] = blank, blank
            image[:, :left], image[:, image.shape[1] - right :] = blank, blank
        return np.asarray(image, dtype=np.float32)


def draw_acquisition(
    rng: np.random.Generator,
    *,
    psir: bool,
    shape: tuple[int, int],
    pixel_mm: tuple[float, float],
    scar_over_wall: float,
    heart_mm: tuple[float, float],
) -> Acquisition:
    """Draw a scan.

    Args:
        rng: Source of the draw.
        psir: Whether the picture is phase sensitive.
        shape: Pixels of the picture.
        pixel_mm: Their size.
        scar_over_wall: Signal by which scar is brighter than the wall, above 0.
        heart_mm: Where the heart's axis is in the picture, from the first pixel's centre.
    """
    measured_mm = rng.uniform(1.1, 2.3), rng.uniform(1.1, 2.6)
    if rng.random() < 0.5:
        measured_mm = measured_mm[::-1]
    kept = tuple(float(min(step / size, 1.0)) for step, size in zip(pixel_mm, measured_mm, strict=True))
    moves = rng.normal(0, rng.uniform(0.3, 1.2), (rng.integers(2, 4), 2)) / pixel_mm
    border = rng.integers(0, 2, 4) * rng.integers(0, np.array(shape).repeat(2) // 8 + 1)
    return Acquisition(
        psir=psir,
        normalised=float(rng.choice([0.0, rng.uniform(0.5, 1.0)])),
        noise=scar_over_wall / float(np.exp(rng.uniform(math.log(2.5), math.log(30)))),
        kept=(kept[0], kept[1]),
        taper=rng.uniform(0, 0.6),
        blur_pixels=rng.uniform(0.4, 0.9),
        moves_pixels=moves if rng.random() < 0.25 else np.zeros((1, 2)),
        coils_mm=_coils(rng, heart_mm),
        coil_radius_mm=rng.uniform(50, 130),
        corrected=float(rng.choice([0.0, 1.0]) if rng.random() < 0.5 else rng.random()),
        drift=rng.uniform(0, 0.15) if rng.random() < 0.5 else 0.0,
        grain=rng.uniform(0.0, 0.12),
        ghost=rng.uniform(0.05, 0.35) if rng.random() < 0.15 else 0.0,
        ghost_axis=int(rng.integers(2)),
        ghost_lines=rng.uniform(2.2, 8),
        tones=np.exp(rng.normal(0, rng.uniform(0.1, 0.7), 6)) if rng.random() < 0.3 else np.zeros(0),
        border_pixels=tuple(border.tolist()) if rng.random() < 0.1 else (0, 0, 0, 0),
    )


def _coils(rng: np.random.Generator, heart_mm: tuple[float, float]) -> np.ndarray:
    """Coils on one side of the heart, and fewer behind."""
    toward, count = rng.uniform(-np.pi, np.pi), rng.integers(2, 6)
    angles = toward + rng.normal(0, 0.5, count) + np.pi * (rng.random(count) < 0.25)
    away = rng.uniform(60, 130, count)
    at_i, at_j = heart_mm[0] + away * np.cos(angles), heart_mm[1] + away * np.sin(angles)
    return np.stack([at_i, at_j, rng.normal(0, 40, count)], axis=1)
