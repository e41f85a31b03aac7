"""Fourier-feature network fitted full-batch on the group means, with MC-Dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from scipy.special import expit

from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import sample_logits
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.types import NodeValues, Points

CHUNK = 10
"""Draws evaluated at once: the encoding is shared by them, and memory is 4 bytes a draw and node."""


@dataclass(frozen=True)
class Network:
    """A field of Fourier features [@tancik2020] fitted to one subject; the map is the mean of MC-Dropout draws."""

    config: FitConfig = field(default_factory=FitConfig)
    """Settings of the fit; its seed is replaced by that of `reconstruct`."""
    samples: int = 20
    """Draws of which the map is the mean."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "network"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Fit the field and average it over dropout; a draw is one thinned network at all nodes."""
        fit = fit_field(problem.observations(), replace(self.config, seed=seed))
        facts = {"steps": fit.steps, "stop_reason": fit.stop_reason, "fit_seconds": round(fit.seconds, 3)}
        return Reconstruction(
            mean_of(dropout_draws(fit.field, problem.nodes_mm, self.samples, seed)),
            partial(dropout_draws, fit.field, problem.nodes_mm),
            facts,
        )


def dropout_draws(scar_field: ScarField, nodes_mm: Points, n: int, seed: int) -> Iterator[NodeValues]:
    """Draw whole fields by MC-Dropout [@gal2016] as a stream; fewer draws are the first of more.

    Args:
        scar_field: Fitted field.
        nodes_mm: Positions in mm LPS, shape (nodes, 3).
        n: Number of draws.
        seed: Seed of the draws.

    Yields:
        Scar probability of one thinned network, float32, shape (nodes,).
    """
    for first in range(0, n, CHUNK):
        part_seed = int(np.random.SeedSequence([seed, first]).generate_state(1)[0])
        for logits in sample_logits(scar_field, nodes_mm, samples=CHUNK, seed=part_seed)[: n - first]:
            yield expit(logits)


def mean_of(draws: Iterator[NodeValues]) -> NodeValues:
    """Mean of a stream of at least one map, float32."""
    count, total = 1, next(draws).astype(np.float64)
    for draw in draws:
        count += 1
        total += draw
    return np.asarray(total / count, dtype=np.float32)
