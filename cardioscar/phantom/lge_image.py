"""Signal of a late-enhancement image: nulled myocardium, bright scar, grey blood, and the surroundings."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from cardioscar.phantom.shape import LVShape, WallCoordinates

# Mean signals in arbitrary units, in the order seen in inversion-recovery LGE 10 to 20 minutes after
# gadolinium: remote myocardium nulled, blood between it and scar, lung without signal, fat bright.
SCAR, BLOOD, RV_BLOOD, REMOTE, FAT, LIVER, LUNG = 800.0, 470.0, 450.0, 90.0, 620.0, 230.0, 35.0
# Anterolateral and posteromedial papillary muscle, angle from the septum towards anterior.
PAPILLARY_RAD = (2.4, -2.1)


def lge_signal(
    rng: np.random.Generator,
    living: np.ndarray,
    scarred: np.ndarray,
    cavity: np.ndarray,
    remainder: np.ndarray,
    *,
    snr: float,
) -> np.ndarray:
    """Mix the tissues of each prism, then add coil shading and Rician noise.

    Args:
        rng: Source of texture and noise.
        living: Share of living muscle in each prism, shape (i, j, k).
        scarred: Share of scar.
        cavity: Share of LV blood.
        remainder: Signal of everything else, already weighted by its share.
        snr: Mean scar signal over the standard deviation of the noise of each channel.

    Returns:
        int16 magnitude image, shape (i, j, k).
    """
    blood = BLOOD * (1 + 0.05 * _texture(rng, living.shape, 4))
    enhanced = SCAR * (1 + 0.08 * _texture(rng, living.shape, 2))
    signal = REMOTE * living + enhanced * scarred + blood * cavity
    signal += remainder * (1 + 0.12 * _texture(rng, living.shape, 3))
    # The surface coil lies on the chest: signal falls off smoothly to one side.
    slopes = rng.uniform(-0.15, 0.15, 2)
    ramps = np.meshgrid(*(np.linspace(-1, 1, n) for n in living.shape[:2]), indexing="ij")
    signal *= (1 + slopes[0] * ramps[0] + slopes[1] * ramps[1])[..., None]
    noise = rng.standard_normal((2, *living.shape)) * (SCAR / snr)
    return np.rint(np.hypot(signal + noise[0], noise[1])).astype(np.int16)


def surroundings(shape: LVShape, at: WallCoordinates) -> np.ndarray:
    """Signal of points outside the LV wall and cavity.

    Atrial blood above the base, a crescent of right ventricle along the septum, fat around the heart, liver
    below and lung beside it: enough for a reader or a network to meet bright tissue next to the wall.

    Args:
        shape: The wall.
        at: Points outside wall and cavity.

    Returns:
        Shape (points,), arbitrary units.
    """
    x, y, z = at.local_mm.T
    across = np.maximum(np.hypot(x, y), 1e-9)
    height = np.clip(1 + z / shape.length_mm, 0, 1)
    endo, epi = shape.radii(at.direction)
    outside_mm = (at.transmural - 1) * (epi - endo)

    septal = np.exp(2.2 * (x / across - 1)) * np.sqrt(height)
    rv_depth_mm = np.clip(35 * septal - 8, 0, None)
    inferior = -y / across > 0.55
    signal = np.where(inferior, LIVER, LUNG)
    signal[outside_mm < rv_depth_mm + 8] = FAT
    signal[outside_mm < rv_depth_mm + 3] = REMOTE
    signal[outside_mm < rv_depth_mm] = RV_BLOOD
    # Around the free wall there is only a thin rim of fat.
    free = rv_depth_mm == 0
    signal[free & (outside_mm >= 2)] = np.where(inferior, LIVER, LUNG)[free & (outside_mm >= 2)]
    signal[free & (outside_mm < 2)] = FAT * 0.6
    above = z > 0
    signal[above & (at.transmural < 0)] = BLOOD
    signal[above & (at.transmural >= 0) & (at.transmural <= 1)] = FAT * 0.6
    return signal


def in_papillary_muscle(shape: LVShape, at: WallCoordinates) -> np.ndarray:
    """Points of the two papillary muscles, dark columns in the cavity that readers count as blood pool.

    Args:
        shape: The wall.
        at: Any points.

    Returns:
        Shape (points,).
    """
    found = np.zeros(len(at.transmural), dtype=bool)
    height = -at.local_mm[:, 2] / shape.length_mm
    level = np.flatnonzero(at.in_cavity & (height > 0.35) & (height < 0.72))
    for angle in PAPILLARY_RAD:
        # The columns follow the endocardium as it narrows to the apex.
        center_mm = shape.cavity_radius_mm * (0.95 - 0.55 * height[level])
        x, y = at.local_mm[level, :2].T
        found[level] |= np.hypot(x - center_mm * np.cos(angle), y - center_mm * np.sin(angle)) < 4
    return found


def _texture(rng: np.random.Generator, shape: tuple[int, ...], pixels: float) -> np.ndarray:
    """Smooth in-plane noise of mean 0 and standard deviation 1."""
    noise = gaussian_filter(rng.standard_normal(shape), (pixels, pixels, 0), mode="wrap")
    return noise * 2 * pixels * np.sqrt(np.pi)
