r"""The scar field's posterior: prior mean ▸ residual process ▸ what no pixel resolves ▸ projection onto the pixels.

Tissue is scar where a latent field is positive: $f = m + r + e$, with the prior mean m, the residual process r given
the pixels, and a discrepancy e of a short length scale that no pixel resolves. A draw is such a field, shifted in each
pixel so that its mean agrees with the pixel within the pixel's error, and cut at zero: a possible heart, scar or not at
every node. Shares over draws are therefore probabilities, and quantiles of anything computed from them are intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit

from cardioscar.scar3d.observation.csr import ranges
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.observation.refinement import refine
from cardioscar.scar3d.posterior.matern import RandomFunctions
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.projection import ShiftCarrier, pixel_variance, shift_to_pixels
from cardioscar.scar3d.posterior.residual_process import ResidualProcess, fit_residual
from cardioscar.scar3d.posterior.unseen_tissue import UnseenTissue, handed_over, unseen_tissue
from cardioscar.types import GroupOffsets, GroupValues, NodeValues

Projection = Literal["soft", "hard", "none"]


class ScarPosterior:
    """Scar probability at every node, and draws of whole maps.

    Args:
        problem: Nodes, groups and slices.
        prior_logits: Prior mean of the scar logit at all nodes, shape (nodes,), see `prior_mean`.
        config: Settings.
        projection: How maps meet the pixels: `soft` within the pixels' variance, over nodes and, on a coarse mesh,
            points between them, see `refine`; `hard` to 1e-6 over the nodes; `none` not at all.
        reach_mm: How far the projection's shifts reach into tissue between slices, in mm.
        threshold: Probability from which a node is scar: a draw is cut at its logit.
        beside: What stands beside the network in the prior mean, for the facts.
    """

    def __init__(
        self,
        problem: Problem,
        prior_logits: NodeValues,
        config: PosteriorConfig,
        *,
        projection: Projection = "soft",
        reach_mm: float = 4.0,
        threshold: float = 0.5,
        beside: str = "",
    ) -> None:
        # the hard projection is a promise about the mesh's own nodes
        finer = refine(problem) if projection != "hard" else None
        self._nodes = len(problem.nodes_mm)
        if finer is not None:
            problem, prior_logits = finer.problem, finer.extend(prior_logits)
        self._problem, self._config = problem, config
        self._projection, self._reach_mm = projection, reach_mm if projection != "none" else 0.0
        self._unsettled, self._beside = 0, beside
        self._noise_sd = config.pixel_sd(hard_labels=problem.hard_labels)
        self._cut = float(logit(threshold))
        self._prior = handed_over(problem, prior_logits, config)
        self.unseen: UnseenTissue = unseen_tissue(problem, config)
        self.residual: ResidualProcess = fit_residual(problem, self._prior, config)

    def facts(self) -> dict[str, Any]:
        """How the fits of residual and projection went, ready for JSON.

        Returns:
            `converged` and `iterations` of the residual, its `inducing_points`, `active_nodes` and `residual_seconds`;
            `pixels`, `labels` or `fractions`; `beside`, what stands beside the network in the prior mean;
            `unsettled_pixels`, the groups whose projection
            did not settle, in the map or in the worst of the draws made so far; `unseen_nodes`, beyond what the pixels
            vouch for, and `base_rate`, the scar probability far from them.
        """
        residual = self.residual
        _ = self._shown
        return {
            "converged": residual.converged,
            "iterations": residual.iterations,
            "inducing_points": len(residual.mode),
            "active_nodes": len(residual.nodes),
            "residual_seconds": round(residual.seconds, 3),
            "pixels": "labels" if self._problem.hard_labels else "fractions",
            "beside": self._beside,
            "unsettled_pixels": self._unsettled,
            "unseen_nodes": int((self.unseen.nodes < self._nodes).sum()),
            "base_rate": round(float(self.unseen.base.mean(np.zeros(1, dtype=bool))[0]), 4),
        }

    @property
    def probability(self) -> NodeValues:
        """Scar probability at every node, 0 to 1, shape (nodes,), float32."""
        return self.unseen.faded(self._shown)[: self._nodes].astype(np.float32)

    @cached_property
    def _shown(self) -> NodeValues:
        """What the slices show, carried on everywhere: the probability but for its fading, at nodes and points."""
        logits = self._prior.astype(np.float64)
        logits[self.residual.nodes] += self.residual.mean()
        if self._projection != "none":
            groups = self._problem.groups
            carrier = ShiftCarrier(self._problem.nodes_mm, groups.node_order, groups.group_offsets, self._reach_mm)
            everything = np.arange(self._problem.n_groups)
            self._project(logits, groups.node_order, groups.group_offsets, everything, self._problem.targets, carrier)
        return expit(logits).astype(np.float32)

    def draws(self, number: int, seed: int) -> Iterator[NodeValues]:
        """Possible scar maps.

        Args:
            number: How many.
            seed: Seed of the draws.

        Yields:
            1 at scarred nodes, else 0, shape (nodes,), float32; the same in all of them where slices show no scar near
            by.
        """
        unseen, shown = self.unseen.nodes, self._shown[self.unseen.nodes]
        drawn = np.zeros(len(self._prior), dtype=bool)
        drawn[self.residual.nodes] = True
        drawn = drawn[unseen]
        # another stream of random numbers: what lies beyond the slices changes nothing of the draws within them
        beyond = self.unseen.draws(number, np.random.default_rng([seed, 1]))
        for values, (continues, level, share) in zip(self._shown_draws(number, seed), beyond, strict=True):
            scar = level < np.where(continues, shown, share)
            values[unseen] = np.where(continues & drawn, values[unseen], scar)
            yield values[: self._nodes]

    def _shown_draws(self, number: int, seed: int) -> Iterator[NodeValues]:
        """Draws of what the slices show, carried on everywhere."""
        rng = np.random.default_rng(seed)
        near, targets = self.residual.nodes, self._problem.targets[self.residual.groups]
        settled = (logit(np.clip(self._shown, 1e-6, 1 - 1e-6)) >= self._cut).astype(np.float32)
        if len(near) == 0:
            yield from (settled.copy() for _ in range(number))
            return
        drawn = self.residual.draws(number, rng)
        unresolved = RandomFunctions(number, self._config.discrepancy_mm, rng).at(self._problem.nodes_mm[near])
        drawn += np.multiply(unresolved, self._config.discrepancy_sd, out=unresolved)
        del unresolved
        drawn += self._prior[near]
        row, offsets, carrier = self._observed_nearby
        share = self._config.shared_error
        own_sd = np.sqrt((1 - share**2) * pixel_variance(targets, offsets, noise_sd=self._noise_sd))
        # an error that all pixels share leaves those alone that are all scar or all alive
        shared_sd = share * self._noise_sd * 2 * np.sqrt(targets * (1 - targets))
        for logits in drawn:
            if self._projection != "none":
                seen = targets
                if self._projection == "soft":  # the pixel itself may be wrong by so much
                    error = own_sd * rng.standard_normal(len(targets)) + shared_sd * rng.standard_normal()
                    seen = np.clip(targets + error, 0, 1)
                self._project(logits, row, offsets, self.residual.groups, seen, carrier)
            values = settled.copy()
            values[near] = logits >= self._cut
            yield values

    def _project(
        self,
        logits: NodeValues,
        row: np.ndarray,
        offsets: GroupOffsets,
        groups: np.ndarray,
        seen: GroupValues,
        carrier: ShiftCarrier,
    ) -> None:
        """Shift the logits of observed nodes (at `row`, in group order) towards the pixels, and carry on, in place."""
        variance = None
        if self._projection == "soft":
            variance = pixel_variance(self._problem.targets[groups], offsets, noise_sd=self._noise_sd)
        unsettled = shift_to_pixels(logits, row, offsets, seen, carrier, variance=variance)
        self._unsettled = max(self._unsettled, unsettled)

    @cached_property
    def _observed_nearby(self) -> tuple[np.ndarray, GroupOffsets, ShiftCarrier]:
        """Where the nodes of the active groups stand among the active nodes, their offsets, and their carrier."""
        groups, residual = self._problem.groups, self.residual
        sizes = np.diff(groups.group_offsets)[residual.groups]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        members = groups.node_order[ranges(groups.group_offsets[residual.groups], sizes)]
        row = np.searchsorted(residual.nodes, members)
        return row, offsets, ShiftCarrier(self._problem.nodes_mm[residual.nodes], row, offsets, self._reach_mm)
