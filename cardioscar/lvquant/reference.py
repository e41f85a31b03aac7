"""What labels that somebody drew say of a cine, and how near found labels are to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lvquant.cine_indices import CineIndices, cine_indices
from cardioscar.lvquant.inference.result import known
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.volumes import StackVolumes, stack_volumes
from cardioscar.metrics.overlap import dice


@dataclass(frozen=True)
class Reference:
    """Numbers of labels that came with a cine, and overlap with them where somebody drew."""

    frames: tuple[int, ...]
    """Frames in which a cavity is drawn, counted from 0."""
    ed_frame: int
    """Of these, the one of the largest cavity."""
    es_frame: int
    """Of these, the one of the smallest; the same where one frame is drawn."""
    edv_ml: float | None
    """Volume at that end-diastole; null for a single slice, or where fewer than two frames are drawn, and so below."""
    esv_ml: float | None
    """Volume at that end-systole."""
    ef_percent: float | None
    """Ejection fraction."""
    mass_g: float | None
    """Mass of the wall at end-diastole; null where no wall is drawn there."""
    cavity_dice_ed: float | None
    """Dice of the cavity at end-diastole over the slices in which one is drawn."""
    cavity_dice_es: float | None
    """The same at end-systole; null where one frame is drawn."""
    wall_dice_ed: float | None
    """Dice of the wall at end-diastole over the slices in which one is drawn; null where none is."""
    wall_dice_es: float | None
    """The same at end-systole."""


@dataclass(frozen=True)
class MeasuredReference:
    """Labels that somebody drew, measured.

    Attributes:
        labels: Values of `Label`, on the grid of the cine.
        indices: Indices of every slice and frame; NaN where nobody drew.
        volumes: None for a single slice, and where fewer than two frames are drawn.
        ed_frame: Drawn frame of the largest cavity.
        es_frame: Drawn frame of the smallest.
    """

    labels: Cine
    indices: CineIndices
    volumes: StackVolumes | None
    ed_frame: int
    es_frame: int

    @property
    def frames(self) -> Int[np.ndarray, " drawn"]:
        """Frames in which a cavity is drawn."""
        return np.flatnonzero(self.indices.labelled)


def measured_reference(labels: Cine, septum: SeptumFrame | None = None) -> MeasuredReference | None:
    """Measure labels; None where no cavity is drawn in any frame.

    Args:
        labels: Values of `Label`, in the one order of storage.
        septum: Directions of the heart, default by the patient's axes.
    """
    indices = cine_indices(labels, septum=septum)
    drawn = indices.labelled
    if not drawn.any():
        return None
    area = np.where(drawn, np.nansum(indices.cavity_mm2, axis=0), np.nan)
    volumes = stack_volumes(indices, where=labels.source) if labels.slices > 1 and drawn.sum() > 1 else None
    return MeasuredReference(labels, indices, volumes, int(np.nanargmax(area)), int(np.nanargmin(area)))


def compared(found: Cine, reference: MeasuredReference) -> Reference:
    """Hold found labels against drawn ones.

    Args:
        found: Values of `Label` in every frame.
        reference: On the same grid.
    """
    ed, es, volumes = reference.ed_frame, reference.es_frame, reference.volumes
    truth = reference.labels.values

    def overlap(frame: int, *, wall: bool) -> float | None:
        mine, drawn = (_part(one[..., frame], wall=wall) for one in (found.values, truth))
        shown = drawn.any(axis=(0, 1))
        return known(dice(drawn[:, :, shown].ravel(), mine[:, :, shown].ravel())) if shown.any() else None

    both = es != ed
    return Reference(
        frames=tuple(int(t) for t in reference.frames),
        ed_frame=ed,
        es_frame=es,
        edv_ml=volumes.edv_ml if volumes else None,
        esv_ml=volumes.esv_ml if volumes else None,
        ef_percent=volumes.ef_percent if volumes else None,
        mass_g=volumes.mass_g if volumes else None,
        cavity_dice_ed=overlap(ed, wall=False),
        cavity_dice_es=overlap(es, wall=False) if both else None,
        wall_dice_ed=overlap(ed, wall=True),
        wall_dice_es=overlap(es, wall=True) if both else None,
    )


def _part(values: np.ndarray, *, wall: bool) -> Bool[np.ndarray, "i j slices"]:
    return np.isin(values, WALL) if wall else values == Label.BLOOD_POOL
