"""Any method, projected onto the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, logit

from cardioscar.scar3d.methods.method import Method, Reconstruction
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.projection import ShiftCarrier, pixel_variance, shift_to_pixels
from cardioscar.types import NodeValues

CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1 before the projection, so that the group's shift can move them."""


@dataclass(frozen=True)
class Projected:
    """The maps of a method, shifted in logit space group by group towards their pixels, see `project`."""

    method: Method
    """The method whose maps are projected."""
    kind: Literal["soft", "hard"] = "soft"
    """`soft` trusts a pixel within its variance, `hard` meets it: group means are within 1e-6 of the pixels."""
    reach_mm: float = 4.0
    """How far the shifts reach into unobserved tissue, mm."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return f"{self.method.name}, {self.kind} projection"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Reconstruct and project; each draw is projected by itself."""
        inner = self.method.reconstruct(problem, seed=seed)
        order, offsets = problem.groups.node_order, problem.groups.group_offsets
        variance = pixel_variance(problem.targets, offsets) if self.kind == "soft" else None
        carrier = ShiftCarrier(problem.nodes_mm, order, offsets, self.reach_mm)

        def onto_pixels(probability: NodeValues) -> NodeValues:
            logits = logit(np.clip(probability.astype(np.float64), CLIP, 1 - CLIP))
            shift_to_pixels(logits, order, offsets, problem.targets, carrier, variance=variance)
            return np.asarray(expit(logits), dtype=np.float32)

        def draws(n: int, draw_seed: int) -> Iterator[NodeValues]:
            assert inner.draws is not None
            yield from map(onto_pixels, inner.draws(n, draw_seed))

        return Reconstruction(onto_pixels(inner.probability), draws if inner.draws else None, inner.facts)
