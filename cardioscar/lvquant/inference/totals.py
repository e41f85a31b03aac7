"""Volumes, ejection fraction, mass and thickening of a stack from shares of pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.cine import Cine
from cardioscar.lvquant.cine_indices import CineIndices, indices_of_shares
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.thickening import thickening_percent
from cardioscar.lvquant.volumes import MYOCARDIUM_G_PER_ML, StackVolumes, stack_volumes
from cardioscar.lvquant.wall_thickness import RAYS

VOLUMES = ("lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent", "lv_mass_g")
"""Quantities of a stack; a mass is NaN where no wall is labelled."""


@dataclass(frozen=True)
class Totals:
    """A whole ventricle.

    Attributes:
        volumes: Of each frame, and what follows.
        thickening_percent: Of segments 1 to 16; NaN where the wall is not seen at both times.
    """

    volumes: StackVolumes
    thickening_percent: Float[np.ndarray, " segments"]

    def named(self) -> dict[str, float]:
        """`VOLUMES` by name, in the unit that each states."""
        v = self.volumes
        mass = np.nan if v.mass_g is None else v.mass_g
        return dict(zip(VOLUMES, (v.edv_ml, v.esv_ml, v.stroke_ml, v.ef_percent, mass), strict=True))


def totals_of(
    cavity: Float[np.ndarray, "i j slices frames"],
    wall: Float[np.ndarray, "i j slices frames"],
    grid: Cine,
    septum: SeptumFrame,
) -> Totals | None:
    """Measure a stack; wall thickness is taken at end-diastole and end-systole alone.

    Args:
        cavity: Share of each pixel that is cavity.
        wall: Share that is wall.
        grid: The cine whose pixels they are.
        septum: Directions of the heart.

    Returns:
        None where fewer than two frames show a cavity.
    """
    pixel_mm2 = float(np.prod(grid.pixel_mm))
    drawn = (cavity >= 0.5).any(axis=(0, 1, 2))
    if drawn.sum() < 2:
        return None
    areas = [np.where(drawn, part.sum(axis=(0, 1), dtype=float) * pixel_mm2, np.nan) for part in (cavity, wall)]
    volumes = stack_volumes(_areas_alone(areas[0], areas[1], grid.distance_mm), where=grid.source)
    both = [volumes.ed_frame, volumes.es_frame]
    at_both = Cine(cavity[..., both], grid.affine, None, grid.source)
    measured = indices_of_shares(cavity[..., both], wall[..., both], at_both, septum=septum)
    return Totals(volumes, thickening_percent(where_shown(measured), 0, 1))


def regressed_totals(
    areas_mm2: Float[np.ndarray, "slices frames 2"], measured: CineIndices, volumes: StackVolumes
) -> dict[str, float]:
    """`VOLUMES` from regressed areas, over the slices and at the frames by which they were measured.

    Args:
        areas_mm2: Regressed cavity and myocardium.
        measured: Indices from the segmentation: they say which slices count.
        volumes: Measured volumes: they say which frames are end-diastole and end-systole.
    """
    ml = measured.distance_mm / 1000
    shown = np.isfinite(measured.dimensions_mm).all(axis=-1)
    # nothing is regressed of partial volumes and of the cap of the apex, a wall without cavity: they are as measured
    cavity, wall = (
        np.where(shown, areas_mm2[..., n], np.nan_to_num(one)).sum(axis=0) * ml
        for n, one in enumerate((measured.cavity_mm2, measured.myocardium_mm2))
    )
    edv, esv = float(cavity[volumes.ed_frame]), float(cavity[volumes.es_frame])
    mass = float(wall[volumes.ed_frame]) * MYOCARDIUM_G_PER_ML
    return dict(zip(VOLUMES, (edv, esv, edv - esv, 100 * (edv - esv) / edv if edv else np.nan, mass), strict=True))


def where_shown(measured: CineIndices) -> CineIndices:
    """The same, without the partial volumes of slices in which no pixel is a cavity: they have no wall to be told of,
    and would be taken for slices when basal, mid and apical ones are told apart."""
    shown = np.isfinite(measured.dimensions_mm).all(axis=-1)
    return replace(measured, cavity_mm2=np.where(shown, measured.cavity_mm2, 0.0))


def _areas_alone(cavity: np.ndarray, wall: np.ndarray, distance_mm: float) -> CineIndices:
    slices, frames = cavity.shape

    def nothing(count: int) -> np.ndarray:
        return np.full((slices, frames, count), np.nan)

    return CineIndices(cavity, wall, nothing(3), nothing(6), nothing(RAYS), None, distance_mm)
