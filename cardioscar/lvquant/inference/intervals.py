r"""Intervals of 90 %: what a network's own spread says, and what it does not know of itself.

The half width is $\sqrt{(1.645\,s)^2 + c^2}$, with the deviation $s$ of this subject, by views and by the two ways to
measure, and a term $c$ that is fitted on subjects whose truth is known. With $c$ as the right order statistic, nine in
ten further subjects that are like them lie inside, whatever the errors' distribution: the half width grows with $c$, so
that the least $c$ which holds a subject is a score of split conformal prediction [@vovk2005].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError

COVERAGE = 0.9
_NORMAL = 1.6448536269514722
"""Deviations within which 90 % of normal errors lie."""


@dataclass(frozen=True)
class Quantity:
    """A number with its 90 % interval, all in the unit that its name states.

    Attributes:
        value: Measured from the segmentation.
        low: Lower end.
        high: Upper end.
        deviation: The network's own spread.
        regressed: What its heads say; None where they say nothing of it.
    """

    value: float
    low: float
    high: float
    deviation: float
    regressed: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Terms fitted on subjects whose truth is known.

    Attributes:
        terms: Of each quantity by name, in its unit.
        subjects: Number of subjects of each fit; 0 where nothing was fitted.
    """

    terms: dict[str, float] = field(default_factory=dict)
    subjects: int = 0


def deviation(views: Float[np.ndarray, " views"], value: float = math.nan, regressed: float | None = None) -> float:
    """Spread of a quantity: over views, and half of what the two ways to measure it differ by.

    Args:
        views: The quantity by each view; one view has no spread.
        value: Measured from the segmentation.
        regressed: From the heads; None where there is one way alone.

    >>> round(deviation(np.array([1.0, 3.0]), 2.0, 6.0), 3)
    2.449
    """
    known = views[np.isfinite(views)]
    over_views = float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
    ways = 0.0 if regressed is None else (regressed - value) / 2
    return math.sqrt(over_views + ways**2)


def quantity(
    value: float, spread: float, term: float, *, regressed: float | None = None, least: float = -math.inf
) -> Quantity:
    """A number and its interval.

    Args:
        value: The number.
        spread: Its `deviation`.
        term: The calibrated term; 0 where nothing was fitted.
        regressed: What the heads say.
        least: Least value that is possible.
    """
    half = math.hypot(_NORMAL * spread, term)
    return Quantity(value, max(value - half, least), value + half, spread, regressed)


def fit_term(
    errors: Float[np.ndarray, " subjects"], deviations: Float[np.ndarray, " subjects"], *, coverage: float = COVERAGE
) -> float:
    r"""The term with which the intervals of new subjects hold the truth.

    It is the $\lceil (n+1)\,0.9 \rceil$-th smallest of the least terms that would have held each subject.

    Args:
        errors: Number minus truth of each subject.
        deviations: Its `deviation`.
        coverage: Share of subjects that shall be held.

    Raises:
        InputError: If there are too few subjects for the coverage (nine for 90 %), or numbers are not finite.

    >>> fit_term(np.arange(1.0, 10), np.zeros(9))
    9.0
    """
    rank = math.ceil((len(errors) + 1) * coverage - 1e-9)
    if rank > len(errors):
        least = math.ceil(coverage / (1 - coverage) - 1e-9)
        raise InputError("calibration", f"at least {least} subjects for {coverage:.0%}", str(len(errors)))
    if not (np.isfinite(errors).all() and np.isfinite(deviations).all()):
        raise InputError("calibration", "finite errors and deviations", "others")
    needed = np.sqrt(np.clip(np.square(errors) - np.square(_NORMAL * deviations), 0, None))
    return float(np.sort(needed)[rank - 1])


def fit_calibration(
    found: Sequence[Mapping[str, Quantity]], truth: Sequence[Mapping[str, float]], *, coverage: float = COVERAGE
) -> Calibration:
    """Fit a term for each quantity whose truth is known of every subject.

    Args:
        found: Quantities of each subject by name, without or with other calibration.
        truth: True values by name, subject by subject.
        coverage: Share of subjects that shall be held.

    Raises:
        InputError: If there are too few subjects, or nothing is known of all of them.
    """
    pairs = list(zip(found, truth, strict=True))
    names = sorted(set.intersection(*({*f} & {*t} for f, t in pairs))) if pairs else []
    if not names:
        raise InputError("calibration", "a quantity that is known of every subject", "none")
    terms = {}
    for name in names:
        errors = np.array([f[name].value - t[name] for f, t in pairs])
        terms[name] = fit_term(errors, np.array([f[name].deviation for f, _ in pairs]), coverage=coverage)
    return Calibration(terms, len(pairs))
