"""Scar of a segmented heart in numbers: volume and share of the wall with intervals, by slice and by AHA segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.errors import InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.quantification.draws import drawn_volumes, near_heart
from cardioscar.lge.quantification.segments import Transmurality, segments, transmurality


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: What the labels say.
        mean: Mean of the draws.
        sd: Their standard deviation.
        lower: Lower end of the central interval; never above value or mean.
        upper: Upper end; never below them.
    """

    value: float
    mean: float
    sd: float
    lower: float
    upper: float


@dataclass(frozen=True)
class SliceScar:
    """Scar of a slice.

    Attributes:
        number: Index of the slice in the file.
        wall_ml: Wall by the labels, over the distance of the slices.
        scar_ml: Scar.
    """

    number: int
    wall_ml: float
    scar_ml: Estimate


@dataclass(frozen=True)
class SegmentScar:
    """Scar of an AHA segment.

    Attributes:
        segment: 1 to 17.
        wall_ml: Wall by the labels.
        scar_fraction: Share of the wall that is scar.
        transmurality: How far it reaches through the wall; None without chords (segment 17).
    """

    segment: int
    wall_ml: float
    scar_fraction: Estimate
    transmurality: Transmurality | None


@dataclass(frozen=True)
class Quantified:
    """A heart in numbers.

    Attributes:
        wall_ml: Wall by the labels: muscle and scar.
        cavity_ml: Cavity by the labels.
        scar_ml: Scar.
        scar_fraction_of_wall: Share of the wall that is scar, 0 to 1.
        slices: By slice, apex first, those with wall or expected scar alone.
        segments: By AHA segment, those with wall alone.
        scar_draws_ml: Scar of each draw, for scores of the whole distribution.
        level: Share of draws inside the intervals.
    """

    wall_ml: Estimate
    cavity_ml: float
    scar_ml: Estimate
    scar_fraction_of_wall: Estimate
    slices: tuple[SliceScar, ...]
    segments: tuple[SegmentScar, ...]
    scar_draws_ml: Float[np.ndarray, " draws"]
    level: float


def quantify(
    labels: UInt8[np.ndarray, "i j slices"],
    probability: Float[np.ndarray, "classes i j slices"],
    image: Volume,
    config: QuantifyConfig | None = None,
    *,
    septum_direction: Float[np.ndarray, " xyz"] | None = None,
) -> Quantified:
    """Measure a heart.

    Args:
        labels: `Label` of each voxel, slices last, apex first.
        probability: Calibrated probability of each label.
        image: The stack in the one order of storage, whose frame and slice numbers count.
        config: How intervals are made.
        septum_direction: Direction from the long axis to the middle of the septum, LPS, see `segments`.

    Raises:
        InputError: If shapes differ, or there is no wall.
    """
    config = config or QuantifyConfig()
    if labels.shape != image.values.shape or probability.shape != (4, *labels.shape):
        found = f"labels of {labels.shape}, probabilities of {probability.shape}"
        raise InputError(image.source, f"labels and probabilities of shape {image.values.shape}", found)
    wall, scar = np.isin(labels, WALL), labels == Label.SCAR
    if not wall.any():
        raise InputError(image.source, "a wall to measure", "none")
    frame, depth = image.frame, labels.shape[2]
    segment = segments(labels, frame, septum_direction=septum_direction)
    # one set of hearts for all numbers: a part is a slice and a segment
    slice_of = np.broadcast_to(np.arange(depth), labels.shape)
    drawn = drawn_volumes(
        probability, frame, slice_of * 18 + segment, config, within=near_heart(labels, image.spacing_mm)
    )
    shape = (config.draws, depth, 18)
    walls = _padded(drawn.wall_ml, depth * 18).reshape(shape)
    scars = _padded(drawn.scar_ml, depth * 18).reshape(shape)
    own_wall, own_scar = (_by_part(mask, slice_of, segment, depth) * frame.voxel_ml for mask in (wall, scar))
    total, scar_total = walls.sum(axis=(1, 2)), scars.sum(axis=(1, 2))
    through = transmurality(labels, frame, segment, septum_direction=septum_direction)
    numbers = image.slice_numbers or tuple(range(depth))
    by_slice = [
        SliceScar(
            int(numbers[k]),
            float(own_wall[k].sum()),
            _estimate(scars[:, k].sum(axis=1), float(own_scar[k].sum()), config.level),
        )
        for k in range(depth)
        if own_wall[k].sum() > 0 or scars[:, k].any()
    ]
    by_segment = []
    for number in range(1, 18):
        whole = float(own_wall[:, number].sum())
        if whole > 0:
            shares = _shares(scars[:, :, number].sum(axis=1), walls[:, :, number].sum(axis=1))
            estimate = _estimate(shares, float(own_scar[:, number].sum()) / whole, config.level)
            by_segment.append(SegmentScar(number, whole, estimate, through.get(number)))
    own_total, own_scar_total = float(own_wall.sum()), float(own_scar.sum())
    return Quantified(
        wall_ml=_estimate(total, own_total, config.level),
        cavity_ml=float((labels == Label.BLOOD_POOL).sum()) * frame.voxel_ml,
        scar_ml=_estimate(scar_total, own_scar_total, config.level),
        scar_fraction_of_wall=_estimate(_shares(scar_total, total), own_scar_total / own_total, config.level),
        slices=tuple(by_slice),
        segments=tuple(by_segment),
        scar_draws_ml=scar_total,
        level=config.level,
    )


def _by_part(mask: np.ndarray, slice_of: np.ndarray, segment: np.ndarray, depth: int) -> np.ndarray:
    """Voxels of a mask by slice and segment, shape (slices, 18)."""
    return np.bincount(slice_of[mask] * 18 + segment[mask], minlength=depth * 18).reshape(depth, 18).astype(float)


def _padded(values: np.ndarray, parts: int) -> np.ndarray:
    return np.pad(values, ((0, 0), (0, parts - values.shape[1])))


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _estimate(drawn: np.ndarray, value: float, level: float) -> Estimate:
    lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    mean = float(drawn.mean())
    return Estimate(value, mean, float(drawn.std()), float(min(lower, value, mean)), float(max(upper, value, mean)))
