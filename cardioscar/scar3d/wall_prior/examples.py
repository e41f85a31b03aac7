"""Training examples: synthetic scars as the network will see real ones, with the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.drawn_examination import Tube, draw_heart, draw_tube, drawn_stack, drawn_truth
from cardioscar.scar3d.wall_prior.examination import examine
from cardioscar.scar3d.wall_prior.features import averaged, features, for_network
from cardioscar.scar3d.wall_prior.grid import LVGrid
from cardioscar.scar3d.wall_prior.synthetic import draw_scar
from cardioscar.scar3d.wall_prior.ventricle import draw_ventricle, wall_box


@dataclass(frozen=True)
class Examples:
    """The examples of one ventricle; they share its grid.

    Attributes:
        features: Input channels, float16 to keep thousands in memory, shape (scars, channels, a, c, t).
        truth: Scar at the cell centres, shape (scars, a, c, t).
        weight: Volume of each cell over the mean one, shape (a, c, t).
    """

    features: Float[np.ndarray, "scars channels a c t"]
    truth: Bool[np.ndarray, "scars a c t"]
    weight: Float[np.ndarray, "a c t"]


def draw_examples(config: ScarPriorConfig, number: int) -> Examples:
    """Draw the examples of one ventricle.

    Args:
        config: Settings of the training.
        number: Number of the ventricle, from 0; with the seed it decides everything.
    """
    rng = np.random.default_rng([config.seed, number])
    ventricle = draw_ventricle(rng)
    if config.pixels == "labels":
        return _drawn(config, draw_tube(ventricle, rng), rng)
    box, grid = wall_box(ventricle), ventricle.grid(cell_mm=config.cell_mm, layers=config.layers)
    at_cells = box.index(grid.points_mm.reshape(-1, 3))
    inputs, truth = [], []
    for _ in range(config.scars):
        scar = draw_scar(box, rng)
        stack = averaged(examine(box, scar, rng))
        inputs.append(features(stack, grid, cell_mm=config.cell_mm).astype(np.float16))
        truth.append((ndimage.map_coordinates(scar.level, at_cells, order=1) > 0).reshape(grid.shape))
    return Examples(np.stack(inputs), np.stack(truth), _weight(grid))


def _drawn(config: ScarPriorConfig, tube: Tube, rng: np.random.Generator) -> Examples:
    grid = tube.grid(cell_mm=config.cell_mm, layers=config.layers)
    inputs: list[np.ndarray] = []
    truth: list[np.ndarray] = []
    while len(inputs) < config.scars:
        heart = draw_heart(tube, rng)
        stack = drawn_stack(heart, rng)
        if len(stack.slices) < 2:
            continue
        found = features(for_network(stack), grid, cell_mm=config.cell_mm, pixels="labels")
        inputs.append(found.astype(np.float16))
        truth.append(drawn_truth(heart, grid, stack, rng))
    return Examples(np.stack(inputs), np.stack(truth), _weight(grid))


def _weight(grid: LVGrid) -> Float[np.ndarray, "a c t"]:
    volume = np.prod(grid.steps_mm(), axis=0)
    return np.asarray(volume / volume.mean(), dtype=np.float32)
