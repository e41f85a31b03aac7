"""What presses on the heart: fat pads, diaphragm and organs that leave no lung between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cardioscar.synthesis.anatomy.harmonics import draw_harmonics
from cardioscar.synthesis.anatomy.thorax import Blob, Thorax
from cardioscar.synthesis.anatomy.tissue import Tissue

_NEIGHBOURS = (Tissue.FAT, Tissue.LIVER, Tissue.ORGAN, Tissue.MUSCLE)


def crowded(rng: np.random.Generator, thorax: Thorax, heart_mm: float, *, chance: float = 0.6) -> Thorax:
    """A chest with more around the heart, in some of the draws.

    In most real slices of the lower half the heart lies on the diaphragm and against the fat of the chest wall; hearts
    that float in dark lung alone are too easy.

    Args:
        rng: Source of the draw.
        thorax: A chest.
        heart_mm: Radius of the left ventricle's epicardium.
        chance: Chance that anything is added.

    >>> from cardioscar.synthesis.anatomy.thorax import draw_thorax
    >>> chest = draw_thorax(np.random.default_rng(0), heart_mm=30.0, height=0.5)
    >>> len(crowded(np.random.default_rng(0), chest, 30.0, chance=1.0).organs) > len(chest.organs)
    True
    """
    if rng.random() >= chance:
        return thorax
    added = []
    toward = rng.uniform(-np.pi, np.pi)
    for _ in range(rng.integers(1, 6)):
        angle = toward + rng.normal(0, 0.9)
        size = float(np.exp(rng.uniform(np.log(12), np.log(90))))
        away = heart_mm + size + rng.exponential(6) - 4
        half = (size, size * rng.uniform(0.7, 1.8))
        added.append(
            Blob(
                _NEIGHBOURS[rng.integers(len(_NEIGHBOURS))],
                (float(away * np.cos(angle)), float(away * np.sin(angle))),
                half,
                float(angle),
                draw_harmonics(rng, (0.0, 0.06, 0.06, 0.04)),
                rng.uniform(0, 4) if rng.random() < 0.6 else 0.0,
                (Tissue.FAT, Tissue.MUSCLE, Tissue.FLUID)[rng.choice(3, p=[0.5, 0.4, 0.1])],
            )
        )
    return replace(thorax, organs=(*thorax.organs, *added))
