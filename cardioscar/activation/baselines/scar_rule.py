"""Scar by its strain: a sector that shortens by little against the best of its slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from cardioscar.activation.baselines.smoothing import curves_of
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_class import without_spikes
from cardioscar.errors import InputError

_BEST = 0.8
"""Quantile of the sectors' shortening that stands for living wall."""
_SHARES = np.linspace(0.2, 0.8, 25)


@dataclass(frozen=True)
class ScarRule:
    """A threshold on peak shortening."""

    share: float = 0.5
    """Share of the shortening of living wall below which a sector is scarred."""
    shortest_deg: float = 14.0
    """Scars and gaps that are narrower are none."""

    def scarred(self, one: StrainSlice) -> Bool[np.ndarray, " sectors"]:
        """Whether each sector is scarred."""
        shortening = curves_of(one).shortening
        return without_spikes(shortening < self.share * np.quantile(shortening, _BEST), self.shortest_deg)


def fitted_scar_rule(slices: Sequence[StrainSlice]) -> ScarRule:
    """The rule whose share tells most sectors of some slices right, scarred and living sectors counting alike.

    Args:
        slices: Whose `scarred` is known; none that the rule is judged by.

    Raises:
        InputError: If they have no scarred, or no living, sector.
    """
    known = [one for one in slices if one.scarred is not None]
    truth = (
        np.concatenate([one.scarred for one in known if one.scarred is not None]) if known else np.zeros(0, dtype=bool)
    )
    if not truth.any() or truth.all():
        raise InputError("slices", "slices with scarred and with living sectors", "others")
    right = []
    for share in _SHARES:
        found = np.concatenate([ScarRule(float(share)).scarred(one) for one in known])
        right.append((found[truth].mean() + (~found[~truth]).mean()) / 2)
    return ScarRule(float(_SHARES[int(np.argmax(right))]))
