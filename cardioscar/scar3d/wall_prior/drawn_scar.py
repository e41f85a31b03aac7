"""Scar as people have it and as a hand draws it, in the coordinates of the wall: by level, angle and depth.

Territories that grow from the endocardium outwards, thresholded random fields, patches and islands; then the observer,
who draws each slice by itself: borders off by some millimetres and alike along a stretch of border, the whole drawn
larger or smaller, turned against the next slice, small islands left out or added. Made for learning, wider than
people are in every respect, and none of any benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import fft, ndimage

LEVELS, ANGLES, DEPTHS = 48, 96, 10
"""Cells along, around and through the wall on which scar is drawn."""
NOTHING = -12.0
"""Level where there is no scar."""

Level = Float[np.ndarray, "levels angles depths"]
"""Positive in scar, about mm near its border."""


@dataclass(frozen=True)
class WallSize:
    """How large a wall is.

    Attributes:
        length_mm: From one end to the other.
        girth_mm: Mean way around it, in the middle of the wall.
        wall_mm: Thickness.
    """

    length_mm: float
    girth_mm: float
    wall_mm: float


@dataclass(frozen=True)
class Hand:
    """How one observer draws one heart.

    Attributes:
        border_mm: Standard deviation of the border within a slice.
        along_mm: Way along the border over which it errs alike.
        size_mm: Standard deviation of the whole outline's size from slice to slice.
        turn_mm: Standard deviation of its place around the wall.
        least_mm2: Islands smaller than this are not drawn.
        islands: Expected number of islands that are not there, a slice.
    """

    border_mm: float
    along_mm: float
    size_mm: float
    turn_mm: float
    least_mm2: float
    islands: float


class Fields:
    """Gaussian random fields of unit variance over a wall, closed around it.

    Args:
        size: The wall.
        rng: Source of the noise.
    """

    def __init__(self, size: WallSize, rng: np.random.Generator) -> None:
        self._size, self._rng = size, rng

    def sheet(self, along_mm: float, around_mm: float) -> Float[np.ndarray, "levels angles"]:
        """A field over levels and angles whose correlation falls to exp(−½) over these lengths."""
        return self._draw((2 * LEVELS, ANGLES), (along_mm, around_mm))[:LEVELS]

    def solid(self, along_mm: float, around_mm: float, through_mm: float) -> Level:
        """A field over levels, angles and depths."""
        return self._draw((2 * LEVELS, ANGLES, 2 * DEPTHS), (along_mm, around_mm, through_mm))[:LEVELS, :, :DEPTHS]

    def ring(self, around_mm: float, through_mm: float) -> Float[np.ndarray, "angles depths"]:
        """A field over the angles and depths of one slice."""
        whole = self._draw((ANGLES, 2 * DEPTHS), (around_mm, through_mm), first=1)
        return whole[:, :DEPTHS]

    def column(self, along_mm: float) -> Float[np.ndarray, " levels"]:
        """A field over levels."""
        return self._draw((2 * LEVELS,), (along_mm,))[:LEVELS]

    def _draw(self, shape: tuple[int, ...], lengths_mm: tuple[float, ...], *, first: int = 0) -> np.ndarray:
        steps = (self._size.length_mm / LEVELS, self._size.girth_mm / ANGLES, self._size.wall_mm / DEPTHS)
        square: np.ndarray = np.zeros([1] * len(shape))
        for axis, (n, length) in enumerate(zip(shape, lengths_mm, strict=True)):
            waves = np.fft.fftfreq(n, steps[first + axis])
            if axis == len(shape) - 1:
                waves = np.fft.rfftfreq(n, steps[first + axis])
            square = square + ((length * waves) ** 2).reshape([-1 if k == axis else 1 for k in range(len(shape))])
        spectrum = fft.rfftn(self._rng.standard_normal(shape)) * np.exp(-(np.pi**2) * square)
        field = fft.irfftn(spectrum, s=shape)
        # long correlations leave little to normalise by in one draw: the expected variance instead
        gain = np.exp(-2 * np.pi**2 * square)
        full = gain.sum() * 2 - gain[..., 0].sum() - (gain[..., -1].sum() if shape[-1] % 2 == 0 else 0)
        return np.asarray(field / np.sqrt(full / np.prod(shape)))


def draw_scar(size: WallSize, rng: np.random.Generator) -> Level:
    """Draw a scar; 3 in 100 walls have none."""
    if rng.random() < 0.03:
        return np.full((LEVELS, ANGLES, DEPTHS), NOTHING)
    fields = Fields(size, rng)
    level = np.full((LEVELS, ANGLES, DEPTHS), NOTHING)
    for _ in range(rng.choice([1, 2, 3], p=[0.72, 0.22, 0.06])):
        piece = _territory(size, fields, rng) if rng.random() < 0.75 else _field(size, fields, rng)
        level = np.maximum(level, piece)
    rough_mm = rng.uniform(0, 2.2)
    level = level + rough_mm * fields.solid(rng.uniform(4, 14), rng.uniform(4, 12), rng.uniform(2, 8))
    if rng.random() < 0.15:
        patches_mm = rng.uniform(3, 9)
        patches = fields.solid(patches_mm * rng.uniform(1, 2), patches_mm, patches_mm)
        level = np.minimum(level, (patches + rng.uniform(-0.3, 1.0)) * patches_mm)
    share = float(np.clip(np.exp(rng.normal(np.log(0.23), 0.6)), 0.01, 0.65))
    level = level - rng.uniform(0.5, 1.0) * np.quantile(level, 1 - share)
    return np.clip(level, NOTHING, -NOTHING)


def draw_hand(rng: np.random.Generator) -> Hand:
    """Draw an observer."""
    return Hand(
        border_mm=rng.uniform(0.2, 1.6),
        along_mm=float(np.exp(rng.uniform(np.log(3), np.log(18)))),
        size_mm=rng.uniform(0, 0.8),
        turn_mm=rng.uniform(0, 4.5),
        least_mm2=rng.choice([0.0, rng.uniform(5, 90)], p=[0.3, 0.7]),
        islands=rng.choice([0.0, rng.uniform(0, 0.5)]),
    )


def draw_slice(
    level: Level, size: WallSize, hand: Hand, at: float, thickness_mm: float, rng: np.random.Generator
) -> Float[np.ndarray, "angles depths"]:
    """Draw the outline of one slice.

    Args:
        level: The true scar.
        size: The wall.
        hand: The observer.
        at: Height of the slice, 0 to 1 along the wall.
        thickness_mm: Its thickness: an image shows the mean over it.
        rng: Source of the errors.

    Returns:
        Positive where scar is drawn, shape (angles, depths).
    """
    half = 0.5 * thickness_mm / size.length_mm
    heights = np.clip(np.linspace(at - half, at + half, 5), 0, 1) * LEVELS - 0.5
    below = np.clip(np.floor(heights).astype(int), 0, LEVELS - 1)
    above, share = np.clip(below + 1, 0, LEVELS - 1), np.clip(heights - below, 0, 1)[:, None, None]
    seen = np.clip((1 - share) * level[below] + share * level[above], -4, 4).mean(axis=0)
    fields = Fields(size, rng)
    seen = seen + hand.border_mm * fields.ring(hand.along_mm, max(4.0, hand.along_mm)) + hand.size_mm * rng.normal()
    seen = ndimage.shift(
        seen, (hand.turn_mm * rng.normal() * ANGLES / size.girth_mm, 0), order=1, mode="grid-wrap", prefilter=False
    )
    cell_mm2 = size.girth_mm * size.wall_mm / (ANGLES * DEPTHS)
    if hand.least_mm2 and (seen > 0).any():
        seen = _without_islands(seen, hand.least_mm2 / cell_mm2)
    for _ in range(rng.poisson(hand.islands)):
        around_mm = rng.uniform(2, 6)
        mm = (
            np.stack(
                [
                    (np.arange(ANGLES)[:, None] - rng.integers(ANGLES) + ANGLES / 2) % ANGLES - ANGLES / 2 + 0 * seen,
                    (np.arange(DEPTHS)[None] - rng.integers(DEPTHS)) + 0 * seen,
                ]
            )
            * np.array([size.girth_mm / ANGLES, size.wall_mm / DEPTHS])[:, None, None]
        )
        seen = np.maximum(seen, around_mm - np.hypot(*mm))
    return seen


def _without_islands(seen: np.ndarray, least: float) -> np.ndarray:
    """Take out the pieces with fewer cells than `least`, across the seam too."""
    pieces, count = ndimage.label(np.concatenate([seen, seen]) > 0)
    # a piece lies whole in one of the two turns; what is cut by the outer seams is whole in the middle
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    large = sizes >= least
    large[0] = False
    keep = large[pieces[:ANGLES]] | large[pieces[ANGLES:]]
    return np.where((seen > 0) & ~keep, -1.0, seen)


def _heights() -> np.ndarray:
    return (np.arange(LEVELS) + 0.5) / LEVELS


def _territory(size: WallSize, fields: Fields, rng: np.random.Generator) -> Level:
    """The region of a vessel: from the endocardium outwards, deepest in its middle."""
    angle = 2 * np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
    lean = rng.normal(0, 0.8) * (_heights() - 0.5) + rng.uniform(0, 0.4) * fields.column(rng.uniform(12, 50))
    off = (angle[None] - rng.uniform(0, 2 * np.pi) - lean[:, None] + np.pi) % (2 * np.pi) - np.pi
    half = np.exp(rng.uniform(np.log(0.5), np.log(3.0)))
    width = half * np.exp(rng.uniform(0, 0.45) * fields.column(rng.uniform(10, 50)))
    up = (_heights() - rng.uniform(-0.1, 1.0)) * size.length_mm / rng.uniform(22, 130)
    power = rng.uniform(1.6, 4)
    away = ((np.abs(off) / width[:, None]) ** power + np.abs(up)[:, None] ** power) ** (1 / power)
    edge = 1 - away
    edge = edge + rng.uniform(0, 0.4) * fields.sheet(rng.uniform(6, 30), rng.uniform(6, 25))
    deepest, taper = rng.uniform(0.2, 1.5), rng.uniform(0.08, 0.9)
    depth = deepest * np.minimum(1, edge / taper) + rng.uniform(0, 0.4) * fields.sheet(
        rng.uniform(5, 30), rng.uniform(5, 25)
    )
    through = (np.arange(DEPTHS) + 0.5) / DEPTHS
    kind = rng.random()
    if kind < 0.78:  # from the endocardium
        inside = (depth[..., None] - through) * size.wall_mm
    elif kind < 0.85:  # from outside
        inside = (depth[..., None] - 1 + through) * size.wall_mm
    elif kind < 0.93:  # in the middle of the wall
        inside = (0.5 * depth[..., None] - np.abs(through - rng.uniform(0.3, 0.7))) * size.wall_mm
    else:  # through all of it
        inside = np.full((LEVELS, ANGLES, DEPTHS), 8.0)
    return np.minimum(inside, (edge * half * size.girth_mm / (2 * np.pi))[..., None])


def _field(size: WallSize, fields: Fields, rng: np.random.Generator) -> Level:
    """Where a random field is high; at times higher inside than outside."""
    around_mm = np.exp(rng.uniform(np.log(5), np.log(25)))
    field = fields.solid(around_mm * np.exp(rng.uniform(-0.3, 1.0)), around_mm, size.wall_mm * rng.uniform(0.3, 2.0))
    through = (np.arange(DEPTHS) + 0.5) / DEPTHS
    field = field + rng.uniform(-0.4, 1.6) * (0.5 - through)
    share = np.exp(rng.uniform(np.log(0.04), np.log(0.4)))
    # a field of unit variance falls by about 1 over its length
    return (field - np.quantile(field, 1 - share)) * min(around_mm, 8.0)
