"""From a segmented stack to what `metrics.json` says of it: numbers, intervals, thresholds, doubt, verdict."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.imaging.labels import Label
from cardioscar.lge.inference.by_signal import ThresholdedScar, thresholded
from cardioscar.lge.inference.doubt import SliceDoubt, doubts
from cardioscar.lge.inference.segment import Segmentation
from cardioscar.lge.inference.segmenter import Segmenter
from cardioscar.lge.quantification.case import scored
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.quantification.measures import Quantified, SegmentScar, quantify
from cardioscar.lge.result import (
    ImageFacts,
    NetworkFacts,
    Quality,
    RegionResult,
    RuleResult,
    SegmentMetrics,
    SegmentResult,
    SliceResult,
    ThresholdResult,
)

UNUSABLE_DICE = 0.7
"""Expected Dice of wall or cavity below which a slice cannot be relied on: far below two readers' 0.9."""
FAIL_SHARE = 0.5
"""Share of the slices with a heart that cannot be relied on, above which the segmentation fails."""
WIDE = 1.0
"""Width of the interval of the scar volume, as a share of its mean, above which somebody should look."""
SMALL_ML = 1.0
"""Scar below which the width of its interval is no concern."""


@dataclass(frozen=True)
class Evidence:
    """A segmentation and all that was measured of it.

    Attributes:
        found: The segmentation.
        measured: Volumes with intervals.
        thresholds: FWHM and n-SD inside its wall.
        doubt: By slice.
        reference: `Label` of each voxel on the same ordered grid, where the subject came with labels.
    """

    found: Segmentation
    measured: Quantified
    thresholds: tuple[ThresholdedScar, ...]
    doubt: tuple[SliceDoubt, ...]
    reference: UInt8[np.ndarray, "i j slices"] | None = None


def evidence(
    found: Segmentation,
    config: QuantifyConfig,
    *,
    n_sd: float = 5.0,
    septum_direction: Float[np.ndarray, " xyz"] | None = None,
    reference: UInt8[np.ndarray, "i j slices"] | None = None,
) -> Evidence:
    """Measure a segmentation.

    Args:
        found: The segmentation.
        config: How intervals are made.
        n_sd: Standard deviations of n-SD.
        septum_direction: From the cavity to the middle of the septum, LPS.
        reference: Labels that came with the subject, on the ordered grid of the stack.

    Raises:
        InputError: If there is no wall.
        GeometryError: If the septum lies along the slices' normal.
    """
    image = found.grid.image
    measured = quantify(found.labels, found.probability, image, config, septum_direction=septum_direction)
    return Evidence(found, measured, thresholded(image, found.labels, n_sd=n_sd), doubts(found), reference)


def summary(
    subject: str,
    of: Evidence,
    segmenter: Segmenter,
    *,
    chosen: str | None = None,
    dicom: str | None = None,
    warnings: Sequence[str] = (),
) -> SegmentMetrics:
    """All that is said of a segmentation, with its verdict.

    Args:
        subject: Its id.
        of: What was measured.
        segmenter: What segmented.
        chosen: Which images of a folder were taken.
        dicom: What became of the DICOM segmentation.
        warnings: What was warned of.
    """
    found, measured = of.found, of.measured
    numbers = _numbers(found)
    scar, share, wall = measured.scar_ml, measured.scar_fraction_of_wall, measured.wall_ml
    slices = _slices(of)
    spacing = found.spacing_mm
    return SegmentMetrics(
        subject=subject,
        network=NetworkFacts(segmenter.name, segmenter.sha256, segmenter.calibrated, segmenter.temperature),
        image=ImageFacts(
            found.labels.shape[2],
            (round(float(spacing[0]), 4), round(float(spacing[1]), 4)),
            round(float(spacing[2]), 4),
            chosen,
        ),
        scar_ml=scar.value,
        scar_ml_low=scar.lower,
        scar_ml_high=scar.upper,
        scar_ml_mean=scar.mean,
        scar_fraction_of_wall=share.value,
        scar_fraction_low=share.lower,
        scar_fraction_high=share.upper,
        wall_ml=wall.value,
        wall_ml_low=wall.lower,
        wall_ml_high=wall.upper,
        cavity_ml=measured.cavity_ml,
        interval_level=measured.level,
        scar_draws_ml=tuple(round(float(one), 4) for one in measured.scar_draws_ml),
        slices=slices,
        aha={str(one.segment): _segment(one) for one in measured.segments},
        thresholds={
            one.rule: ThresholdResult(one.scar_ml, _known(one.threshold), one.why_not) for one in of.thresholds
        },
        rules=tuple(RuleResult(one.rule, one.pixels, tuple(numbers[k] for k in one.slices)) for one in found.rules),
        reference=_beside(of),
        dicom=dicom,
        warnings=tuple(warnings),
        qc=verdict(of, warnings, calibrated=segmenter.calibrated),
    )


