"""Volumes, ejection fraction and mass of a stack of short-axis slices, by summation.

Which slices count is part of the measurement [@schulzmenger2020]. The rule here:

- Volume is the sum of the cavity's areas times the distance between slices: each slice stands for the slab of tissue
  around its middle, half-way to its neighbours. Nothing is added beyond the last slice at either end.
- **Base**: a slice counts where a cavity is labelled, as its reader left it. With `least_surrounded`, a labelled cavity
  that muscle borders along less than this share of its outline is left ventricular outflow tract or atrium and does not
  count; 0.5 is what readers are told, and labels of the cavity alone cannot be judged by it.
- **Apex**: the last slice with a cavity is the last that counts for volume; wall without cavity below it counts for
  mass.
- Papillary muscles and trabeculae belong to the cavity if the labels say so.
- Mass is that of the end-diastolic frame, with 1.05 g/ml.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation

from cardioscar.errors import InputError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lvquant.cine_indices import CineIndices

MYOCARDIUM_G_PER_ML = 1.05


@dataclass(frozen=True)
class StackVolumes:
    """What a stack says of a whole ventricle.

    Attributes:
        volume_ml: Cavity volume of each frame, shape (frames,); NaN where nobody drew.
        ed_frame: Frame of the largest volume.
        es_frame: Frame of the smallest.
        mass_g: Mass of the wall at end-diastole; None where no wall is labelled there.
    """

    volume_ml: Float[np.ndarray, " frames"]
    ed_frame: int
    es_frame: int
    mass_g: float | None

    @property
    def edv_ml(self) -> float:
        """End-diastolic volume."""
        return float(self.volume_ml[self.ed_frame])

    @property
    def esv_ml(self) -> float:
        """End-systolic volume."""
        return float(self.volume_ml[self.es_frame])

    @property
    def stroke_ml(self) -> float:
        """Stroke volume: what leaves with one beat."""
        return self.edv_ml - self.esv_ml

    @property
    def ef_percent(self) -> float:
        """Ejection fraction: stroke volume over end-diastolic volume."""
        return 100 * self.stroke_ml / self.edv_ml


def stack_volumes(indices: CineIndices, *, where: str = "labels") -> StackVolumes:
    r"""Sum the slices of a stack.

    $$V_t = d \sum_k A_{kt}, \qquad EF = (V_{ED} - V_{ES}) / V_{ED}, \qquad m = 1.05\, d \sum_k M_{k,ED}$$

    Args:
        indices: Areas of each slice and frame.
        where: Name of what was measured, for errors.

    Raises:
        InputError: If fewer than two frames have a cavity: there is no end-systole then.
    """
    drawn = indices.labelled
    if drawn.sum() < 2:
        raise InputError(where, "a cavity in at least two frames", f"{int(drawn.sum())}")
    ml = indices.distance_mm / 1000
    volume = np.where(drawn, np.nansum(indices.cavity_mm2, axis=0) * ml, np.nan)
    ed, es = int(np.nanargmax(volume)), int(np.nanargmin(volume))
    wall = float(np.nansum(indices.myocardium_mm2[:, ed]))
    return StackVolumes(volume, ed, es, wall * ml * MYOCARDIUM_G_PER_ML if wall > 0 else None)


def without_open_slices(labels: Cine, *, least_surrounded: float = 0.5) -> Cine:
    """Labels without the slices at the base in which muscle does not surround the cavity.

    Args:
        labels: Values of `Label`; in the one order of storage, so that the base comes last.
        least_surrounded: Share of the cavity's outline that muscle must border, 0 to 1.

    Returns:
        Labels that are background in each frame from the first open slice, counted from the middle of the cavity, with
        which most slices beyond are open too, to the base. Frames without any wall are left as they are.
    """
    values = labels.values.copy()
    for t in range(labels.frames):
        share = surrounded_share(labels.values[..., t])
        drawn = np.flatnonzero(np.isfinite(share))
        if not len(drawn) or not np.isin(labels.values[..., t], WALL).any():
            continue
        upper = drawn[len(drawn) // 2 :]
        is_open = share[upper] < least_surrounded
        # beyond the base most slices are open: one gap below slices that are closed was not seen well
        beyond = is_open[::-1].cumsum()[::-1] / np.arange(len(upper), 0, -1)
        at_base = upper[is_open & (beyond > 0.5)]
        if len(at_base):
            values[:, :, at_base[0] :, t] = Label.BACKGROUND
    return labels.with_values(values)


def surrounded_share(values: np.ndarray) -> Float[np.ndarray, " slices"]:
    """Share of the cavity's outline that borders on muscle in each slice; NaN where there is no cavity.

    Args:
        values: Values of `Label` of one frame, shape (i, j, slices).
    """
    shares = np.full(values.shape[2], np.nan)
    for k in range(values.shape[2]):
        pool: Bool[np.ndarray, "i j"] = values[:, :, k] == Label.BLOOD_POOL
        ring = binary_dilation(np.pad(pool, 1))[1:-1, 1:-1] & ~pool
        if pool.any():
            shares[k] = np.isin(values[:, :, k], WALL)[ring].mean() if ring.any() else 0.0
    return shares
