r"""Tissue that no pixel speaks for: what the slices show fades with distance, and a base rate takes its place.

What the slices show goes on for a while, and then something else begins. In a possible heart the front between the two
lies at a random distance, farther than d with probability $c(d) = 1 / (1 + (d - d_0)/ℓ)$; beyond it lies scar of a rate
θ in regions of the size that scars have. So the probability of scar is $c\,p + (1 - c)\,θ$, and draws of whole hearts
agree with it. θ is the heart's base rate; between two slices far apart it is rather what the two show in the mean.
Between slices at the usual gaps c is 1, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from cardioscar.scar3d.observation.interpolation import linear, log_odds
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.base_rate import BaseRate, base_rate, evenly
from cardioscar.scar3d.posterior.grid_interpolation import trilinear
from cardioscar.scar3d.posterior.matern import RandomFunctions, matern52
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.projection import LIMIT
from cardioscar.types import NodeMask, NodeValues, Points

GRID_SHARE = 0.25
"""Edge of the grid that carries fields of scar regions, as a share of their length scale."""


@dataclass(frozen=True)
class UnseenTissue:
    """The nodes beyond what the pixels vouch for.

    Attributes:
        nodes: These nodes, shape (unseen,).
        apical: Whether each lies beyond the last slice towards the apex, shape (unseen,).
        continues: Probability that what the slices show goes on as far as each of them, 0 to below 1, shape (unseen,).
        between: Share with which the mean of the slices on either side stands for the base rate, 0 to 1, shape
            (unseen,).
        slices_mean: That mean, 0 to 1, shape (unseen,); 0 where it has no share.
        base: How much scar lies beyond.
        fields: Slowly varying random fields at these nodes.
    """

    nodes: np.ndarray
    apical: NodeMask
    continues: NodeValues
    between: NodeValues
    slices_mean: NodeValues
    base: BaseRate
    fields: RegionFields

    def faded(self, probability: NodeValues) -> NodeValues:
        """Scar probability where what the slices show has given way to what lies beyond, 0 to 1, shape (nodes,).

        Args:
            probability: What the slices show, carried on everywhere, 0 to 1, shape (nodes,).
        """
        result = probability.copy()
        beyond = self._beyond(self.base.mean(self.apical))
        result[self.nodes] = self.continues * probability[self.nodes] + (1 - self.continues) * beyond
        return result

    def draws(self, number: int, rng: np.random.Generator) -> Iterator[tuple[NodeMask, NodeValues, NodeValues]]:
        """Possible arrangements of unseen tissue.

        Args:
            number: How many.
            rng: Source of the draws.

        Yields:
            Whether what the slices show goes on as far as each unseen node; a level, uniform from 0 to 1, that varies
            slowly from place to place: tissue of scar probability p is scar where it is below p; and the probability of
            scar beyond the front. All of shape (unseen,).
        """
        shares = self.base.draws(number, rng)
        # scars go on for longer in some hearts than in others: over rates of exponential distribution the mean of
        # exp(-rate x) is 1 / (1 + x)
        rates, x = -np.log1p(-evenly(number, rng)), 1 / self.continues - 1
        fronts, levels = (self.fields.draws(number, rng) for _ in range(2))
        for front, level, share, rate in zip(fronts, levels, shares, rates, strict=True):
            yield front < np.exp(-rate * x), level, self._beyond(np.where(self.apical, share[1], share[0]))

    def _beyond(self, share: NodeValues) -> NodeValues:
        return self.between * self.slices_mean + (1 - self.between) * share


class RegionFields:
    """Random fields that are uniform from 0 to 1 at each place, and alike at places less than a scar region apart.

    Args:
        points_mm: Places, shape (points, 3).
        region_mm: Length scale (Matérn 5/2, turned into a uniform distribution), in mm.
    """

    def __init__(self, points_mm: Points, region_mm: float) -> None:
        self._region_mm, edge_mm = region_mm, GRID_SHARE * region_mm
        self._grid, self._weights = np.empty((0, 3)), sparse.csr_matrix((0, 0), dtype=np.float32)
        if len(points_mm) == 0:
            return
        self._grid, self._weights = trilinear(points_mm, edge_mm)
        corners = edge_mm * np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
        # interpolation flattens a field between grid points: what it takes of the variance is given back
        rows = self._weights.data.reshape(-1, 8)
        variance = np.einsum("ni,ij,nj->n", rows, matern52(corners, corners, region_mm), rows, optimize=True)
        self._weights.data = (rows / np.sqrt(variance)[:, None]).ravel()

    def draws(self, number: int, rng: np.random.Generator) -> Iterator[NodeValues]:
        """Random fields at the places, each of shape (points,), 0 to 1."""
        for field in RandomFunctions(number, self._region_mm, rng).at(self._grid):
            yield ndtr(self._weights @ field)


def unseen_tissue(problem: Problem, config: PosteriorConfig) -> UnseenTissue:
    """Find the nodes that pixels do not vouch for, and how much scar to expect there."""
    reach = problem.reach
    vouched_mm = config.vouched_mm(hard_labels=problem.hard_labels)
    nodes = np.flatnonzero(reach.bridged_mm > vouched_mm)
    nearest_mm, places = reach.nearest_mm[nodes], problem.nodes_mm[nodes]
    apical = (reach.end[nodes] == problem.apical_end) & (problem.apical_end != 0)
    half_go_on_mm = np.where(apical, config.continuation_apical_mm, config.continuation_mm)
    prism_ml = {s.number: s.prism_ml for s in problem.stack}
    seen_ml = problem.pixels * np.array([prism_ml[int(number)] for number in problem.slice_number])
    share = float(np.clip(seen_ml @ problem.targets / seen_ml.sum(), 0, 1))
    # the mean is known as well as from two places at that distance on either side (simple kriging, variogram as above)
    known = 1 - (nearest_mm / (nearest_mm + config.continuation_mm)) ** 2
    between = known * np.clip(2 * reach.between[nodes] - 1, 0, 1)
    slices_mean = np.zeros(len(nodes))
    slices_mean[between > 0] = linear(problem.stack, places[between > 0])
    return UnseenTissue(
        nodes=nodes,
        apical=apical,
        continues=1 / (1 + (reach.bridged_mm[nodes] - vouched_mm) / half_go_on_mm),
        between=between,
        slices_mean=slices_mean,
        base=base_rate(share, float(seen_ml.sum()), config),
        fields=RegionFields(places, config.region_mm),
    )


def handed_over(problem: Problem, prior_logits: NodeValues, config: PosteriorConfig) -> NodeValues:
    """Let interpolation take the place of the fitted network where that would extrapolate.

    A network is fitted to the pixels alone and goes on in straight lines beyond them; interpolation repeats the nearest
    slice. The two are as good as each other up to several millimetres from the pixels, and interpolation is better
    from there on.

    Args:
        problem: Nodes and slices.
        prior_logits: Prior mean of the scar logit, shape (nodes,).
        config: Settings; `handover_mm` are the distances at which interpolation begins to count and at which it is all.

    Returns:
        Prior mean of the scar logit, within ± `LIMIT`, shape (nodes,), float32.
    """
    logits = np.clip(np.asarray(prior_logits, dtype=np.float32), -LIMIT, LIMIT)
    first, last = config.handover_mm
    bridged_mm = problem.reach.bridged_mm
    far = np.flatnonzero(bridged_mm > first)
    if len(far):
        probability = np.clip(log_odds(problem.stack, problem.nodes_mm[far]), 1e-4, 1 - 1e-4)
        share = np.clip((bridged_mm[far] - first) / (last - first), 0, 1)
        logits[far] += share * (np.log(probability / (1 - probability)) - logits[far])
    return logits
