"""One subject against its truth: overlap, distance and volume of each region, and how an empty scar is scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_erosion, distance_transform_edt

from cardioscar.errors import InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.metrics.overlap import dice

REGIONS = {"wall": tuple(WALL), "cavity": (Label.BLOOD_POOL,), "scar": (Label.SCAR,)}


@dataclass(frozen=True)
class RegionScore:
    """A region of one subject.

    Attributes:
        dice: 0 to 1; 0 where one side alone has the region, NaN where neither has: that is no overlap, and counting it
            as 1 would lift the mean of a cohort with scar-free subjects.
        hd95_mm: 95th percentile of the surface distance; NaN where a side is empty.
        truth_ml: Volume of the truth.
        found_ml: Volume of what was found.
    """

    dice: float
    hd95_mm: float
    truth_ml: float
    found_ml: float


def scored(
    truth: UInt8[np.ndarray, "i j slices"],
    found: UInt8[np.ndarray, "i j slices"],
    spacing_mm: Float[np.ndarray, " axes"],
) -> dict[str, RegionScore]:
    """Score wall, cavity and scar.

    Args:
        truth: `Label` of each voxel.
        found: Likewise.
        spacing_mm: Voxel size, the slices last.

    Raises:
        InputError: If shapes differ.
    """
    if truth.shape != found.shape:
        raise InputError("found", f"labels of shape {truth.shape}", f"{found.shape}")
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    scores = {}
    for name, labels in REGIONS.items():
        a, b = np.isin(truth, labels), np.isin(found, labels)
        scores[name] = RegionScore(
            dice(a.ravel(), b.ravel()),
            hd95_mm(a, b, spacing_mm),
            float(a.sum()) * voxel_ml,
            float(b.sum()) * voxel_ml,
        )
    return scores


def hd95_mm(
    truth: Bool[np.ndarray, "i j slices"], found: Bool[np.ndarray, "i j slices"], spacing_mm: Float[np.ndarray, " axes"]
) -> float:
    """The larger of the two directed 95th percentiles of the surface distance [@maierhein2024].

    A voxel is of the surface if one that shares a face with it, or the end of the image, is not of the region.

    Returns:
        mm; NaN where a side is empty.

    >>> square = np.zeros((20, 20, 1), bool)
    >>> square[5:10, 5:10] = True
    >>> hd95_mm(square, np.roll(square, 3, axis=0), np.array([1.5, 1.5, 8.0]))
    4.5
    """
    if not truth.any() or not found.any():
        return float("nan")
    ends = [mask & ~binary_erosion(mask) for mask in (truth, found)]
    directed = [
        float(np.percentile(distance_transform_edt(~other, sampling=spacing_mm)[one], 95))
        for one, other in (ends, ends[::-1])
    ]
    return max(directed)
