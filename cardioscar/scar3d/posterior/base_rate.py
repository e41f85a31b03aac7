r"""How much scar tissue has that no slice shows: what hearts have, and what this heart's slices say.

The share of the wall that is scar in hearts with an infarct has a beta distribution. The wall that was seen counts as
so many patches of the size of a scar region, each scar or not, so the share of this heart is drawn towards what was
seen (beta-binomial). Beyond the scar that goes on from the slices, unseen tissue has scar of its own in one heart of
two, and no more: most infarcts are one region. Where the slices show no scar at all, there may be none anywhere, or it
may be hidden; Bayes' theorem weighs the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, betaln

from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.types import NodeMask, NodeValues

SCARLESS = 1e-3
"""A seen share of scar below this is none: rounding, or a stray pixel."""


@dataclass(frozen=True)
class BaseRate:
    """Scar of unseen tissue far from what the slices show.

    Attributes:
        own: Probability that it has scar of its own, 0 to 1.
        own_apical: The same beyond the last slice towards the apex.
        alpha: First parameter of the beta distribution of the share that is scar, where it has.
        beta: Second parameter.
    """

    own: float
    own_apical: float
    alpha: float
    beta: float

    def mean(self, apical: NodeMask) -> NodeValues:
        """Probability that a place is scar, 0 to 1; for places towards the apex (True) and elsewhere."""
        return np.where(apical, self.own_apical, self.own) * self.alpha / (self.alpha + self.beta)

    def draws(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Shares of possible hearts elsewhere and towards the apex, 0 to 1, shape (number, 2).

        They are spread evenly over the distribution, so that few draws have its mean.
        """
        own, quantile = evenly(number, rng), evenly(number, rng)
        share = betaincinv(self.alpha, self.beta, quantile)
        return np.where(own[:, None] < [self.own, self.own_apical], share[:, None], 0.0)


def evenly(number: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers from 0 to below 1 at equal distances, in random order (systematic sampling), shape (number,).

    >>> np.diff(np.sort(evenly(4, np.random.default_rng(0)))).round(9).tolist()
    [0.25, 0.25, 0.25]
    """
    return rng.permutation((np.arange(number) + rng.random()) / number)


def base_rate(seen_share: float, seen_ml: float, config: PosteriorConfig) -> BaseRate:
    """Base rate of a heart from the wall that its slices show.

    Args:
        seen_share: Scar's share of that wall, 0 to 1.
        seen_ml: Volume of that wall in ml.
        config: Settings; `scar_share` is the mean share in hearts with an infarct, `scar_share_ml` the volume of wall
            whose own share counts as much as that, `region_ml` the volume that counts as one patch.

    Returns:
        The base rate.

    >>> places = np.array([False, True])
    >>> base_rate(0.1, 100.0, PosteriorConfig()).mean(places).round(3).tolist()
    [0.072, 0.109]
    >>> base_rate(0.0, 100.0, PosteriorConfig()).mean(places).round(3).tolist()
    [0.007, 0.007]
    """
    weight, patches = config.scar_share_ml / config.region_ml, seen_ml / config.region_ml
    alpha, beta = config.scar_share * weight, (1 - config.scar_share) * weight
    own, own_apical = config.own_scar, config.own_scar_apical
    if seen_share < SCARLESS:
        hidden = float(np.exp(betaln(alpha, beta + patches) - betaln(alpha, beta)))  # an infarct that none of it shows
        own = own_apical = config.infarct * hidden / (1 - config.infarct + config.infarct * hidden)
    return BaseRate(own, own_apical, alpha + patches * seen_share, beta + patches * (1 - seen_share))
