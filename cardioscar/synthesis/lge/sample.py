"""A random late-enhancement examination: a stack of slices, or one, with the labels that a reader would draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.imaging.labels import Label
from cardioscar.synthesis.anatomy.heart import OUTSIDE, Heart, draw_heart
from cardioscar.synthesis.anatomy.thorax import draw_thorax
from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.effects.thick_slice import majority, slice_profile, through_slice
from cardioscar.synthesis.lge.acquisition import Acquisition, draw_acquisition
from cardioscar.synthesis.lge.contrast import CORE, SCAR, Contrast, draw_contrast
from cardioscar.synthesis.lge.planes import Planes, draw_planes
from cardioscar.synthesis.lge.settings import LgeConfig
from cardioscar.synthesis.scar.burden import ScarBurden, draw_burden

LEAST_RING = 0.5
"""Share of the circumference that must be muscle for a slice to be drawn [@schulzmenger2020]."""


@dataclass(frozen=True)
class LgeSample:
    """An examination.

    Attributes:
        image: Grey values of any scale, shape (i, j, slices), float32.
        labels: `Label` of each pixel; a core without contrast counts as scar.
        affine: Index to mm, LPS, of an average patient, shape (4, 4).
        thickness_mm: Thickness of a slice.
        psir: Whether it is phase sensitive; else a magnitude.
    """

    image: Float[np.ndarray, "i j slices"]
    labels: UInt8[np.ndarray, "i j slices"]
    affine: Float[np.ndarray, "4 4"]
    thickness_mm: float
    psir: bool


def draw_sample(seed: int, config: LgeConfig | None = None) -> LgeSample:
    """Draw an examination.

    Args:
        seed: The same seed and settings give the same examination.
        config: Settings; default `LgeConfig()`.

    >>> sample = draw_sample(0, LgeConfig(pixels=(64, 64), slices=3, stack=True))
    >>> sample.image.shape, sample.labels.dtype
    ((64, 64, 3), dtype('uint8'))
    """
    config = config or LgeConfig()
    rng = np.random.default_rng(seed)
    burden = draw_burden(rng, scar_free=config.scar_free)
    heart = draw_heart(rng, burden.remodelled)
    planes = _draw_planes(rng, config, heart)
    psir = bool(rng.random() < config.psir)
    contrast = draw_contrast(rng, signed=psir, beyond=config.beyond)
    i, j = planes.pixel_mm
    axis = planes.frame.mm_to_index(np.array([[0.0, 0.0, heart.left.length_mm / 2]]))[0]
    acquisition = draw_acquisition(
        rng,
        psir=psir,
        shape=planes.shape[:2],
        pixel_mm=(i, j),
        scar_over_wall=max(contrast.scar_over_wall, 0.05),
        heart_mm=(axis[0] * i, axis[1] * j),
    )
    chest = rng.integers(2**63)  # the same chest in all slices
    drawn = [
        _slice(rng, k, planes, heart, burden, contrast, acquisition, config, chest=int(chest))
        for k in range(planes.shape[2])
    ]
    images, labels = zip(*drawn, strict=True)
    return LgeSample(
        np.stack(images, axis=-1), np.stack(labels, axis=-1), planes.affine, planes.thickness_mm, acquisition.psir
    )


def _draw_planes(rng: np.random.Generator, config: LgeConfig, heart: Heart) -> Planes:
    pixel = rng.uniform(*config.pixel_mm)
    thickness = rng.uniform(*config.thickness_mm)
    distance = thickness + rng.uniform(*config.gap_mm)
    length = heart.left.length_mm
    if config.stack:
        middle = length * rng.uniform(0.4, 0.6)
    else:
        # below the apex, in the ventricle, above the base: also slices in which nothing is to be found
        low, high = ((-0.2, 0.0), (0.0, 1.0), (0.9, 1.35))[rng.choice(3, p=[0.06, 0.8, 0.14])]
        middle = length * rng.uniform(low, high)
    return draw_planes(
        rng,
        shape=(*config.pixels, config.slices),
        spacing_mm=(pixel, pixel, distance),
        thickness_mm=thickness,
        middle_mm=middle,
        off_center_mm=config.off_center_mm,
    )


def _slice(
    rng: np.random.Generator,
    k: int,
    planes: Planes,
    heart: Heart,
    burden: ScarBurden,
    contrast: Contrast,
    acquisition: Acquisition,
    config: LgeConfig,
    *,
    chest: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels of a slice."""
    x, y, _ = planes.points_mm(k)
    level = float(planes.frame.index_to_mm(np.array([[*((np.array(planes.shape[:2]) - 1) / 2), k]]))[0, 2])
    epi_mm = heart.left.cavity_mm + heart.left.wall_mm
    thorax = draw_thorax(np.random.default_rng(chest), heart_mm=epi_mm, height=level / heart.left.length_mm)
    around = thorax.tissues(np.random.default_rng(chest + 1), x, y, min(planes.pixel_mm))
    inversion, reference = contrast.inversion[around], contrast.reference[around]
    labels = np.zeros(x.shape, dtype=np.uint8)
    box = _box(np.hypot(x, y) < heart.reach_mm)
    if box is not None:
        places, weights = slice_profile(config.samples, sharpness=0.7)
        parts = [_places(planes, k, through, box, heart, burden, contrast, around[box]) for through in places]
        signed, upright, kinds, dead = (np.stack(arrays) for arrays in zip(*parts, strict=True))
        inversion[box] = through_slice(signed, weights)
        reference[box] = through_slice(upright, weights)
        if heart.left.ring_share(level) >= LEAST_RING:
            drawn = majority(kinds, weights, count=3)
            muscle = through_slice((kinds == Label.MYOCARDIUM).astype(np.float32), weights)
            scarred = through_slice(dead, weights) >= 0.5 * muscle
            drawn[(drawn == Label.MYOCARDIUM) & scarred] = Label.SCAR
            labels[box] = drawn
    return acquisition.picture(rng, inversion, reference, planes.pixel_mm), labels


def _places(
    planes: Planes,
    k: int,
    through: float,
    box: tuple[slice, slice],
    heart: Heart,
    burden: ScarBurden,
    contrast: Contrast,
    around: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Signals, what is drawn, and the share of scar, at one place through a slice."""
    x, y, z = planes.points_mm(k, through, *box)
    tissue, at = heart.tissues(x, y, z)
    tissue = np.where(tissue == OUTSIDE, around, tissue)
    inversion, reference = contrast.inversion[tissue], contrast.reference[tissue]
    wall = tissue == Tissue.WALL
    dead = np.zeros(x.shape, dtype=np.float32)
    if burden.lesions and wall.any():
        share, core = burden.shares(at.where(wall), x[wall], y[wall], z[wall])
        dead[wall] = share
        inversion[wall] += (share - core) * (contrast.inversion[SCAR] - contrast.inversion[Tissue.WALL])
        inversion[wall] += core * (contrast.inversion[CORE] - contrast.inversion[Tissue.WALL])
    kinds = np.zeros(x.shape, dtype=np.uint8)
    kinds[wall] = Label.MYOCARDIUM
    kinds[at.in_cavity] = Label.BLOOD_POOL
    return inversion, reference, kinds, dead


def _box(mask: np.ndarray) -> tuple[slice, slice] | None:
    """The smallest part of a picture that holds a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
