"""A random cine: slices over a beat, with shares and labels of cavity and wall in every frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.imaging.labels import Label
from cardioscar.synthesis.anatomy.heart import Heart, draw_heart
from cardioscar.synthesis.anatomy.thorax import draw_thorax
from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.anatomy.ventricle import Remodelling
from cardioscar.synthesis.cine.acquisition import CineAcquisition, draw_acquisition
from cardioscar.synthesis.cine.contrast import draw_signals
from cardioscar.synthesis.cine.crowd import crowded
from cardioscar.synthesis.cine.motion import Beat, draw_beat
from cardioscar.synthesis.cine.resting_slab import resting_slab
from cardioscar.synthesis.cine.settings import CineConfig
from cardioscar.synthesis.effects.contrast import uneven_tissue
from cardioscar.synthesis.lge.planes import HEART_IN_PATIENT, Planes, draw_planes
from cardioscar.synthesis.scar.burden import draw_burden

LEAST_RING = 0.5
"""Share of the circumference that must be muscle for a slice to be drawn [@schulzmenger2020]."""


@dataclass(frozen=True)
class CineSample:
    """An examination.

    Attributes:
        image: Grey values of any scale, shape (i, j, slices, frames), float32.
        cavity: Share of each pixel that is cavity, 0 to 1, likewise; 0 where a reader draws nothing.
        wall: Share that is wall.
        affine: Index to mm, LPS, of an average patient, shape (4, 4).
        thickness_mm: Thickness of a slice.
        phases: Share of the beat since end-diastole of each frame, shape (frames,).
        contraction: How far the ventricle has contracted in each frame, 0 to 1, shape (frames,).
        septum_direction: From the axis to the middle of the septum, LPS, shape (3,).
    """

    image: Float[np.ndarray, "i j slices frames"]
    cavity: Float[np.ndarray, "i j slices frames"]
    wall: Float[np.ndarray, "i j slices frames"]
    affine: Float[np.ndarray, "4 4"]
    thickness_mm: float
    phases: Float[np.ndarray, " frames"]
    contraction: Float[np.ndarray, " frames"]
    septum_direction: Float[np.ndarray, " xyz"]

    @property
    def labels(self) -> UInt8[np.ndarray, "i j slices frames"]:
        """`Label` of each pixel: what fills at least half of it, papillary muscles counted to the cavity."""
        muscle = np.where(self.cavity + self.wall >= 0.5, np.uint8(Label.MYOCARDIUM), np.uint8(Label.BACKGROUND))
        return np.where(self.cavity >= 0.5, np.uint8(Label.BLOOD_POOL), muscle)


MOST_TRABECULAE = 0.85
"""Largest share of muscle in the trabecular layer, as `CavityMuscle.trabeculae_share`."""


def draw_cine(seed: int, config: CineConfig | None = None) -> CineSample:
    """Draw an examination.

    Args:
        seed: The same seed and settings give the same examination.
        config: Settings; default `CineConfig()`.

    >>> sample = draw_cine(0, CineConfig(pixels=(64, 64), slices=2, frames=3, stack=True))
    >>> sample.image.shape, sample.labels.dtype
    ((64, 64, 2, 3), dtype('uint8'))
    """
    config = config or CineConfig()
    rng = np.random.default_rng(seed)
    remodelled = draw_burden(rng, scar_free=0.0).remodelled if rng.random() < config.infarcted else ()
    heart = _heart(rng, remodelled)
    beat = draw_beat(rng, heart)
    planes = _planes(rng, config, heart)
    signals = draw_signals(rng, beyond=config.beyond)
    i, j = planes.pixel_mm
    axis = planes.frame.mm_to_index(np.array([[0.0, 0.0, heart.left.length_mm / 2]]))[0]
    acquisition = draw_acquisition(
        rng,
        shape=planes.shape[:2],
        pixel_mm=(i, j),
        blood_over_wall=max(float(signals[Tissue.LV_BLOOD] - signals[Tissue.WALL]), 0.1),
        heart_mm=(axis[0] * i, axis[1] * j),
    )
    # most scans begin at the R wave, the first frame of systole; others anywhere
    first = rng.uniform(-0.05, 0.08) if rng.random() < 0.7 else rng.random()
    phases = np.mod(first + np.arange(config.frames) / config.frames, 1.0)
    chest = int(rng.integers(2**63))  # the same chest in all slices
    drawn = [_slice(rng, k, planes, heart, beat, phases, signals, acquisition, chest) for k in range(planes.shape[2])]
    image, cavity, wall = (np.stack(parts, axis=2) for parts in zip(*drawn, strict=True))
    return CineSample(
        image, cavity, wall, planes.affine, planes.thickness_mm, phases, beat.curve(phases), HEART_IN_PATIENT[:, 0]
    )


def _heart(rng: np.random.Generator, remodelled: tuple[Remodelling, ...]) -> Heart:
    """A heart at end-diastole, many with smoother walls and less fat than the widest range of hearts has."""
    heart = draw_heart(rng, remodelled)
    # at end-diastole, 5 to 10 mm in most people [@kawelboehm2020]: what late enhancement shows is thicker
    heart = replace(heart, left=replace(heart.left, wall_mm=heart.left.wall_mm * rng.uniform(0.6, 1.0)))
    # dense trabeculae, which readers leave in the cavity, look like wall
    muscle = replace(
        heart.cavity_muscle, trabeculae_mm=rng.uniform(0, 7), trabeculae_share=rng.uniform(0, MOST_TRABECULAE)
    )
    heart = replace(heart, cavity_muscle=muscle)
    if rng.random() < 0.6:
        less = rng.uniform(0.2, 0.7)
        left = replace(heart.left, outline=heart.left.outline.scaled(less), thickness=heart.left.thickness.scaled(less))
        heart = replace(heart, left=left)
    if rng.random() < 0.5:
        heart = replace(heart, fat_mm=rng.uniform(-6, 2), fluid_mm=0.0)
    return heart


def _planes(rng: np.random.Generator, config: CineConfig, heart: Heart) -> Planes:
    pixel, thickness = rng.uniform(*config.pixel_mm), rng.uniform(*config.thickness_mm)
    length = heart.left.length_mm
    low, high = (0.4, 0.6)
    if not config.stack:
        # below the apex, in the ventricle, above the base: also slices in which nothing is to be found
        below, above = config.beyond_ends
        low, high = ((-0.15, 0.02), (0.02, 1.0), (0.9, 1.3))[rng.choice(3, p=[below, 1 - below - above, above])]
    return draw_planes(
        rng,
        shape=(*config.pixels, config.slices),
        spacing_mm=(pixel, pixel, thickness + rng.uniform(*config.gap_mm)),
        thickness_mm=thickness,
        middle_mm=length * rng.uniform(low, high),
        off_center_mm=config.off_center_mm,
    )


def _slice(
    rng: np.random.Generator,
    k: int,
    planes: Planes,
    heart: Heart,
    beat: Beat,
    phases: np.ndarray,
    signals: np.ndarray,
    acquisition: CineAcquisition,
    chest: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, cavity and wall of one slice in all frames."""
    x, y, z = planes.points_mm(k)
    middle = (np.array(planes.shape[:2]) - 1) / 2
    level = float(planes.frame.index_to_mm(np.array([[*middle, k]]))[0, 2])
    length = heart.left.length_mm
    epi_mm = heart.left.cavity_mm + heart.left.wall_mm
    pixel = min(planes.pixel_mm)
    thorax = draw_thorax(np.random.default_rng(chest), heart_mm=epi_mm, height=level / length)
    thorax = crowded(np.random.default_rng(chest + 2), thorax, epi_mm)
    around = thorax.tissues(np.random.default_rng(chest + 1), x, y, pixel)
    chest_signal = uneven_tissue(rng, signals[around], pixels=rng.uniform(2, 10) / pixel, strength=acquisition.clutter)
    shares = beat.curve(phases)
    shape = (*x.shape, len(phases))
    cavity, wall = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    still = np.maximum(chest_signal, 0).astype(np.float32)
    box = _box(np.hypot(x, y) < heart.reach_mm)
    if box is None:
        signal = np.repeat(still[..., None], len(phases), axis=2)
    else:
        rises = float((beat.reference_height(z[box], length, 1.0) - z[box]).max())
        slab = resting_slab(heart, planes, k, box=box, around=still[box], signals=signals, rises_mm=rises)
        still[box] = slab.at_rest()
        signal = np.repeat(still[..., None], len(phases), axis=2)
        moving = _box(np.hypot(x, y) < min(heart.reach_mm, beat.reach_mm(heart)))
        inner = _box(np.hypot(x, y) < beat.wall_reach_mm(heart))
        for t, share in enumerate(shares):
            if moving is None:
                break
            places = _at_rest(planes, k, beat.to_reference(heart, x[moving], y[moving], z[moving], float(share)))
            signal[(*moving, t)] = slab.lookup(slab.signal, *places)
            at_rest = float(beat.reference_height(np.array(level), length, float(share)))
            if inner is not None and heart.left.ring_share(at_rest) >= LEAST_RING:
                part = tuple(slice(i.start - m.start, i.stop - m.start) for i, m in zip(inner, moving, strict=True))
                places = places[0][part], places[1][part], places[2][part]
                cavity[(*inner, t)] = slab.lookup(slab.cavity, *places)
                wall[(*inner, t)] = slab.lookup(slab.wall, *places)
    speed = np.abs(np.gradient(np.concatenate([shares[-1:], shares, shares[:1]])))[1:-1] * len(phases) / 6
    image = acquisition.pictures(rng, signal, cavity, np.clip(speed, 0, 1), planes.pixel_mm)
    return image, cavity, wall


def _at_rest(planes: Planes, k: int, points: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and place along the normal, mm from the slice, of points of the ventricle's frame."""
    inverse = planes.frame.inverse.astype(np.float32)
    rows, columns, along = (
        inverse[axis, 0] * points[0] + inverse[axis, 1] * points[1] + inverse[axis, 2] * points[2] + inverse[axis, 3]
        for axis in range(3)
    )
    moved = (planes.shifts_mm[k] / planes.pixel_mm).astype(np.float32)
    return rows - moved[0], columns - moved[1], (along - k) * np.float32(planes.frame.spacing_mm[2])


def _box(mask: np.ndarray) -> tuple[slice, slice] | None:
    """The smallest part of a picture that holds a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
