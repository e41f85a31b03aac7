"""Slices and hearts of strain with known onset and scar, as a scanner would show them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from cardioscar.activation.phantoms.activation import HeartActivation, draw_activation
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.phantoms.curves import strain_curves
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_class import sector_classes

_LENGTH_MM = 80.0
_FEWEST_FRAMES = 10


@dataclass(frozen=True, eq=False)
class StrainPhantom:
    """One slice with its truth.

    Attributes:
        measured: Strain with noise and lost frames; `tos_ms` and `scarred` are the truth, the onset not before the
            first frame, as nobody could see it earlier.
        clean: Strain without noise at the same frames.
        classes: `SectorClass` of each sector, by the true onsets of the whole heart.
        heart_rate_bpm: Beats a minute.
    """

    measured: StrainSlice
    clean: Float[np.ndarray, "sectors frames"]
    classes: Int[np.ndarray, " sectors"]
    heart_rate_bpm: float


def strain_phantom(seed: int, config: StrainPhantomConfig = StrainPhantomConfig()) -> StrainPhantom:
    """Draw one mid-ventricular slice.

    Args:
        seed: Equal seeds give equal phantoms.
        config: Ranges.
    """
    [one] = heart_phantom(seed, config, heights=(0.5,))
    return one


def heart_phantom(
    seed: int,
    config: StrainPhantomConfig = StrainPhantomConfig(),
    *,
    heights: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8),
) -> list[StrainPhantom]:
    """Draw the slices of one heart.

    Args:
        seed: Equal seeds give equal phantoms.
        config: Ranges.
        heights: Of the slices, 0 apex to 1 base.

    Returns:
        One phantom for each height; the frames that are lost differ between slices.
    """
    random = np.random.default_rng(seed)
    heart = draw_activation(random, config)
    heart_rate_bpm, interval_ms = random.uniform(*config.heart_rate_bpm), random.uniform(*config.interval_ms)
    last_ms = random.uniform(*config.coverage) * 60_000 / heart_rate_bpm
    frame_ms = interval_ms * np.arange(1, max(_FEWEST_FRAMES, int(last_ms / interval_ms)) + 1)
    noise = random.uniform(*config.noise)
    slices = [_slice(random, config, heart, height, frame_ms, heart_rate_bpm, noise) for height in heights]
    onsets = np.array([one.measured.tos_ms for one in slices])
    classes = sector_classes(onsets, np.array([one.measured.scarred for one in slices]))
    return [replace(one, classes=mine) for one, mine in zip(slices, classes, strict=True)]


def _slice(
    random: np.random.Generator,
    config: StrainPhantomConfig,
    heart: HeartActivation,
    height: float,
    frame_ms: Float[np.ndarray, " frames"],
    heart_rate_bpm: float,
    noise: float,
) -> StrainPhantom:
    sectors = config.sectors
    lost = int(random.integers(config.lost_frames[0], config.lost_frames[1] + 1))
    # the first frame stays: it is where the clock of the floor starts
    dropped = random.choice(np.arange(1, len(frame_ms)), min(lost, len(frame_ms) - _FEWEST_FRAMES), replace=False)
    frame_ms = np.delete(frame_ms, dropped)
    tos_ms = heart.tos_ms(sectors, height)
    clean = strain_curves(frame_ms, tos_ms, heart.size(sectors, height), heart.lost(sectors, height), heart_rate_bpm)
    measured = StrainSlice(
        clean + noise * _noise(random, clean.shape),
        frame_ms,
        location_mm=height * _LENGTH_MM,
        tos_ms=np.maximum(tos_ms, frame_ms[0]),
        scarred=heart.scarred(sectors, height),
        source="phantom",
    )
    return StrainPhantom(measured, clean, np.zeros(sectors, dtype=np.int64), heart_rate_bpm)


def _noise(random: np.random.Generator, shape: tuple[int, int]) -> Float[np.ndarray, "sectors frames"]:
    """Noise of unit size, half of its square of its own and half shared by neighbours 20° around."""
    own = random.normal(size=shape)
    shared = ndimage.gaussian_filter1d(random.normal(size=shape), shape[0] * 10 / 360, axis=0, mode="wrap")
    return (own + shared / shared.std()) / np.sqrt(2)
