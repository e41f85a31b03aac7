"""The interval of an onset: as wide as slices that no network was trained on have shown that it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.activation.network.ensemble import Ensemble, Opinion
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.errors import ConfigError, InputError


@dataclass(frozen=True)
class IntervalScale:
    r"""How wide intervals are: $\hat t \pm q\,(s + s_0)$ with the spread $s$ of the networks.

    Attributes:
        level: Share of onsets that lie within, in the mean over new slices: at least this.
        floor_ms: $s_0$: networks that agree are no proof.
        living: $q$ of sectors that are called living.
        scarred: $q$ of sectors that are called scarred.
    """

    level: float
    floor_ms: float
    living: float
    scarred: float


@dataclass(frozen=True, eq=False)
class CalibratedEnsemble:
    """Networks whose onsets have an interval."""

    ensemble: Ensemble
    scale: IntervalScale

    def predict(self, one: StrainSlice) -> SectorOnsets:
        """Onsets, intervals and classes, in the slice's own number of sectors.

        Args:
            one: As `check_strain` wants it.
        """
        found, scale = self.ensemble.opinion(one), self.scale
        half = np.where(_scarred(found), scale.scarred, scale.living) * (found.spread_ms + scale.floor_ms)
        # nobody sees an onset before the first frame, so none is said to lie there
        low = np.maximum(found.tos_ms - half, one.frame_ms[0])
        return SectorOnsets(found.tos_ms, low, found.tos_ms + half, found.classes).with_sectors(one.sectors)


def calibrate_interval(ensemble: Ensemble, slices: Sequence[StrainSlice], *, level: float = 0.9) -> IntervalScale:
    """Find how wide intervals must be, by split conformal prediction for sectors that come in slices [@lee2023].

    Each slice counts as one, however its sectors agree, and one more slice whose errors are without bound stands for
    the new one: that makes the mean coverage over new slices of the same kind no less than the level.

    Args:
        ensemble: Networks.
        slices: With `tos_ms`, one of a heart, on which nothing was trained or chosen.
        level: Share of onsets to lie within.

    Raises:
        ConfigError: If the level is no share.
        InputError: If an onset is not known, or slices are too few for the level.
    """
    if not 0 < level < 1:
        raise ConfigError("level", "a share above 0 and below 1", f"{level:g}")
    fewest = int(np.ceil(level / (1 - level) - 1e-9))
    if len(slices) < fewest:
        raise InputError("slices", f"{fewest} slices and more to calibrate on", str(len(slices)))
    opinions, errors = [], []
    for one in slices:
        if one.tos_ms is None:
            raise InputError(one.source, "a known time of onset (tos_ms)", "none")
        opinions.append(ensemble.opinion(one))
        errors.append(np.abs(opinions[-1].tos_ms - one.with_sectors(SECTORS).tos_ms))
    spreads = np.array([one.spread_ms for one in opinions])
    # networks apart by less than their median spread are no better than it
    floor_ms = max(float(np.median(spreads)), 1.0)
    scores = np.array(errors) / (spreads + floor_ms)
    scarred = np.array([_scarred(one) for one in opinions])
    everywhere = np.ones_like(scarred)
    living = _quantile(scores, ~scarred, level) or _quantile(scores, everywhere, level)
    # scars are seldom: where too few slices have one, the scale is that of all sectors if it is the wider
    rest = max(living, _quantile(scores, everywhere, level))
    return IntervalScale(level, floor_ms, living, _quantile(scores, scarred, level) or rest)


def coverage(found: Sequence[SectorOnsets], tos_ms: Sequence[Float[np.ndarray, " sectors"]]) -> float:
    """Share of true onsets within their interval, each slice counting alike.

    Args:
        found: One for each slice.
        tos_ms: True onsets.
    """
    inside = [
        float(((true >= one.low_ms) & (true <= one.high_ms)).mean()) for one, true in zip(found, tos_ms, strict=True)
    ]
    return float(np.mean(inside))


def _scarred(opinion: Opinion) -> Bool[np.ndarray, " sectors"]:
    return opinion.classes == SectorClass.SCARRED


def _quantile(
    scores: Float[np.ndarray, "slices sectors"], chosen: Bool[np.ndarray, "slices sectors"], level: float
) -> float:
    """Quantile over chosen sectors, each slice that has some weighing the same; 0 where there are too few slices."""
    count = chosen.sum(axis=1)
    slices = int((count > 0).sum())
    weights = (chosen / np.maximum(count, 1)[:, None])[chosen] / (slices + 1)
    order = np.argsort(scores[chosen])
    reached = np.flatnonzero(np.cumsum(weights[order]) >= level - 1e-9)
    return float(scores[chosen][order][reached[0]]) if len(reached) else 0.0
