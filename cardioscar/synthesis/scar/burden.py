"""All lesions of a heart, and the draw of them: from none to several old and fresh infarcts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cardioscar.synthesis.anatomy.pattern import Pattern, draw_pattern
from cardioscar.synthesis.anatomy.ventricle import Remodelling, WallPlaces
from cardioscar.synthesis.scar.lesion import Kind, Lesion

TERRITORIES = ((0.9, 0.45), (-1.2, 0.5), (3.0, 0.55))
"""Middle of an infarct (radians from the septum towards anterior) and its usual height, for the left anterior
descending, the right, and the circumflex coronary artery."""


@dataclass(frozen=True)
class ScarBurden:
    """The lesions of a heart.

    Attributes:
        lesions: From none to several.
        coarse: Pattern of their outlines.
        fine: Pattern of islands.
    """

    lesions: tuple[Lesion, ...]
    coarse: Pattern
    fine: Pattern

    @property
    def remodelled(self) -> tuple[Remodelling, ...]:
        """What they do to the wall."""
        return tuple(one.remodelling for one in self.lesions if one.thinning or one.bulge_mm)

    def shares(self, at: WallPlaces, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of dead muscle at places of the wall, 0 to 1, and the share that got no contrast, at most as large."""
        dead, core = np.zeros(x.shape, dtype=np.float32), np.zeros(x.shape, dtype=np.float32)
        for one in self.lesions:
            more, inner = one.shares(at, x, y, z, coarse=self.coarse, fine=self.fine)
            dead, core = np.maximum(dead, more), np.maximum(core, inner)
        return dead, np.minimum(core, dead)


def draw_burden(rng: np.random.Generator, *, scar_free: float = 0.2) -> ScarBurden:
    """Draw the lesions of a heart.

    Args:
        rng: Source of the draw.
        scar_free: Chance of a heart without any.
    """
    count = 0 if rng.random() < scar_free else int(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.1]))
    lesions = tuple(_infarct(rng) if rng.random() < 0.75 else _fibrosis(rng) for _ in range(count))
    return ScarBurden(
        lesions, draw_pattern(rng, length_mm=rng.uniform(4, 9)), draw_pattern(rng, length_mm=rng.uniform(0.8, 2.2))
    )


def _infarct(rng: np.random.Generator) -> Lesion:
    """An infarct in the territory of a coronary artery, fresh (perhaps with a core) or old (perhaps thinned)."""
    middle, height = TERRITORIES[rng.choice(3, p=[0.45, 0.3, 0.25])]
    depth = rng.uniform(0.25, 1.5)
    old = rng.random() < 0.6
    thinned = old and depth > 0.7
    return Lesion(
        kind="subendocardial",
        angle=float(rng.normal(middle, 0.5)),
        height=float(np.clip(rng.normal(height, 0.2), 0, 1)),
        half_angle=rng.uniform(0.25, 1.6),
        half_height=rng.uniform(0.15, 0.75),
        depth=depth,
        border_mm=float(np.exp(rng.uniform(math.log(0.5), math.log(5)))),
        ragged=rng.uniform(0.03, 0.3),
        core=rng.uniform(0.3, 0.9) if not old and depth > 0.5 and rng.random() < 0.6 else 0.0,
        thinning=rng.uniform(0.0, 0.75) if thinned else 0.0,
        bulge_mm=rng.uniform(1, 10) if thinned and rng.random() < 0.3 else 0.0,
    )


def _fibrosis(rng: np.random.Generator) -> Lesion:
    """Scar of other causes: a stripe, an outer layer, scattered islands, or a spot where the right ventricle joins."""
    kinds: tuple[Kind, ...] = ("midwall", "subepicardial", "patchy", "midwall")
    spot = rng.random() < 0.25
    return Lesion(
        kind="midwall" if spot else kinds[rng.integers(4)],
        angle=float(rng.choice([1.0, -1.0]) * rng.uniform(0.8, 1.3) if spot else rng.uniform(-np.pi, np.pi)),
        height=rng.uniform(0.3, 0.95),
        half_angle=rng.uniform(0.15, 0.35) if spot else rng.uniform(0.3, 1.5),
        half_height=rng.uniform(0.15, 0.6),
        depth=rng.uniform(0.3, 0.8),
        border_mm=float(np.exp(rng.uniform(math.log(0.5), math.log(4)))),
        ragged=rng.uniform(0.05, 0.4),
    )
