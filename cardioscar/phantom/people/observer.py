"""The hand that draws: each slice by itself, borders off, islands added and lost, the heart not quite in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cardioscar.imaging.labels import Label
from cardioscar.phantom.people.anatomy import Anatomy, Examination
from cardioscar.phantom.people.scar import TrueScar

THROUGH_MM = (-3.0, 0.0, 3.0)
"""Heights through a slice at which the scar is looked at: a slice shows what is in its thickness."""
MARGIN_MM = 10.0
"""From the wall to the edge of the image."""
LEAST_WALL_MM = 2.6
"""No one draws a wall thinner than this."""


@dataclass(frozen=True)
class Hand:
    """How one observer draws.

    Attributes:
        breath_mm: Shift of the heart in each slice, standard deviation along x and y.
        contour_mm: Error of endocardium and epicardium, standard deviation.
        contour_length_mm: Length along the contour over which it keeps.
        border: Error of the scar's border, standard deviation in units of the scar's level.
        border_length_mm: Length over which it keeps.
        slice_bias: Over- or under-drawing of a whole slice, standard deviation in units of the level.
        turn_deg: Rotation of what is drawn in a slice, standard deviation.
        depth: Shift across the wall of what is drawn in a slice, standard deviation as a share of the wall.
        added: Mean number of islands added to a slice.
        overlooked_mm2: Pieces below this area are left out half of the time.
    """

    breath_mm: float
    contour_mm: float
    contour_length_mm: float
    border: float
    border_length_mm: float
    slice_bias: float
    turn_deg: float
    depth: float
    added: float
    overlooked_mm2: float


def draw_hand(rng: np.random.Generator) -> Hand:
    """Draw an observer and an examination's breath-holds."""
    return Hand(
        breath_mm=rng.uniform(0.2, 0.9),
        contour_mm=rng.uniform(0.3, 0.8),
        contour_length_mm=rng.uniform(10, 20),
        border=rng.uniform(0.1, 0.5),
        border_length_mm=rng.uniform(12, 24),
        slice_bias=rng.uniform(0.05, 0.4),
        turn_deg=rng.uniform(1, 7),
        depth=rng.uniform(0, 0.13),
        added=rng.uniform(0, 0.8),
        overlooked_mm2=rng.uniform(20, 70),
    )


