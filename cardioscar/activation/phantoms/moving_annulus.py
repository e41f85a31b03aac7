"""An annulus that moves so that the middle of its wall has a given strain: the displacement that would be measured."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import make_interp_spline

from cardioscar.activation.strain.displacement import DisplacementField
from cardioscar.activation.strain.sectors import Heading, heading_in_picture, sector_centers


def moving_annulus(
    strain: Float[np.ndarray, "sectors frames"],
    frame_ms: Float[np.ndarray, " frames"],
    *,
    inner_mm: float = 24.0,
    outer_mm: float = 34.0,
    pixel_mm: float = 1.5,
    twist: float = 0.0,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    noise_px: float = 0.0,
    seed: int = 0,
    heading: Heading | None = None,
) -> DisplacementField:
    r"""Displacement of an annulus whose mid-wall has a given circumferential strain.

    The circle in the middle of the wall stays one, of radius $r_m = R_m \bar\lambda$ with the mean stretch
    $\bar\lambda$, and its points slide along it by $\theta' = \lambda / \bar\lambda$: then each is stretched by exactly
    $\lambda = \sqrt{1 + 2E}$. The wall keeps its area, $r^2 = r_m^2 + (R^2 - R_m^2)$.

    Args:
        strain: Of each sector, fractions; between middles of sectors it changes linearly.
        frame_ms: Times.
        inner_mm: Radius of the endocardium at the reference.
        outer_mm: Radius of the epicardium.
        pixel_mm: Size of a pixel.
        twist: Rotation of all the wall in radians at the greatest shortening.
        shift_mm: Motion of all the wall then, along columns and rows.
        noise_px: Standard deviation of the displacement's noise in pixels.
        seed: Of the noise.
        heading: Directions in the picture; default septum at the left.
    """
    heading = heading or heading_in_picture()
    half = int(np.ceil(outer_mm / pixel_mm)) + 4
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1] * pixel_mm
    offsets = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    radius, angles = np.linalg.norm(offsets, axis=-1), heading.angles(offsets)
    mask = ((radius > inner_mm) & (radius < outer_mm)).reshape(rows.shape)
    middle_mm = (inner_mm + outer_mm) / 2
    stretch = np.sqrt(1 + 2 * np.asarray(strain, dtype=np.float64))
    mean = stretch.mean(axis=0)
    share = -strain.mean(axis=0) / max(float(-strain.mean(axis=0).min()), 1e-9)
    moved = np.empty((*offsets.shape, strain.shape[1]))
    for frame, turned in enumerate(_slid(stretch / mean, angles).T):
        new_radius = np.sqrt(np.maximum((middle_mm * mean[frame]) ** 2 + radius**2 - middle_mm**2, 0))
        moved[..., frame] = new_radius[:, None] * heading.direction(turned + twist * share[frame])
        moved[..., frame] += np.multiply(shift_mm, share[frame])
    displacement = np.moveaxis((moved - offsets[..., None]) / pixel_mm, 1, 0).reshape(2, *rows.shape, -1)
    displacement += noise_px * np.random.default_rng(seed).normal(size=displacement.shape)
    known = np.repeat(mask[..., None], strain.shape[1], axis=-1)
    return DisplacementField(
        mask, displacement * known, known, (pixel_mm, pixel_mm), np.asarray(frame_ms, dtype=np.float64)
    )


def _slid(rate: Float[np.ndarray, "sectors frames"], angles: Float[np.ndarray, " points"]) -> np.ndarray:
    """Where points at an angle slide to when sectors widen by a rate whose mean is 1, shape (points, frames)."""
    middles = sector_centers(len(rate))
    step = 2 * np.pi / len(rate)
    around = np.concatenate([[middles[0] - step], middles, [middles[-1] + step]])
    spread = make_interp_spline(around, np.concatenate([rate[-1:], rate, rate[:1]]), k=1).antiderivative()
    slid = spread(angles) - spread(0.0)
    return slid - (slid - angles[:, None]).mean(axis=0)  # no net rotation
