"""Whether a scar map can be relied on, from what is known without truth: pass, review or fail, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEFT_OUT_REVIEW, LEFT_OUT_FAIL = 0.65, 0.35
"""Dice on left-out slices. docs/benchmarks/quality.md says how these limits and the next two were chosen, and what they
are worth."""
DOUBT_REVIEW, DOUBT_FAIL = 0.5, 1.0
"""Standard deviation of the scar probability, summed over the wall, as a share of the scar."""
WIDTH_REVIEW = 0.25
"""Width of the scar volume's interval, as a share of its mean."""
RESIDUAL_REVIEW, RESIDUAL_FAIL = 0.2, 0.35
"""Root mean square of map minus pixel, over the groups."""
UNSEEN_REVIEW = 0.25
"""Share of the wall pixels that lie outside the mesh."""
HIDDEN_DICE_REVIEW = 0.6
"""Dice on slices that were hidden by `holdout`."""
LEAST_SLICES = 5
"""Slices with wall; phantoms with fewer were not looked at."""
GAP_REVIEW_MM = 10.0
"""Distance between the faces of neighbouring slices; wider gaps were not looked at."""
OUTERMOST_REVIEW = 0.1
"""Share of the observed scar in the outermost slices, beyond which nothing was seen."""
SMALL_SCAR_ML = 1.0
"""Observed scar below which a few pixels decide."""
MISPLACED = {"too far": "more than 10 mm from the mesh", "no match": "unlike the mesh's cross-section"}
"""What alignment found out about a slice that it could not place."""


def quality(metrics: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Quality verdict with its reasons.

    `fail`: the map must not be used. `review`: someone should look.

    Args:
        metrics: Metrics so far: `residual`, `fit`, `scar`, `heldout`, `leave_one_out`, `slices`, `intervals`,
            `warnings`; what is None or missing raises no concern.
        facts: `preprocess.json`.

    Returns:
        `verdict` and `reasons`, the reasons to fail first.
    """
    fails, reviews = [], []
    if metrics["fit"]["stop_reason"] == "diverged":
        fails.append("the fit diverged")
    rms = metrics["residual"]["rms"]
    if rms > RESIDUAL_FAIL:
        fails.append(f"the map does not meet the pixels (residual rms {rms:.2f}, limit {RESIDUAL_FAIL:.2f})")
    elif rms > RESIDUAL_REVIEW:
        reviews.append(f"pixels are met loosely (residual rms {rms:.2f}, limit {RESIDUAL_REVIEW:.2f})")

    left_out, doubtful = left_out_dice(metrics), doubt(metrics)
    # either may be misled: slices far apart predict one another badly, and a model can doubt too little or too much
    both = left_out is not None and left_out < LEFT_OUT_FAIL and doubtful is not None and doubtful > DOUBT_FAIL
    limits = (LEFT_OUT_FAIL, DOUBT_FAIL) if both else (LEFT_OUT_REVIEW, DOUBT_REVIEW)
    said = fails if both else reviews
    if left_out is not None and left_out < limits[0]:
        said.append(f"slices do not predict one another (Dice {left_out:.2f}, limit {limits[0]:.2f})")
    if doubtful is not None and doubtful > limits[1]:
        said.append(f"much of the scar is in doubt ({doubtful:.0%} of it, limit {limits[1]:.0%})")
    reviews += _of_intervals(metrics.get("intervals"))
    reviews += _of_slices(metrics.get("slices"), facts)

    unseen = facts["unseen_pixels"] / max(facts["unseen_pixels"] + metrics["observed_pixels"], 1)
    if unseen > UNSEEN_REVIEW:
        reviews.append(f"{unseen:.0%} of the wall pixels lie outside the mesh: are mesh and slices aligned?")
    heldout = metrics.get("heldout")
    score = heldout["scores"]["cardioscar"]["dice"] if heldout else None
    if score is not None and score < HIDDEN_DICE_REVIEW:
        reviews.append(f"hidden slices are predicted poorly (Dice {score:.2f}, limit {HIDDEN_DICE_REVIEW:.2f})")
    reviews += [row["text"] for row in metrics.get("warnings") or ()]
    reasons = list(dict.fromkeys(fails + reviews))
    return {"verdict": "fail" if fails else "review" if reviews else "pass", "reasons": reasons}


def left_out_dice(metrics: Mapping[str, Any]) -> float | None:
    """Dice on left-out slices; None where nothing was left out or there is no scar."""
    found = (metrics.get("leave_one_out") or {}).get("dice")
    return None if found is None else float(found)


def doubt(metrics: Mapping[str, Any]) -> float | None:
    """Standard deviation of the scar probability, summed over the wall, as a share of the scar; None without scar."""
    scar = metrics.get("scar") or {}
    if not scar.get("fraction_of_wall") or scar.get("uncertainty_mean") is None:
        return None
    return float(scar["uncertainty_mean"] / scar["fraction_of_wall"])


def relative_width(interval: Mapping[str, Any] | None) -> float | None:
    """Width of an interval as a share of its mean; None where either is unknown or the mean is zero."""
    if not interval or not interval.get("mean"):
        return None
    return float((interval["upper"] - interval["lower"]) / interval["mean"])


def _of_intervals(intervals: Mapping[str, Any] | None) -> list[str]:
    scar = (intervals or {}).get("scar_ml")
    width = relative_width(scar)
    # of a scar that is hardly there the width in ml is what matters, and it is small
    if scar is None or width is None or scar["upper"] < SMALL_SCAR_ML or width <= WIDTH_REVIEW:
        return []
    bounds = f"{scar['lower']:.1f} to {scar['upper']:.1f} ml"
    return [f"the scar volume is uncertain ({bounds}, {width:.0%} of it, limit {WIDTH_REVIEW:.0%})"]


def _of_slices(slices: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> list[str]:
    reasons = []
    for number, shift in (facts.get("slice_shifts_mm") or {}).items():
        if shift["finding"] in MISPLACED:
            reasons.append(f"slice {number} is not where it should be: its wall is {MISPLACED[shift['finding']]}")
    if not slices:
        return reasons
    if slices["with_wall"] < LEAST_SLICES:
        reasons.append(f"{slices['with_wall']} slices show the wall, fewer than {LEAST_SLICES}")
    gap = slices["largest_gap_mm"]
    if gap is not None and gap > GAP_REVIEW_MM:
        reasons.append(f"a gap of {gap:.1f} mm between slices, wider than {GAP_REVIEW_MM:.0f} mm")
    beyond = slices["outermost_scar"]
    if beyond is not None and beyond > OUTERMOST_REVIEW:
        reasons.append(f"scar reaches the outermost slices ({beyond:.0%} of it): it may go on where nothing was seen")
    seen = slices["observed_scar_ml"]
    if 0 < seen < SMALL_SCAR_ML:
        reasons.append(f"the scar seen is small ({seen:.2f} ml): a few pixels decide")
    return reasons
