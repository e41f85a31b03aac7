"""Scar maps by MC-Dropout alone: mean and spread of the samples, each projected onto the pixels if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.prior_mean import NOTHING, Beside, prior_mean
from cardioscar.scar3d.posterior.projection import ShiftCarrier, pixel_variance, shift_to_pixels
from cardioscar.types import NodeValues


class DropoutMaps:
    """Projected MC-Dropout samples [@gal2016].

    Args:
        problem: Nodes, groups and slices.
        sampled: Logits of the thinned networks, shape (samples, nodes), see `sample_logits`.
        beside: What each sample is averaged with, see `prior_mean`.
        projection: `soft` trusts a pixel within its variance, `hard` meets it to 1e-6, `none` leaves samples alone.
        reach_mm: How far the projection's shifts reach into tissue between slices, in mm.
        threshold: Probability from which a node of a sample is scar.
    """

    def __init__(
        self,
        problem: Problem,
        sampled: Float[np.ndarray, "samples nodes"],
        *,
        beside: Beside = NOTHING,
        projection: Literal["soft", "hard", "none"] = "soft",
        reach_mm: float = 4.0,
        threshold: float = 0.5,
    ) -> None:
        self._problem, self._sampled, self._threshold = problem, sampled, threshold
        self._beside, self._projection, self._unsettled = beside, projection, 0
        groups = problem.groups
        self._carrier = ShiftCarrier(
            problem.nodes_mm, groups.node_order, groups.group_offsets, reach_mm if projection != "none" else 0.0
        )

    def facts(self) -> dict[str, Any]:
        """How the projection went, ready for JSON: `unsettled_pixels` of the worst sample made so far."""
        return {"samples": len(self._sampled), "unsettled_pixels": self._unsettled}

    @cached_property
    def probability(self) -> NodeValues:
        """Mean over the samples, 0 to 1, shape (nodes,), float32."""
        total = np.zeros(len(self._problem.nodes_mm))
        for sample in self.samples():
            total += sample
        return (total / len(self._sampled)).astype(np.float32)

    def draws(self, number: int, seed: int) -> Iterator[NodeValues]:
        """Samples cut at the threshold, 1 at scarred nodes, else 0; the same ones again if more are asked for.

        Args:
            number: How many.
            seed: Plays no part: the samples were drawn before.
        """
        del seed
        for _ in range(-(-number // len(self._sampled))):
            for sample in self.samples(min(number, len(self._sampled))):
                yield (sample >= self._threshold).astype(np.float32)
            number -= len(self._sampled)

    def samples(self, number: int | None = None) -> Iterator[NodeValues]:
        """Scar probability of each projected sample, shape (nodes,), float64."""
        groups, targets = self._problem.groups, self._problem.targets
        variance = pixel_variance(targets, groups.group_offsets) if self._projection == "soft" else None
        for sampled in self._sampled[:number]:
            logits = prior_mean(sampled, self._beside).astype(np.float64)
            if self._projection != "none":
                rows, offsets = groups.node_order, groups.group_offsets
                unsettled = shift_to_pixels(logits, rows, offsets, targets, self._carrier, variance=variance)
                self._unsettled = max(self._unsettled, unsettled)
            yield expit(logits)
