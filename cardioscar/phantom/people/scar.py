"""The true scar of a ventricle, in coordinates of its wall: height, angle, depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cardioscar.phantom.people.anatomy import Anatomy, on_wall, wall_grid
from cardioscar.phantom.random_field import draw_random_field

DEPTHS = 9
"""Layers of the wall on which the level is kept, endocardium and epicardium included."""
TERRITORIES_DEG = {"LAD": (35.0, 35.0), "RCA": (-75.0, 30.0), "LCX": (180.0, 40.0)}
"""Middle of each artery's territory, from the septum (0) towards anterior (90), and its spread."""


@dataclass(frozen=True)
class TrueScar:
    """Scar where a level is above 0.

    Attributes:
        level: By height, angle and depth; the unit is a drawn border's shift of `width_mm` along the wall, shape
            (levels, angles, depths).
        width_mm: See `level`.
        share: Share of the wall between base and apex that is scar.
        facts: What was drawn.
    """

    level: np.ndarray
    width_mm: float
    share: float
    facts: dict[str, float | str]

    def at(self, height_mm: np.ndarray, angle_rad: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Level at points of the wall; a depth beyond 0 to 1 counts as its end."""
        return on_wall(self.level, height_mm, angle_rad, np.clip(depth, 0, 1) * (DEPTHS - 1))


def draw_scar(rng: np.random.Generator, anatomy: Anatomy, heights_mm: np.ndarray) -> TrueScar:
    """Draw a scar: one territory or two, from its deepest layer outwards, uneven, patchy, some with a living corridor.

    The level falls with the distance from the territory's middle and across the wall; the share of the wall, which is
    drawn first, says which level is the border. So every draw gives a scar of the wanted size.

    Args:
        rng: Source of the draws.
        anatomy: The wall.
        heights_mm: Heights of the slices: the share counts between them.
    """
    length = (len(anatomy.inner_mm) - 1) * 2.0 - 10
    height, angle = wall_grid(length)
    depth = np.linspace(0, 1, DEPTHS)
    middle = (anatomy.inner_mm + anatomy.outer_mm) / 2
    share = float(np.clip(rng.normal(0.225, 0.12), 0.04, 0.55))
    ring = rng.random() < 0.15  # a thin scar most of the way around
    width = rng.uniform(8, 18) * (2.2 if ring else 1)
    aspect = rng.uniform(1.8, 4.5)
    artery = str(rng.choice(list(TERRITORIES_DEG), p=[0.45, 0.3, 0.25]))
    names = [artery]
    if rng.random() < 0.3:
        names.append(str(rng.choice([name for name in TERRITORIES_DEG if name != artery])))
    level = np.full(middle.shape, -np.inf)
    for place, name in enumerate(names):
        center, spread = TERRITORIES_DEG[name]
        at = np.radians(rng.normal(center, spread))
        at_height = heights_mm[0] + rng.uniform(0.05, 0.75) * (heights_mm[-1] - heights_mm[0])
        lean = rng.normal(0, 0.010)  # territories run obliquely around the ventricle
        around = (angle - at - lean * (height - at_height) + np.pi) % (2 * np.pi) - np.pi
        away = np.hypot(around * middle / width, (height - at_height) / (width * aspect))
        level = np.maximum(level, -away - (rng.uniform(0.3, 1.2) if place else 0))

    deepest = float(np.clip(rng.normal(0.33, 0.10), 0, 0.9))
    slope = rng.uniform(0.8, 3.5) + 2 * ring
    across = -slope * np.abs(depth - deepest) / max(deepest, 1 - deepest)
    grid = level[:, :, None] + across
    points = _points(height, angle, middle, depth)
    grid = grid + rng.uniform(0.3, 0.6) * _field(rng, points, 28.0, grid.shape)
    patchy = rng.uniform(0.1, 0.4) if rng.random() < 0.7 else rng.uniform(0.6, 1.6)
    patch_mm = rng.uniform(5, 10) if patchy > 0.5 else rng.uniform(9, 16)
    grid = grid + patchy * _field(rng, points, patch_mm, grid.shape)
    corridor = rng.random() < 0.2
    if corridor:
        grid = grid - _corridor(rng, height, angle, middle, grid)[:, :, None]

    inside = (height[:, 0] >= heights_mm[0] - 4) & (height[:, 0] <= heights_mm[-1] + 4)
    weight = np.repeat((anatomy.outer_mm**2 - anatomy.inner_mm**2)[inside][:, :, None], DEPTHS, axis=2)
    order = np.argsort(grid[inside], axis=None)[::-1]
    filled = np.cumsum(weight.ravel()[order])
    border = grid[inside].ravel()[order[np.searchsorted(filled, share * filled[-1])]]
    facts: dict[str, float | str] = {
        "artery": "+".join(names), "share": share, "deepest": deepest, "patchy": patchy, "corridor": float(corridor),
    }  # fmt: skip
    return TrueScar(grid - border, width, share, facts)


def thinned(anatomy: Anatomy, scar: TrueScar, *, most: float) -> Anatomy:
    """The wall after the infarct: thinner from within where scar crosses it, by the share `most` at most."""
    crossed = (1 / (1 + np.exp(-3 * scar.level))).mean(axis=2)
    loss = most * crossed * (anatomy.outer_mm - anatomy.inner_mm)
    return replace(anatomy, inner_mm=anatomy.inner_mm + loss)


def _points(height: np.ndarray, angle: np.ndarray, middle: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Places of the grid's nodes, the wall drawn twice as thick: scar changes faster across it than along."""
    radius = middle[:, :, None] + 16 * (depth - 0.5)
    return np.stack(
        [
            (radius * np.cos(angle)[:, :, None]).ravel(),
            (radius * np.sin(angle)[:, :, None]).ravel(),
            np.broadcast_to(height[:, :, None], radius.shape).ravel(),
        ],
        axis=1,
    )


def _field(rng: np.random.Generator, points: np.ndarray, length_mm: float, shape: tuple[int, ...]) -> np.ndarray:
    field = draw_random_field(rng, low_mm=points.min(axis=0), high_mm=points.max(axis=0), length_mm=length_mm)
    return field(points).reshape(shape)


def _corridor(
    rng: np.random.Generator, height: np.ndarray, angle: np.ndarray, middle: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """What a living path through the scar takes from the level, shape (levels, angles)."""
    top = np.unravel_index(grid.max(axis=2).argmax(), middle.shape)
    course = rng.normal(0, 0.02)
    around = (angle - angle[0, top[1]] - course * (height - height[top[0], 0]) + np.pi) % (2 * np.pi) - np.pi
    beside = around * middle + rng.normal(0, 4)
    return np.asarray(3.0 * np.exp(-0.5 * (beside / rng.uniform(1.5, 3.0)) ** 2))
