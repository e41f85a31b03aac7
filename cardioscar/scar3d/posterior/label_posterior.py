r"""The posterior where pixels are labels drawn by hand: a calibrated prior ▸ projection ▸ level sets of random fields.

A hand draws each slice by itself, so a pixel is no measurement of a fraction, and what matters lies between the slices.
There the prior is a probability p that was learned for such slices, see `scar3d.wall_prior`. A draw is scar where a
random field, uniform from 0 to 1 at each place, lies below p: each place is scar in the share p of the draws, and
neighbours within the field's length are so together, which is what makes the scar area of a whole slice uncertain.

A probability below one half everywhere in a gap that is expected to hold scar would show none there. The map is
therefore brought to one half where its level set encloses the volume that is expected, and left alone elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit

from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.observation.refinement import refine
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.projection import LIMIT, ShiftCarrier, pixel_variance, shift_to_pixels
from cardioscar.scar3d.posterior.unseen_tissue import RegionFields, UnseenTissue, unseen_tissue
from cardioscar.types import NodeMask, NodeValues

Projection = Literal["soft", "hard", "none"]

LEVEL_RANGE = (0.3, 0.6)
"""Probabilities within which the level that encloses the expected volume is looked for."""
BUMP_LOGITS = 0.5
"""Width of the change of the map about that level, in logits: with it the map stays rising with the probability."""
SETTLED = 1e-3
"""A place of a probability this near to 0 or 1 is the same in all draws."""


class LabelPosterior:
    """Scar probability at every node, and draws of whole maps, from hand-drawn labels.

    Args:
        problem: Nodes, groups and slices.
        prior_logits: Calibrated scar logit at all nodes, shape (nodes,), see `prior_mean`.
        config: Settings; those of the residual process are not used.
        projection: As for `ScarPosterior`, as are the following.
        reach_mm: How far the projection's shifts reach into tissue between slices, in mm.
        threshold: Probability from which a node is scar: draws are cut as the map is.
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
        self._problem, self._config, self._cut = problem, config, float(logit(threshold))
        self._projection, self._reach_mm = projection, reach_mm if projection != "none" else 0.0
        self._unsettled, self._beside = 0, beside
        self._prior = np.clip(np.asarray(prior_logits, dtype=np.float32), -LIMIT, LIMIT)
        self.unseen: UnseenTissue = unseen_tissue(problem, config)

    def facts(self) -> dict[str, Any]:
        """How the projection went, ready for JSON.

        Returns:
            `pixels`, `labels`; `beside`, what stands beside the network in the prior mean; `unsettled_pixels`, the
            groups whose projection did not settle; `unseen_nodes`, beyond what the pixels vouch for, and `base_rate`,
            the scar probability far from them; `gap_level`, the probability whose level set encloses the expected
            volume between the slices.
        """
        _ = self.expected
        return {
            "pixels": "labels",
            "beside": self._beside,
            "unsettled_pixels": self._unsettled,
            "unseen_nodes": int((self.unseen.nodes < self._nodes).sum()),
            "base_rate": round(float(self.unseen.base.mean(np.zeros(1, dtype=bool))[0]), 4),
            "gap_level": round(self._gap_level, 4),
        }

    @property
    def probability(self) -> NodeValues:
        """Scar probability at every node, 0 to 1, shape (nodes,), float32.

        Between the slices its level set at one half encloses the expected volume, see `at_level`.
        """
        found = self.expected.copy()
        gap = self._gap
        found[gap] = at_level(found[gap], self._gap_level)
        return found[: self._nodes]

    @cached_property
    def expected(self) -> NodeValues:
        """Share of the draws in which each node is scar, 0 to 1, shape (nodes,), float32."""
        return self.unseen.faded(self._shown).astype(np.float32)

    @cached_property
    def _shown(self) -> NodeValues:
        """What the slices show, carried on everywhere: the probability but for its fading."""
        logits = self._prior.astype(np.float64)
        if self._projection != "none":
            groups = self._problem.groups
            carrier = ShiftCarrier(self._problem.nodes_mm, groups.node_order, groups.group_offsets, self._reach_mm)
            variance = None
            if self._projection == "soft":
                noise_sd = self._config.pixel_sd(hard_labels=True)
                variance = pixel_variance(self._problem.targets, groups.group_offsets, noise_sd=noise_sd)
            self._unsettled = shift_to_pixels(
                logits, groups.node_order, groups.group_offsets, self._problem.targets, carrier, variance=variance
            )
        return expit(logits).astype(np.float32)

    @cached_property
    def _gap(self) -> NodeMask:
        """Nodes that no pixel sees, shape (nodes,)."""
        gap = np.ones(len(self._prior), dtype=bool)
        gap[self._problem.groups.node_order] = False
        return gap

    @cached_property
    def _gap_level(self) -> float:
        return level_of_volume(self.expected[self._gap])

    def draws(self, number: int, seed: int) -> Iterator[NodeValues]:
        """Possible scar maps.

        Args:
            number: How many.
            seed: Seed of the draws.

        Yields:
            1 at scarred nodes, else 0, shape (nodes,), float32.
        """
        unseen = self.unseen.nodes
        shown = expit(logit(np.clip(self._shown, 1e-6, 1 - 1e-6)) - self._cut)
        settled = (shown >= 0.5).astype(np.float32)
        open_ = np.flatnonzero((shown > SETTLED) & (shown < 1 - SETTLED))
        fields = RegionFields(self._problem.nodes_mm[open_], self._config.label_region_mm)
        levels = fields.draws(number, np.random.default_rng(seed))
        beyond = self.unseen.draws(number, np.random.default_rng([seed, 1]))
        for level, (continues, own, share) in zip(levels, beyond, strict=True):
            values = settled.copy()
            values[open_] = level < shown[open_]
            values[unseen] = np.where(continues, values[unseen], own < share)
            yield values[: self._nodes]


def level_of_volume(probability: NodeValues) -> float:
    """The probability whose level set encloses the expected volume of scar.

    Args:
        probability: Scar probability of equal parts of tissue, 0 to 1, shape (parts,).

    Returns:
        Within `LEVEL_RANGE`; one half where no part is expected to be scar.

    >>> level_of_volume(np.array([0.4, 0.4, 0.1, 0.1]))
    0.4
    """
    falling = np.sort(np.asarray(probability, dtype=np.float64))[::-1]
    enclosed = round(float(falling.sum()))
    level = float(falling[enclosed - 1]) if enclosed > 0 else 0.5
    return float(np.clip(level, *LEVEL_RANGE))


def at_level(probability: NodeValues, level: float) -> NodeValues:
    """Bring a probability to one half at a level, and leave it alone away from it; rising all the way.

    Args:
        probability: 0 to 1, any shape.
        level: The probability that becomes one half.

    Returns:
        0 to 1, float32, the same shape.
    """
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1 - 1e-9)
    away = (logit(p) - logit(level)) / BUMP_LOGITS
    # what reaches the level exactly is scar: rounding must not put it below one half
    raised = p + (0.5 - level) * np.exp(-0.5 * away**2) + 1e-7
    return np.clip(raised, 0, 1).astype(np.float32)
