"""Segmentations of a cohort beside their truth: each subject's scores, and the figures of all together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.imaging.labels import Label
from cardioscar.lge.quantification.case import RegionScore, scored
from cardioscar.lge.quantification.cohort import CohortFigures, SubjectFigures, cohort_figures, spread
from cardioscar.lge.quantification.crps import crps
from cardioscar.lge.quantification.draws import near_heart
from cardioscar.metrics.calibration import expected_calibration_error

EMPTY_RULE = (
    "Where neither truth nor segmentation has a region its Dice is undefined and left out of median and mean, and the "
    "subject is counted apart; where one side alone has it Dice is 0. HD95 is undefined where a side is empty."
)
"""How empty is scored against empty."""


@dataclass(frozen=True)
class SubjectScore:
    """A subject beside its truth.

    Attributes:
        subject: Its id.
        regions: Scores of `wall`, `cavity` and `scar`.
        ece: Expected calibration error of the scar probability within 10 mm of the true heart; None without one.
        crps_ml: CRPS of the scar volume; None without draws.
        interval_ml: Interval of the scar volume; None without one.
    """

    subject: str
    regions: Mapping[str, RegionScore]
    ece: float | None = None
    crps_ml: float | None = None
    interval_ml: tuple[float, float] | None = None

    @property
    def covered(self) -> bool | None:
        """Whether the true scar volume lies in its interval."""
        if self.interval_ml is None:
            return None
        return self.interval_ml[0] <= self.regions["scar"].truth_ml <= self.interval_ml[1]


def score_subject(
    subject: str,
    truth: UInt8[np.ndarray, "i j slices"],
    found: UInt8[np.ndarray, "i j slices"],
    spacing_mm: Float[np.ndarray, " axes"],
    *,
    probability: Float[np.ndarray, "i j slices"] | None = None,
    draws_ml: Sequence[float] = (),
    interval_ml: tuple[float, float] | None = None,
    labelled_slices: bool = False,
) -> SubjectScore:
    """Score a subject.

    Args:
        subject: Its id.
        truth: `Label` of each voxel, slices last.
        found: Likewise.
        spacing_mm: Voxel size.
        probability: Scar probability.
        draws_ml: Scar volume in possible hearts.
        interval_ml: Interval of the scar volume.
        labelled_slices: Score slices alone in which the truth labels something: some readers stop at the valve plane,
            and what lies beyond is then neither right nor wrong. Volumes are of these slices too, and so what is said
            of the whole heart (draws, interval) is left out.

    Raises:
        InputError: If shapes differ.
    """
    whole = truth
    if labelled_slices:
        shown = (truth != Label.BACKGROUND).any(axis=(0, 1))
        truth, found = truth[..., shown], found[..., shown]
        probability = None if probability is None else probability[..., shown]
        if not shown.all() and (whole != Label.BACKGROUND).any():
            draws_ml, interval_ml = (), None
    regions = scored(truth, found, spacing_mm)
    near = near_heart(truth, spacing_mm)
    ece = None
    if probability is not None and near.any():
        ece = expected_calibration_error(
            (truth[near] == Label.SCAR).astype(float), np.clip(probability[near].astype(float), 0, 1)
        )
    return SubjectScore(
        subject,
        regions,
        ece,
        crps(np.asarray(draws_ml, dtype=float), regions["scar"].truth_ml) if len(draws_ml) else None,
        interval_ml,
    )


def figures_of(scores: Sequence[SubjectScore]) -> CohortFigures:
    """Figures of a cohort; at least one subject."""
    return cohort_figures([SubjectFigures(dict(one.regions), one.crps_ml, one.covered) for one in scores])


def row_of(score: SubjectScore) -> dict[str, Any]:
    """A subject as a flat row; None where a number is undefined."""
    low, high = score.interval_ml or (None, None)
    regions = score.regions
    return {
        "subject": score.subject,
        **{f"dice_{name}": _known(one.dice) for name, one in regions.items()},
        **{f"hd95_{name}_mm": _known(one.hd95_mm) for name, one in regions.items()},
        **{f"true_{name}_ml": round(one.truth_ml, 4) for name, one in regions.items()},
        **{f"found_{name}_ml": round(one.found_ml, 4) for name, one in regions.items()},
        "scar_ml_low": low,
        "scar_ml_high": high,
        "in_interval": score.covered,
        "crps_ml": _known(score.crps_ml),
        "ece": _known(score.ece),
    }


def summary_of(scores: Sequence[SubjectScore]) -> dict[str, Any]:
    """Figures of a cohort as plain numbers, None where undefined."""
    found = asdict(figures_of(scores))
    found["ece"] = asdict(spread([math.nan if one.ece is None else one.ece for one in scores]))
    plain: dict[str, Any] = _plain(found)
    return plain


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 5)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return _known(value) if isinstance(value, float) else value
