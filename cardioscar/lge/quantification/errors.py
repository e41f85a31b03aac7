"""How a network's mistakes go together: length and common share, by the scar volumes of hearts whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import InputError
from cardioscar.imaging.affine import Affine
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.quantification.crps import crps
from cardioscar.lge.quantification.draws import drawn_volumes

REGIONS_MM, SHARES = (9.0, 18.0, 36.0), (0.0, 0.1, 0.25, 0.5)
LEAST_CASES = 5


@dataclass(frozen=True)
class Known:
    """A heart whose scar volume is known.

    Attributes:
        probability: Calibrated, of each label.
        frame: Place of the voxels.
        within: Voxels that may be of this heart.
        scar_ml: Its true scar.
    """

    probability: Float[np.ndarray, "classes i j slices"]
    frame: Affine
    within: Bool[np.ndarray, "i j slices"]
    scar_ml: float


@dataclass(frozen=True)
class Errors:
    """How mistakes go together.

    Attributes:
        config: The settings whose mean CRPS is smallest.
        crps_ml: That mean.
        coverage: Share of the hearts whose truth lies in the interval.
        cases: How many hearts.
    """

    config: QuantifyConfig
    crps_ml: float
    coverage: float
    cases: int


def fit_errors(cases: Sequence[Known], config: QuantifyConfig | None = None) -> Errors:
    """Choose length and common share by the CRPS of the scar volume [@gneiting2007].

    Args:
        cases: Hearts that the network has not learned from.
        config: What else holds.

    Raises:
        InputError: If there are fewer than `LEAST_CASES`.
    """
    if len(cases) < LEAST_CASES:
        raise InputError("cases", f"at least {LEAST_CASES} hearts", str(len(cases)))
    config = config or QuantifyConfig()
    tried = [
        _scored(cases, replace(config, region_mm=region, shared=share)) for region, share in product(REGIONS_MM, SHARES)
    ]
    return min(tried, key=lambda one: one.crps_ml)


def _scored(cases: Sequence[Known], config: QuantifyConfig) -> Errors:
    scores, inside = [], 0
    for number, case in enumerate(cases):
        part = np.zeros(case.within.shape, dtype=np.int64)
        own = replace(config, seed=config.seed + number)
        drawn = drawn_volumes(case.probability, case.frame, part, own, within=case.within).scar_ml[:, 0]
        scores.append(crps(drawn, case.scar_ml))
        low, high = np.quantile(drawn, [(1 - config.level) / 2, (1 + config.level) / 2])
        inside += bool(low <= case.scar_ml <= high)
    return Errors(config, float(np.mean(scores)), inside / len(cases), len(cases))
