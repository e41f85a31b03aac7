"""Rules of anatomy that mend what a network says slice by slice; each can be left out, and says what it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from cardioscar.imaging.labels import WALL, Label
from cardioscar.lge.inference.config import RulesConfig
from cardioscar.lge.inference.expected import expected_heart_dice

Labels = UInt8[np.ndarray, "i j slices"]
Plane = UInt8[np.ndarray, "i j"]

FAR = 1.5
"""Scar farther from the cavity than this many times the muscle's reach (its 95th percentile) lies outside the wall."""
LEAST_RING = 0.5
"""Share of the turn around the cavity from which a basal slice is of the ventricle [@schulzmenger2020]."""
LIKELY = 0.5
"""Expected Dice of a slice's heart from which it is more likely right than wrong."""
LIKELY_SHARE = 0.6
"""The same as a share of the median slice's, where that is less."""
SECTORS = 36
"""Sectors in which a ring is looked at."""
LEAST_REACH_MM = 8.0
"""Reach of the muscle at least assumed: where little muscle is left, scar shows how thick the wall is."""


@dataclass(frozen=True)
class RuleReport:
    """What a rule changed.

    Attributes:
        rule: Its name, that of its setting.
        pixels: How many.
        slices: In which slices of the ordered stack.
    """

    rule: str
    pixels: int
    slices: tuple[int, ...]


def mended(
    labels: Labels,
    spacing_mm: Float[np.ndarray, " axes"],
    config: RulesConfig,
    probability: Float[np.ndarray, "classes i j slices"] | None = None,
) -> tuple[Labels, tuple[RuleReport, ...]]:
    """Apply the rules that are switched on.

    Args:
        labels: `Label` of each voxel, slices last.
        spacing_mm: Voxel size, shape (3,).
        config: Which rules, and their sizes.
        probability: Of each label; None leaves out the rule that asks for it.

    Returns:
        Labels of the same shape, and a report for each rule that was applied, in this order.
    """
    pixel_mm = np.asarray(spacing_mm[:2], dtype=float)
    steps: dict[str, Callable[[Labels], Labels]] = {
        "one_ring": partial(_by_plane, one_ring),
        "half_ring": within_half_rings,
        "likely_ends": partial(within_likely_ends, probability=probability),
        "scar_in_wall": partial(_by_plane, partial(scar_in_wall, pixel_mm=pixel_mm)),
        "islands": partial(_by_plane, partial(without_islands, pixels=config.island_mm2 / float(pixel_mm.prod()))),
        "continuity": partial(continuous, pixel_mm=pixel_mm, config=config),
    }
    reports = []
    for name, step in steps.items():
        if getattr(config, name):
            before, labels = labels, step(labels)
            changed = before != labels
            touched = tuple(int(k) for k in np.flatnonzero(changed.any(axis=(0, 1))))
            reports.append(RuleReport(name, int(changed.sum()), touched))
    return labels, tuple(reports)


def one_ring(plane: Plane) -> Plane:
    """One heart; a closed ring decides what is cavity.

    The largest piece of wall and cavity is kept. Where its wall is closed around something, all that it encloses is
    cavity, cavity outside is nothing, and so are pieces of wall apart from the ring. An open ring, as at the outflow
    tract, is left as it is.
    """
    heart = largest(plane != Label.BACKGROUND)
    kept = np.where(heart, plane, np.uint8(Label.BACKGROUND))
    wall = np.isin(kept, WALL)
    pieces, count = ndimage.label(wall, np.ones((3, 3)))
    best, enclosed = None, None
    for number in range(1, count + 1):
        piece = pieces == number
        inside = largest(ndimage.binary_fill_holes(piece) & ~piece)
        if enclosed is None or inside.sum() > enclosed.sum():
            best, enclosed = piece, inside
    pool = kept == Label.BLOOD_POOL
    if best is None or enclosed is None or not enclosed.any() or (enclosed & pool).sum() * 2 < pool.sum():
        return kept
    filled = ndimage.binary_fill_holes(best)
    kept[~filled] = Label.BACKGROUND
    # smaller holes are thin places of the wall, or a core without contrast that was taken for blood
    hole = filled & ~best & ~enclosed
    kept[hole] = np.where(kept[hole] == Label.BLOOD_POOL, Label.BLOOD_POOL, Label.MYOCARDIUM)
    kept[enclosed] = Label.BLOOD_POOL
    return kept


def within_half_rings(labels: Labels) -> Labels:
    """Slices at the ends whose cavity has wall around less than half of its turn are not of the ventricle.

    This is how readers choose the basal slice [@schulzmenger2020]. A slice without cavity, as at the tip of the apex,
    is left as it is, and so are open rings between slices that count.
    """
    found = labels.copy()
    shown = np.flatnonzero((labels != Label.BACKGROUND).any(axis=(0, 1)))
    for order in (shown, shown[::-1]):
        for k in order:
            plane = labels[..., k]
            if not (plane == Label.BLOOD_POOL).any() or ring_share(plane) >= LEAST_RING:
                break
            found[..., k] = Label.BACKGROUND
    return found


def within_likely_ends(labels: Labels, probability: Float[np.ndarray, "classes i j slices"] | None) -> Labels:
    """Slices at the ends of the stack whose wall or cavity is more likely wrong than right show no heart.

    Where a network sees nothing that it knows, it still leans towards a heart in the middle of its window.
    """
    if probability is None:
        return labels
    found = labels.copy()
    shown = np.flatnonzero((labels != Label.BACKGROUND).any(axis=(0, 1)))
    expected = {int(k): expected_heart_dice(labels[..., k], probability[..., k]) for k in shown}
    # a network that is sure of nothing says by this rule which slices are worse than its others
    least = min(LIKELY, LIKELY_SHARE * float(np.median([*expected.values()]))) if expected else LIKELY
    for order in (shown, shown[::-1]):
        for k in order:
            if expected[int(k)] >= least:
                break
            found[..., k] = Label.BACKGROUND
    return found


