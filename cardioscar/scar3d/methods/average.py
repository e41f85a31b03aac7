"""Weighted average of several methods in logit space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from scipy.special import expit, logit

from cardioscar.errors import ConfigError
from cardioscar.scar3d.methods.method import Method, Reconstruction
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.types import NodeValues

CLIP = 1e-4
"""Probabilities are kept this far from 0 and 1, so that no method outvotes the others by certainty alone."""


@dataclass(frozen=True)
class LogitAverage:
    r"""$\bar s = σ(\sum_k w_k\, \mathrm{logit}\, s_k)$, a logarithmic opinion pool."""

    methods: tuple[Method, ...]
    """Methods to average."""
    weights: tuple[float, ...]
    """Weight of each method, positive, summing to 1."""

    def __post_init__(self) -> None:
        if not self.methods or len(self.methods) != len(self.weights):
            raise ConfigError("weights", f"one for each of {len(self.methods)} methods", str(len(self.weights)))
        if min(self.weights) <= 0 or abs(sum(self.weights) - 1) > 1e-9:
            raise ConfigError("weights", "positive numbers that sum to 1", ", ".join(f"{w:g}" for w in self.weights))

    @property
    def name(self) -> str:
        """Short name in tables."""
        return " + ".join(method.name for method in self.methods)

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Reconstruct with each method and average; so are draws, beside which methods without draws stand still."""
        parts = [method.reconstruct(problem, seed=seed) for method in self.methods]

        def draws(n: int, draw_seed: int) -> Iterator[NodeValues]:
            streams = [part.draws(n, draw_seed) if part.draws else repeat(part.probability, n) for part in parts]
            for maps in zip(*streams, strict=True):
                yield self._pool(maps)

        return Reconstruction(
            self._pool(tuple(part.probability for part in parts)),
            draws if any(part.draws for part in parts) else None,
            {method.name: part.facts for method, part in zip(self.methods, parts, strict=True)},
        )

    def _pool(self, maps: tuple[NodeValues, ...]) -> NodeValues:
        pooled = sum(
            weight * logit(np.clip(one.astype(np.float64), CLIP, 1 - CLIP))
            for weight, one in zip(self.weights, maps, strict=True)
        )
        return np.asarray(expit(pooled), dtype=np.float32)
