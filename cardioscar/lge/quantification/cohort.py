"""Figures of a cohort: overlap and distance by median and quartiles, agreement of volumes, honesty of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cardioscar.errors import InputError
from cardioscar.lge.quantification.case import RegionScore
from cardioscar.metrics.agreement import (
    BlandAltman,
    IntraclassCorrelation,
    bland_altman,
    coefficient_of_variation_percent,
    icc_2_1,
    pearson,
)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a figure.

    Attributes:
        median: NaN where no subject has it.
        lower: First quartile.
        upper: Third quartile.
        mean: Mean.
        subjects: Subjects that have it.
    """

    median: float
    lower: float
    upper: float
    mean: float
    subjects: int


@dataclass(frozen=True)
class SubjectFigures:
    """What is known of a subject.

    Attributes:
        scores: By region, see `case.scored`.
        crps_ml: CRPS of its scar volume; None without draws.
        covered: Whether the true scar volume lies in its interval; None without one.
    """

    scores: dict[str, RegionScore]
    crps_ml: float | None = None
    covered: bool | None = None


@dataclass(frozen=True)
class CohortFigures:
    """A cohort in figures.

    Attributes:
        subjects: How many.
        dice: By region. Subjects that neither side gives the region are left out, and counted for scar in `both_empty`.
        hd95_mm: By region; subjects of which a side lacks it are left out.
        both_empty: Subjects without scar that were found to have none.
        missed: Subjects with scar in whom none was found; their Dice is 0.
        invented: Subjects without scar in whom some was found; their Dice is 0.
        scar_bland_altman_ml: Found minus true scar volume; None for fewer than three subjects, as the following.
        fraction_bland_altman: The same of the share of the wall, in percent points.
        scar_cov_percent: Coefficient of variation of the scar volume; NaN where nobody has any.
        scar_pearson: Correlation of the scar volumes; NaN where all are the same.
        scar_icc: Their ICC(2,1).
        crps_ml: CRPS of the scar volume.
        coverage: Share of subjects whose true scar lies in its interval; None where none has one.
    """

    subjects: int
    dice: dict[str, Spread]
    hd95_mm: dict[str, Spread]
    both_empty: int
    missed: int
    invented: int
    scar_bland_altman_ml: BlandAltman | None
    fraction_bland_altman: BlandAltman | None
    scar_cov_percent: float | None
    scar_pearson: float | None
    scar_icc: IntraclassCorrelation | None
    crps_ml: Spread
    coverage: float | None


def cohort_figures(subjects: Sequence[SubjectFigures]) -> CohortFigures:
    """Put a cohort's subjects together.

    Args:
        subjects: At least one.

    Raises:
        InputError: If there is none.
    """
    if not subjects:
        raise InputError("cohort", "at least one subject", "none")
    scar = [one.scores["scar"] for one in subjects]
    walls = [one.scores["wall"] for one in subjects]
    truth, found = np.array([one.truth_ml for one in scar]), np.array([one.found_ml for one in scar])
    shares = [
        100 * np.array([ml / size if size > 0 else 0.0 for ml, size in zip(side, sizes, strict=True)])
        for side, sizes in ((truth, [w.truth_ml for w in walls]), (found, [w.found_ml for w in walls]))
    ]
    enough = len(subjects) >= 3
    covered = [one.covered for one in subjects if one.covered is not None]
    return CohortFigures(
        subjects=len(subjects),
        dice={name: spread([one.scores[name].dice for one in subjects]) for name in subjects[0].scores},
        hd95_mm={name: spread([one.scores[name].hd95_mm for one in subjects]) for name in subjects[0].scores},
        both_empty=int(((truth == 0) & (found == 0)).sum()),
        missed=int(((truth > 0) & (found == 0)).sum()),
        invented=int(((truth == 0) & (found > 0)).sum()),
        scar_bland_altman_ml=bland_altman(truth, found) if enough else None,
        fraction_bland_altman=bland_altman(*shares) if enough else None,
        scar_cov_percent=coefficient_of_variation_percent(truth, found) if enough else None,
        scar_pearson=pearson(truth, found) if enough else None,
        scar_icc=icc_2_1(np.column_stack([truth, found])) if enough else None,
        crps_ml=spread([np.nan if one.crps_ml is None else one.crps_ml for one in subjects]),
        coverage=float(np.mean(covered)) if covered else None,
    )


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles of what is not NaN.

    >>> spread([0.9, 0.7, float("nan"), 0.8]).median
    0.8
    """
    known = np.array([one for one in values if not np.isnan(one)])
    if not len(known):
        nan = float("nan")
        return Spread(nan, nan, nan, nan, 0)
    lower, median, upper = (float(one) for one in np.percentile(known, [25, 50, 75]))
    return Spread(median, lower, upper, float(known.mean()), len(known))
