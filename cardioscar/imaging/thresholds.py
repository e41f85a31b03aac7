"""Scar from LGE intensity by the standard threshold rules, with remote myocardium estimated from the wall
itself.

FWHM [@amado2004]; n-SD [@kim1999; @bondarenko2005]. FWHM is the most reproducible [@flett2011].
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardioscar.errors import InputError
from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)

ThresholdRule = Literal["fwhm", "nsd"]

# The areas, the smoothing and the repetition of FWHM were settled on one real volume (see its test) and on
# phantoms; no other data has confirmed them.
MIN_SCAR_AREA_MM2 = 10.0
"""Smallest in-plane region that counts as scar: 4 pixels of 1.6 mm, 16 of 0.8 mm. Smaller ones are noise."""

MIN_ENHANCED_AREA_MM2 = 20.0
"""There is scar to threshold where at least one in-plane region of this size (5 mm across) is enhanced."""

ENHANCED_SD = 5.0
"""Wall brighter than remote by this many SD is enhanced."""

FWHM_LOWEST_SD = 3.0
"""No FWHM threshold lies nearer to remote than this many SD."""

SMOOTHING_MM = 0.75
"""SD of the in-plane Gaussian that calms noise before thresholding: a pixel of 0.8, half of one of 1.5 mm."""

EDGE_MM = 1.5
"""Rim of the wall left out of the estimate of remote myocardium."""

# A peak of the wall histogram counts from a third of the tallest: remote stays found when scar is the larger
# part.
_PEAK_FRACTION = 1 / 3
_MIN_PIXELS = 20
_MAX_ROUNDS = 50


def fwhm_threshold(intensity: Float[np.ndarray, " pixels"], remote_mean: float) -> float:
    r"""Half-way between remote myocardium and the robust maximum of the enhanced wall.

    $$t = \mu_r + \tfrac12 (P_{95} - \mu_r)$$ [@amado2004]. The half is taken above remote, not above
    zero, because the zero of phase-sensitive images is arbitrary.

    Args:
        intensity: Pixels of the enhanced wall, arbitrary units; the 95th percentile stands for the maximum.
        remote_mean: Mean of normal myocardium, same units.

    Returns:
        Threshold in the same units.

    Raises:
        InputError: If there is no enhanced pixel.

    >>> fwhm_threshold(np.full(10, 300.0), 100.0)
    200.0
    """
    if np.size(intensity) == 0:
        raise InputError("enhanced wall", "at least one pixel", "none")
    return float(remote_mean + 0.5 * (np.percentile(intensity, 95) - remote_mean))


def nsd_threshold(remote_mean: float, remote_sd: float, n: float = 5) -> float:
    """Remote mean plus n standard deviations [@kim1999; @bondarenko2005].

    Args:
        remote_mean: Mean of normal myocardium, arbitrary units.
        remote_sd: Its standard deviation, same units.
        n: Number of standard deviations, positive; 2 to 6 are in use.

    Returns:
        Threshold in the same units.

    >>> nsd_threshold(100.0, 10.0)
    150.0
    """
    if not n > 0 or remote_sd < 0:
        raise InputError("nsd", "n above 0 and a standard deviation of at least 0", f"n = {n:g}, sd = {remote_sd:g}")
    return float(remote_mean + n * remote_sd)


def remote_statistics(wall_intensity: Float[np.ndarray, ...]) -> tuple[float, float]:
    """Mean and SD of normal myocardium, from the whole wall, with or without scar in it.

    Scar only adds bright pixels, so the darkest peak of the wall's histogram (smoothed with Silverman's
    bandwidth) is normal myocardium, and the half below that peak is untouched by scar: the distance below the
    peak that holds 68.27 % of that half is one SD.

    Args:
        wall_intensity: Pixels of the wall, any shape, arbitrary units; non-finite ones are ignored.

    Returns:
        Mean and standard deviation in the same units. Where nothing lies below the peak (an image without
        noise) the SD is a thousandth of the range.

    Raises:
        InputError: If there are fewer than 20 finite pixels.
    """
    x = np.asarray(wall_intensity, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size < _MIN_PIXELS:
        raise InputError("wall", f"at least {_MIN_PIXELS} pixels to estimate remote myocardium", f"{x.size}")
    mean = _darkest_peak(x)
    below = mean - x[x < mean]
    sd = float(np.quantile(below, 0.6827)) if below.size >= 0.05 * x.size else 0.0
    return mean, max(sd, 1e-3 * float(np.ptp(x)))


@dataclass(frozen=True)
class SignalScar:
    """Scar by a threshold, and what it rests on. Signals are those of the smoothed image, arbitrary units.

    Attributes:
        scar: Mask of the volume's shape, inside the wall.
        remote_mean: Mean of remote myocardium.
        remote_sd: Its standard deviation.
        threshold: Signal above which wall is scar; None where the wall is nowhere enhanced.
        signal: The smoothed image, 0 outside the wall.
    """

    scar: Bool[np.ndarray, "i j k"]
    remote_mean: float
    remote_sd: float
    threshold: float | None
    signal: Float[np.ndarray, "i j k"]


def threshold_scar(
    volume: Volume,
    wall: Bool[np.ndarray, "i j k"],
    *,
    rule: ThresholdRule = "fwhm",
    n_sd: float = 5.0,
) -> Bool[np.ndarray, "i j k"]:
    """Scar inside the wall of an LGE volume, see `scar_by_signal`."""
    return scar_by_signal(volume, wall, rule=rule, n_sd=n_sd).scar


def scar_by_signal(
    volume: Volume,
    wall: Bool[np.ndarray, "i j k"],
    *,
    rule: ThresholdRule = "fwhm",
    n_sd: float = 5.0,
) -> SignalScar:
    """Scar inside the wall of an LGE volume, one threshold for the whole volume.

    1. Noise is smoothed in plane by `SMOOTHING_MM`, from wall pixels only, so that neither blood nor fat
       bleeds in. The SD of both rules is that of the smoothed image.
    2. Remote mean and SD come from the wall without its outer `EDGE_MM` (partial volume), see
       `remote_statistics`.
    3. The wall is enhanced where it exceeds remote by 5 SD. Without an enhanced region of
       `MIN_ENHANCED_AREA_MM2` in some slice the heart is free of scar under either rule: it must not be cut
       at half of its own noise.
    4. FWHM takes its maximum from the enhanced wall, then from what lies above the threshold so found, until
       they agree: the 95th percentile of the brightest pixels alone would be too high where scar is grey. The
       threshold is never lower than remote + 3 SD.

    Args:
        volume: LGE image, arbitrary units.
        wall: Wall (myocardium and scar) on the grid of the volume.
        rule: `fwhm` or `nsd`.
        n_sd: Standard deviations of the `nsd` rule.

    Returns:
        Scar mask of the same shape, inside the wall, without specks smaller than `MIN_SCAR_AREA_MM2`, and the signals
        it rests on.

    Raises:
        InputError: If the shapes differ, the rule is unknown, or the wall is too small.
    """
    if wall.shape != volume.values.shape:
        raise InputError(volume.source, f"a wall of shape {volume.values.shape}", f"{wall.shape}")
    if rule not in ("fwhm", "nsd"):
        raise InputError("rule", "fwhm or nsd", repr(rule))
    inside = np.asarray(wall, dtype=bool) & np.isfinite(volume.values)
    signal = _smoothed(volume, inside)
    mean, sd = remote_statistics(signal[_core(volume, inside)])
    enhanced = inside & (signal > nsd_threshold(mean, sd, ENHANCED_SD))
    if not without_specks(enhanced, volume, MIN_ENHANCED_AREA_MM2).any():
        return SignalScar(np.zeros(wall.shape, dtype=bool), mean, sd, None, signal)
    if rule == "nsd":
        threshold = nsd_threshold(mean, sd, n_sd)
        return SignalScar(without_specks(inside & (signal > threshold), volume), mean, sd, threshold, signal)
    lowest, scar = nsd_threshold(mean, sd, FWHM_LOWEST_SD), without_specks(enhanced, volume)
    threshold = lowest
    for _ in range(_MAX_ROUNDS):
        threshold = max(fwhm_threshold(signal[scar], mean), lowest)
        before, scar = scar, without_specks(inside & (signal > threshold), volume)
        if not scar.any() or np.array_equal(scar, before):
            break
    else:
        log.warning("the FWHM threshold did not settle after %d rounds: the scar it draws may be off", _MAX_ROUNDS)
    return SignalScar(scar, mean, sd, threshold, signal)


def _darkest_peak(x: np.ndarray) -> float:
    quartiles = np.percentile(x, [25, 75])
    spread = min(float(x.std()), float(np.ptp(quartiles)) / 1.349)
    if spread == 0:
        return float(np.median(x))
    bandwidth = 0.9 * spread * x.size ** (-1 / 5)
    low, high = np.percentile(x, [0.1, 99.9])
    bins = int(np.clip(np.ceil(4 * (high - low) / bandwidth), 16, 4096))
    density, edges = np.histogram(x, bins=bins, range=(low - 3 * bandwidth, high + 3 * bandwidth))
    width = float(edges[1] - edges[0])
    smooth = ndimage.gaussian_filter1d(density.astype(np.float64), bandwidth / width, mode="constant")
    peaks = (smooth >= np.roll(smooth, 1)) & (smooth > np.roll(smooth, -1)) & (smooth >= _PEAK_FRACTION * smooth.max())
    return float(edges[np.flatnonzero(peaks)[0]] + width / 2)


def _smoothed(volume: Volume, inside: np.ndarray) -> np.ndarray:
    """In-plane Gaussian of the wall pixels alone (normalised convolution)."""
    sigma = SMOOTHING_MM / volume.spacing_mm
    sigma[slice_axis(volume)] = 0
    weight = ndimage.gaussian_filter(inside.astype(np.float64), sigma)
    total = ndimage.gaussian_filter(np.where(inside, volume.values, 0).astype(np.float64), sigma)
    return np.divide(total, weight, out=np.zeros_like(total), where=inside)


def _core(volume: Volume, inside: np.ndarray) -> np.ndarray:
    """The wall without its rim; the whole wall where that would leave less than a quarter."""
    axis = slice_axis(volume)
    pixel_mm = np.delete(volume.spacing_mm, axis)
    planes = np.moveaxis(inside, axis, 0)
    distance = [ndimage.distance_transform_edt(plane, sampling=pixel_mm) for plane in planes]
    core = np.stack(distance, axis=axis) > EDGE_MM
    return core if core.sum() >= max(0.25 * inside.sum(), _MIN_PIXELS) else inside


def without_specks(
    mask: Bool[np.ndarray, "i j k"], volume: Volume, min_area_mm2: float = MIN_SCAR_AREA_MM2
) -> Bool[np.ndarray, "i j k"]:
    """Drop in-plane regions (pixels that touch by an edge) that are smaller."""
    axis = slice_axis(volume)
    pixel_mm2 = float(np.delete(volume.spacing_mm, axis).prod())
    touching = ndimage.generate_binary_structure(3, 1)
    touching[tuple(slice(None) if a != axis else [0, 2] for a in range(3))] = False
    regions, n_regions = ndimage.label(mask, structure=touching)
    area_mm2 = np.bincount(regions.ravel(), minlength=n_regions + 1) * pixel_mm2
    large = area_mm2 >= min_area_mm2 - 1e-9
    large[0] = False
    return np.asarray(large[regions])
