"""Whether a scar map can be relied on, from what is known without truth: pass, review or fail, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cardioscar.scar3d.quality.geometry_quality import geometry_reasons
from cardioscar.scar3d.quality.limits import Limits, limits
from cardioscar.scar3d.quality.reasons import Reasons
from cardioscar.scar3d.quality.result import Findings
from cardioscar.scar3d.quality.result_scar import Coverage, Interval, Intervals
from cardioscar.scar3d.quality.result_scores import Quality, Slices

RESIDUAL_REVIEW, RESIDUAL_FAIL = 0.2, 0.35
"""Root mean square of map minus pixel, over the groups."""
SMALL_SCAR_ML = 1.0
"""Observed scar below which a few pixels decide; none at all is a finding too, and no concern by itself."""
UNSEEN_WALL_REVIEW, UNSEEN_WALL_FAIL = 0.1, 0.6
"""Share of the wall that no slice shows within the map's reach. Of whole stacks it is 0 at 12 mm, of half a stack 0.2
to 0.4, of a mesh that holds both ventricles 0.2."""
UNSEEN_SCAR_REVIEW, UNSEEN_SCAR_FAIL = 0.1, 0.5
"""Share of the map's scar that lies there."""


def quality(metrics: Findings, facts: Mapping[str, Any]) -> Quality:
    """Quality verdict with its reasons.

    `fail`: the map must not be used. `review`: someone should look.

    Args:
        metrics: What is known of the map; what is None raises no concern.
        facts: `preprocess.json`.

    Returns:
        The verdict and its reasons, those to fail first.
    """
    found = geometry_reasons(metrics, facts)
    if metrics.fit.stop_reason == "diverged":
        found.fail.append("the fit diverged")
    rms = metrics.residual.rms
    if not rms <= RESIDUAL_FAIL:  # one that is no number included
        found.fail.append(f"the map does not meet the pixels (residual rms {rms:.3f}, above {RESIDUAL_FAIL:.2f})")
    elif rms > RESIDUAL_REVIEW:
        found.review.append(f"pixels are met loosely (residual rms {rms:.3f}, above {RESIDUAL_REVIEW:.2f})")

    limit = limits(metrics.posterior)
    left_out, doubtful = left_out_dice(metrics), doubt(metrics)
    # either may be misled: slices far apart predict one another badly, and a model can doubt too little or too much
    both = left_out is not None and left_out < limit.left_out_fail
    both = both and doubtful is not None and doubtful > limit.doubt_fail
    least, most = (limit.left_out_fail, limit.doubt_fail) if both else (limit.left_out_review, limit.doubt_review)
    said = found.fail if both else found.review
    if left_out is not None and left_out < least:
        said.append(f"slices do not predict one another (Dice {left_out:.3f}, below {least:.2f})")
    if doubtful is not None and doubtful > most:
        share = f"standard deviations add up to {doubtful:.1%} of its volume, above {most:.0%}"
        said.append(f"much of the scar is in doubt ({share})")
    found.review += _of_intervals(metrics.intervals, limit)
    found.review += _of_slices(metrics.slices, limit)
    score = metrics.heldout.scores["cardioscar"].dice if metrics.heldout else None
    if score is not None and score < limit.hidden_dice_review:
        found.review.append(
            f"hidden slices are predicted poorly (Dice {score:.3f}, below {limit.hidden_dice_review:.2f})"
        )
    found += _of_coverage(metrics.coverage)
    warned = [row.text for row in metrics.warnings]
    settled = metrics.posterior is None or metrics.posterior.converged is not False
    if not settled and not any("converge" in text for text in warned):
        found.review.append("the uncertainty is not settled: the posterior did not converge")
    if not metrics.aha and not any("no AHA segments" in text for text in warned):
        found.review.append("the wall was not divided into AHA segments")
    found.review += warned
    return Quality(found.verdict, tuple(found.listed()))


def left_out_dice(metrics: Findings) -> float | None:
    """Dice on left-out slices; None where nothing was left out or there is no scar."""
    return metrics.leave_one_out.dice if metrics.leave_one_out else None


def doubt(metrics: Findings) -> float | None:
    """Standard deviation of the scar probability, summed over the wall, as a share of the scar; None without scar."""
    scar = metrics.scar
    if not scar.fraction_of_wall or scar.uncertainty_mean is None:
        return None
    return scar.uncertainty_mean / scar.fraction_of_wall


def relative_width(interval: Interval | None) -> float | None:
    """Width of an interval as a share of its mean; None where either is unknown or the mean is zero."""
    if interval is None or not interval.mean:
        return None
    return (interval.upper - interval.lower) / interval.mean


def _of_intervals(intervals: Intervals | None, limit: Limits) -> list[str]:
    scar = intervals.scar_ml if intervals else None
    width = relative_width(scar)
    # of a scar that is hardly there the width in ml is what matters, and it is small
    if scar is None or width is None or scar.upper < SMALL_SCAR_ML or width <= limit.width_review:
        return []
    bounds = f"{scar.lower:.1f} to {scar.upper:.1f} ml"
    return [f"the scar volume is uncertain ({bounds}, {width:.1%} of it, above {limit.width_review:.0%})"]


def _of_coverage(coverage: Coverage | None) -> Reasons:
    found = Reasons()
    if coverage is None:
        return found
    beyond = f", farther than {coverage.reach_mm:.0f} mm from what they show"
    for part, share, review, fail in (
        ("wall", coverage.unseen_wall_fraction, UNSEEN_WALL_REVIEW, UNSEEN_WALL_FAIL),
        ("scar", coverage.unseen_scar_fraction, UNSEEN_SCAR_REVIEW, UNSEEN_SCAR_FAIL),
    ):
        found.above(share, review, fail, f"slices do not show {share:.0%} of the {part}{beyond}")
    return found


def _of_slices(slices: Slices | None, limit: Limits) -> list[str]:
    reasons: list[str] = []
    if slices is None:
        return reasons
    if slices.with_wall < limit.least_slices:
        reasons.append(f"{slices.with_wall} slices show the wall, fewer than {limit.least_slices}")
    gap = slices.largest_gap_mm
    if gap is not None and gap > limit.gap_review_mm:
        reasons.append(f"a gap of {gap:.1f} mm between slices, wider than {limit.gap_review_mm:.0f} mm")
    beyond = slices.outermost_scar
    if beyond is not None and beyond > limit.outermost_review:
        reasons.append(f"scar reaches the outermost slices ({beyond:.0%} of it): it may go on where nothing was seen")
    seen = slices.observed_scar_ml
    if 0 < seen < SMALL_SCAR_ML:
        reasons.append(f"the scar seen is small ({seen:.2f} ml): a few pixels decide")
    return reasons
