r"""Possible hearts: level sets of random fields that are scar in the share of draws that the probability says.

Pixels are not wrong one by one. A draw is wall where a random field, uniform at each place, lies below the probability
of wall, and scar where a second one lies below that of scar in wall; neighbours within the fields' length are so
together, and a part of the field is the same in the whole heart. So the sum over a heart is as uncertain as its parts
are together, where independent pixels would make any interval vanish.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt
from scipy.special import ndtri

from cardioscar.imaging.affine import Affine
from cardioscar.imaging.labels import Label
from cardioscar.lge.quantification.config import QuantifyConfig

NEAR_MM = 10.0
"""Distance in the plane from the heart that was found up to which a probability speaks of this heart."""
LEAST = 1e-3
"""Probability of wall below which a voxel is left out."""
WAVES = 256
"""Waves of a random field; its covariance is met to about 1/√waves."""
CHUNK = 16_384
"""Voxels that are drawn at a time: memory does not grow with the image."""


@dataclass(frozen=True)
class Drawn:
    """Volumes of wall and scar in possible hearts.

    Attributes:
        wall_ml: By draw and part.
        scar_ml: Likewise.
    """

    wall_ml: Float[np.ndarray, "draws parts"]
    scar_ml: Float[np.ndarray, "draws parts"]


class RandomFields:
    """Standard normal fields: Matérn 5/2 as sums of waves [@rahimi2007], and a share that is the same everywhere.

    Args:
        draws: How many.
        region_mm: Length scale.
        shared: Share of the variance that is the same everywhere, 0 to below 1.
        rng: Source.
    """

    def __init__(self, draws: int, region_mm: float, shared: float, rng: np.random.Generator) -> None:
        # the spectral density of Matérn ν is a multivariate t distribution with 2ν degrees of freedom
        gauss, chi = rng.standard_normal((3, WAVES)), rng.chisquare(5, WAVES)
        self._frequency = (gauss * np.sqrt(5 / chi) / region_mm).astype(np.float32)
        weight = rng.standard_normal((2 * WAVES, draws)) * np.sqrt((1 - shared) / WAVES)
        self._weight = weight.astype(np.float32)
        self._offset = (rng.standard_normal(draws) * np.sqrt(shared)).astype(np.float32)

    def at(self, points_mm: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points draws"]:
        """Values, of mean 0 and variance 1 over the draws."""
        phase = np.asarray(points_mm, dtype=np.float32) @ self._frequency
        return np.concatenate([np.cos(phase), np.sin(phase)], axis=1) @ self._weight + self._offset


def drawn_volumes(
    probability: Float[np.ndarray, "classes i j slices"],
    frame: Affine,
    part: Int[np.ndarray, "i j slices"],
    config: QuantifyConfig,
    *,
    within: Bool[np.ndarray, "i j slices"] | None = None,
) -> Drawn:
    """Volumes of wall and scar by part, in possible hearts.

    Args:
        probability: Calibrated, of each label.
        frame: Place of the voxels.
        part: Part of each voxel, from 0: its slice, say, or its segment.
        config: Draws, length scale, seed. The same seed gives the same hearts whatever the parts are.
        within: Voxels that may be of this heart; default all.
    """
    wall = probability[Label.MYOCARDIUM] + probability[Label.SCAR]
    taken = wall > LEAST if within is None else (wall > LEAST) & within
    index = np.argwhere(taken)
    p_wall = np.clip(wall[taken].astype(np.float64), 0, 1)
    p_scar = np.clip(probability[Label.SCAR][taken] / np.maximum(p_wall, LEAST), 0, 1)
    parts = part[taken]
    count = int(part.max()) + 1 if part.size else 0
    rng = np.random.default_rng(config.seed)
    fields = [RandomFields(config.draws, config.region_mm, config.shared, rng) for _ in range(2)]
    wall_ml, scar_ml = np.zeros((config.draws, count)), np.zeros((config.draws, count))
    for first in range(0, len(index), CHUNK):
        some = slice(first, first + CHUNK)
        points = frame.index_to_mm(index[some])
        is_wall = fields[0].at(points) < ndtri(p_wall[some])[:, None]
        is_scar = is_wall & (fields[1].at(points) < ndtri(p_scar[some])[:, None])
        for number in np.unique(parts[some]):
            rows = parts[some] == number
            wall_ml[:, number] += is_wall[rows].sum(axis=0) * frame.voxel_ml
            scar_ml[:, number] += is_scar[rows].sum(axis=0) * frame.voxel_ml
    return Drawn(wall_ml, scar_ml)


def near_heart(
    labels: Int[np.ndarray, "i j slices"], spacing_mm: Float[np.ndarray, " axes"], near_mm: float = NEAR_MM
) -> Bool[np.ndarray, "i j slices"]:
    """Voxels within a distance in the plane of what is labelled in their slice or a neighbouring one."""
    heart = labels != Label.BACKGROUND
    close = np.zeros(heart.shape, dtype=bool)
    for k in range(heart.shape[2]):
        plane = heart[..., max(k - 1, 0) : k + 2].any(axis=2)
        if plane.any():
            close[..., k] = distance_transform_edt(~plane, sampling=spacing_mm[:2]) <= near_mm
    return close
