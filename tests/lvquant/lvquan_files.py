"""Files in the layout of LVQuan 2018, drawn from rings of which everything is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

FRAMES, SIDE, PIXEL = 6, 40, 2.5


def write_lvquan(path: Path, *, seed: int) -> dict[str, np.ndarray]:
    """A contracting ring; the truth in mm is returned."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    middle = SIDE / 2 + rng.uniform(-3, 3, 2)
    radius = rng.uniform(7, 9) + 2.5 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)
    wall = rng.uniform(3, 4)
    distance = np.hypot(y - middle[0], x - middle[1])[..., None]
    endo, epi = distance < radius, distance < radius + wall
    image = 200 * endo + 60 * (epi & ~endo) + 30 + rng.normal(0, 8, (SIDE, SIDE, FRAMES))
    truth = {
        "areas": np.pi * np.stack([radius**2, (radius + wall) ** 2 - radius**2]) * PIXEL**2,
        "dims": np.stack([2 * radius] * 3) * PIXEL,
        "rwt": np.full((6, FRAMES), wall) * PIXEL,
        "lv_phase": (np.arange(FRAMES) < 4).astype(float)[None],
    }
    savemat(
        path,
        {
            "image": np.clip(image, 0, 255).astype(np.uint8), "endo": endo.astype(np.uint8),
            "epi": epi.astype(np.uint8), "pix_spa": np.array([[PIXEL]]), **truth,
        },
    )  # fmt: skip
    return truth