def ring_share(plane: Plane) -> float:
    """Share of the turn around the middle of the cavity in which there is wall, 0 to 1; 0 without cavity."""
    pool = largest(plane == Label.BLOOD_POOL)
    if not pool.any():
        return 0.0
    away = np.argwhere(np.isin(plane, WALL)) - np.argwhere(pool).mean(axis=0)
    turn = (np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi)) % 1
    return len(np.unique((turn * SECTORS).astype(int) % SECTORS)) / SECTORS


def scar_in_wall(plane: Plane, pixel_mm: Float[np.ndarray, " axes"]) -> Plane:
    """Scar that lies in no wall: in the midst of blood it is blood; joined to no wall or far outside it is nothing."""
    scar, pool = plane == Label.SCAR, plane == Label.BLOOD_POOL
    if not scar.any():
        return plane
    mended_ = plane.copy()
    muscle = plane == Label.MYOCARDIUM
    pieces, count = ndimage.label(scar, np.ones((3, 3)))
    for number in range(1, count + 1):
        piece = pieces == number
        around = ndimage.binary_dilation(piece, np.ones((3, 3))) & ~piece
        if around.any() and pool[around].all():
            mended_[piece] = Label.BLOOD_POOL
        elif not (muscle | pool)[around].any():
            mended_[piece] = Label.BACKGROUND
    if pool.any() and muscle.any():
        away_mm = ndimage.distance_transform_edt(~pool, sampling=pixel_mm)
        reach_mm = max(float(np.percentile(away_mm[muscle], 95)), LEAST_REACH_MM)
        mended_[(mended_ == Label.SCAR) & (away_mm > FAR * reach_mm)] = Label.BACKGROUND
    return mended_


def without_islands(plane: Plane, pixels: float) -> Plane:
    """Islands of scar of fewer pixels are muscle; islands of muscle of fewer, with scar around and no way out, scar."""
    found = plane.copy()
    found[_small(plane == Label.SCAR, pixels)] = Label.MYOCARDIUM
    scar = found == Label.SCAR
    pieces, count = ndimage.label((found == Label.MYOCARDIUM) & _small(found == Label.MYOCARDIUM, pixels))
    for number in range(1, count + 1):
        piece = pieces == number
        around = ndimage.binary_dilation(piece) & ~piece
        if scar[around].all():
            found[piece] = Label.SCAR
    return found


def continuous(labels: Labels, pixel_mm: Float[np.ndarray, " axes"], config: RulesConfig) -> Labels:
    """One run of slices shows the heart; small scar of one slice alone is none.

    Of runs of slices that show the heart, without a slice between that shows none, the one with the most heart is kept;
    less than `lone_mm2` shows none.
    A piece of scar below `lone_mm2` counts where a neighbouring slice has scar within `near_mm` of it in the plane; a
    single slice, and one whose neighbours show no heart, has none to ask.
    """
    found = labels.copy()
    pixel_mm2 = float(pixel_mm.prod())
    area = (labels != Label.BACKGROUND).sum(axis=(0, 1))
    # specks show no heart, and must not join two runs
    specks = (area > 0) & (area * pixel_mm2 < config.lone_mm2)
    found[..., specks] = Label.BACKGROUND
    area = np.where(specks, 0, area)
    runs, count = ndimage.label(area > 0)
    if count > 1:
        sizes = np.bincount(runs, weights=area)[1:]
        found[..., runs != 1 + int(sizes.argmax())] = Label.BACKGROUND
    shown = (found != Label.BACKGROUND).any(axis=(0, 1))
    scar = found == Label.SCAR
    for k in range(labels.shape[2]):
        beside = [other for other in (k - 1, k + 1) if 0 <= other < labels.shape[2] and shown[other]]
        if not beside or not scar[..., k].any():
            continue
        theirs = scar[..., beside].any(axis=2)
        away_mm = (
            ndimage.distance_transform_edt(~theirs, sampling=pixel_mm)
            if theirs.any()
            else np.full(theirs.shape, np.inf)
        )
        pieces, pieces_count = ndimage.label(scar[..., k], np.ones((3, 3)))
        for number in range(1, pieces_count + 1):
            piece = pieces == number
            if piece.sum() * pixel_mm2 < config.lone_mm2 and away_mm[piece].min() > config.near_mm:
                found[..., k][piece] = Label.MYOCARDIUM
    return found


def largest(mask: Bool[np.ndarray, "i j"]) -> Bool[np.ndarray, "i j"]:
    """The largest piece of a mask, pixels joined by their edges."""
    pieces, count = ndimage.label(mask)
    return mask if count < 2 else np.asarray(pieces == 1 + int(np.bincount(pieces.ravel())[1:].argmax()))


def ring_is_closed(plane: Plane) -> bool:
    """Whether the wall encloses most of the cavity; without cavity there is no ring."""
    pool, wall = plane == Label.BLOOD_POOL, np.isin(plane, WALL)
    inside = ndimage.binary_fill_holes(wall) & ~wall
    return bool(pool.any() and 2 * (inside & pool).sum() >= pool.sum())


def _small(mask: np.ndarray, pixels: float) -> np.ndarray:
    pieces, _ = ndimage.label(mask)
    small = np.bincount(pieces.ravel()) < pixels - 1e-9
    small[0] = False
    return np.asarray(small[pieces])


def _by_plane(rule: Callable[[Plane], Plane], labels: Labels) -> Labels:
    return np.stack([rule(plane) for plane in np.moveaxis(labels, 2, 0)], axis=2).astype(np.uint8)