def verdict(of: Evidence, warnings: Sequence[str] = (), *, calibrated: bool = True) -> Quality:
    """Whether a segmentation can be relied on: `fail` where most of the heart is in doubt, `review` where some is.

    Args:
        of: What was measured.
        warnings: What was warned of; each asks for a look.
        calibrated: Whether the probabilities are.
    """
    shown = [k for k, _ in enumerate(of.doubt) if (of.found.labels[..., k] != Label.BACKGROUND).any()]
    unsure = [k for k in shown if (of.doubt[k].heart_dice or 0.0) < UNUSABLE_DICE]
    fail, review = list[str](), list[str]()
    if shown and len(unsure) / len(shown) > FAIL_SHARE:
        fail.append(f"wall or cavity cannot be relied on in {len(unsure)} of {len(shown)} slices")
    review += _by_reason(of.doubt)
    if _inverted(of.found):
        dark = "the cavity is darker than living wall"
        review.append(f"{dark}: is the contrast inverted, or the image none of late enhancement?")
    scar = of.measured.scar_ml
    if scar.upper > SMALL_ML and scar.upper - scar.lower > WIDE * max(scar.mean, SMALL_ML):
        review.append(f"the scar volume is uncertain ({scar.lower:.1f} to {scar.upper:.1f} ml)")
    if not calibrated:
        review.append("the network's probabilities are not calibrated")
    review += [text for text in warnings if text not in review]
    return Quality("fail" if fail else "review" if review else "pass", tuple(fail + review))


def _inverted(found: Segmentation) -> bool:
    """Whether blood is darker than living wall, which late enhancement shows the other way round."""
    image = found.grid.image.values
    blood, muscle = (image[found.labels == label] for label in (Label.BLOOD_POOL, Label.MYOCARDIUM))
    return bool(blood.size and muscle.size and np.median(blood) < np.median(muscle))


def _by_reason(doubt: Sequence[SliceDoubt]) -> list[str]:
    """The slices of each kind of doubt in a sentence; how much in which slice stands with the slices.

    >>> one = SliceDoubt(3, 0.7, None, 0.0, 0.0, 0.2, ("wall or cavity uncertain (expected Dice 0.70)",))
    >>> two = SliceDoubt(4, 0.6, None, 0.0, 0.0, 0.2, ("wall or cavity uncertain (expected Dice 0.60)",))
    >>> _by_reason([one, two])
    ['slices 3, 4: wall or cavity uncertain']
    """
    found: dict[str, list[int]] = {}
    for one in doubt:
        for reason in one.reasons:
            kind = re.sub(r" \d+% of", " much of", reason.partition(" (")[0])
            found.setdefault(kind, []).append(one.number)
    return [f"slice{'s' if len(at) > 1 else ''} {', '.join(map(str, at))}: {kind}" for kind, at in found.items()]


def _slices(of: Evidence) -> tuple[SliceResult, ...]:
    by_number = {one.number: one for one in of.measured.slices}
    rows = []
    for one in of.doubt:
        scar = by_number.get(one.number)
        if scar is None and not one.look:
            continue
        ends = (scar.scar_ml.lower, scar.scar_ml.upper) if scar else (0.0, 0.0)
        rows.append(
            SliceResult(
                one.number,
                scar.wall_ml if scar else 0.0,
                scar.scar_ml.value if scar else 0.0,
                *ends,
                one.heart_dice,
                one.scar_dice,
                one.reasons,
            )
        )
    return tuple(rows)


def _segment(one: SegmentScar) -> SegmentResult:
    share, through = one.scar_fraction, one.transmurality
    return SegmentResult(
        one.wall_ml,
        share.value,
        share.lower,
        share.upper,
        through.mean if through else None,
        through.scarred if through else None,
        through.over_half if through else None,
    )


def _beside(of: Evidence) -> dict[str, RegionResult] | None:
    if of.reference is None:
        return None
    scores = scored(of.reference, of.found.labels, of.found.spacing_mm)
    return {
        name: RegionResult(_known(one.dice), _known(one.hd95_mm), one.truth_ml, one.found_ml)
        for name, one in scores.items()
    }


def _numbers(found: Segmentation) -> tuple[int, ...]:
    """Index in the file of each slice of the ordered stack."""
    return found.grid.image.slice_numbers or tuple(range(found.labels.shape[2]))


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