def draw_slices(
    rng: np.random.Generator, anatomy: Anatomy, scar: TrueScar, exam: Examination, hand: Hand
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw every slice of an examination.

    Args:
        rng: Source of the observer's errors.
        anatomy: The wall.
        scar: The true scar.
        exam: The slices.
        hand: Who draws.

    Returns:
        Labels (uint8 `Label`) and true scar fraction of the drawn wall (float32), both of shape (i, j, slices), and
        the place of the first pixel along x and y in mm, shape (2,).
    """
    heights = exam.heights_mm
    centers = anatomy.center_mm(heights)
    reach = float(anatomy.outer_mm.max()) + MARGIN_MM
    low, high = centers.min(axis=0) - reach, centers.max(axis=0) + reach
    size = np.ceil((high - low) / exam.pixel_mm).astype(int)
    i, j = np.indices(size).reshape(2, -1)
    plane = low + np.stack([i, j], axis=1) * exam.pixel_mm
    shape = (int(size[0]), int(size[1]), exam.slices)
    labels = np.zeros(shape, dtype=np.uint8)
    truth = np.zeros(shape, dtype=np.float32)
    for number, z in enumerate(heights):
        moved = plane - rng.normal(0, hand.breath_mm, 2)
        contours = _contours(rng, anatomy, float(z), moved, hand)
        cavity, wall = contours
        near = np.flatnonzero(wall)
        share, level = _seen(
            anatomy, scar, moved[near], float(z), np.radians(rng.normal(0, hand.turn_deg)), rng.normal(0, hand.depth)
        )
        error = hand.border * _smooth_noise(rng, shape[:2], hand.border_length_mm / exam.pixel_mm).ravel()[near]
        drawn = np.zeros(shape[:2], dtype=bool)
        drawn.ravel()[near] = level + error + rng.normal(0, hand.slice_bias) > 0
        drawn = _islands(rng, drawn, wall.reshape(shape[:2]), exam.pixel_mm, hand)
        one = labels[:, :, number]
        one[cavity.reshape(shape[:2])] = Label.BLOOD_POOL
        one[wall.reshape(shape[:2])] = Label.MYOCARDIUM
        one[drawn] = Label.SCAR
        flat = np.zeros(len(plane), dtype=np.float32)
        flat[near] = share
        truth[:, :, number] = flat.reshape(shape[:2])
    return labels, truth, low


def _contours(
    rng: np.random.Generator, anatomy: Anatomy, z: float, plane: np.ndarray, hand: Hand
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the drawn cavity and the drawn wall."""
    _, angle, inner, outer, radius = anatomy.coordinates(np.column_stack([plane, np.full(len(plane), z)]))
    typical = float(anatomy.outer_mm.mean())
    inner = np.maximum(inner + _around(rng, angle, hand, typical), 2.0)
    outer = np.maximum(outer + _around(rng, angle, hand, typical), inner + LEAST_WALL_MM)
    return radius < inner, (radius >= inner) & (radius <= outer)


def _around(rng: np.random.Generator, angle: np.ndarray, hand: Hand, radius_mm: float) -> np.ndarray:
    """An error that is smooth along a closed contour, mm, at angles in rad."""
    n = 120
    sigma = hand.contour_length_mm / np.sqrt(2) / (2 * np.pi * radius_mm / n)
    noise = ndimage.gaussian_filter1d(rng.standard_normal(n), sigma, mode="wrap")
    noise *= hand.contour_mm * np.sqrt(2 * sigma * np.sqrt(np.pi))
    return np.interp(angle % (2 * np.pi), np.arange(n + 1) * 2 * np.pi / n, np.append(noise, noise[0]))


def _seen(
    anatomy: Anatomy, scar: TrueScar, plane: np.ndarray, z: float, turn_rad: float, deeper: float
) -> tuple[np.ndarray, np.ndarray]:
    """True scar fraction of each pixel's prism, and the level that a drawing turned and moved across the wall shows."""
    share, level = np.zeros(len(plane)), np.zeros(len(plane))
    for up in THROUGH_MM:
        height, angle, inner, outer, radius = anatomy.coordinates(np.column_stack([plane, np.full(len(plane), z + up)]))
        depth = (radius - inner) / (outer - inner)
        share += scar.at(height, angle, depth) > 0
        level += scar.at(height, angle + turn_rad, depth + deeper)
    return share / len(THROUGH_MM), level / len(THROUGH_MM)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], length_px: float) -> np.ndarray:
    """Gaussian noise of variance 1 whose correlation falls as exp(-d²/2ℓ²), ℓ in pixels."""
    sigma = length_px / np.sqrt(2)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap", truncate=3)
    return np.asarray(noise * 2 * sigma * np.sqrt(np.pi))


def _islands(rng: np.random.Generator, drawn: np.ndarray, wall: np.ndarray, pixel_mm: float, hand: Hand) -> np.ndarray:
    """Leave small pieces out half of the time, and add some that are not there."""
    pieces, count = ndimage.label(drawn, np.ones((3, 3)))
    area = np.bincount(pieces.ravel(), minlength=count + 1) * pixel_mm**2
    lost = (area < hand.overlooked_mm2) & (rng.random(count + 1) < 0.5)
    lost |= area < 2.5 * pixel_mm**2  # no one draws a pixel or two
    lost[0] = True
    kept = ~lost[pieces]
    at = np.argwhere(wall)
    for _ in range(rng.poisson(hand.added)):
        middle = at[rng.integers(len(at))]
        away = (np.indices(drawn.shape).transpose(1, 2, 0) - middle) * pixel_mm
        turn = rng.uniform(0, np.pi)
        along = away @ np.array([np.cos(turn), np.sin(turn)])
        across = away @ np.array([-np.sin(turn), np.cos(turn)])
        kept |= wall & (np.hypot(along / rng.uniform(4, 9), across / rng.uniform(2.5, 5)) < 1)
    return kept
