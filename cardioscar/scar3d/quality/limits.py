"""The limits of the quality verdict, for each kind of pixels."""

from __future__ import annotations

from dataclasses import dataclass

from cardioscar.scar3d.quality.result_input import PosteriorSummary


@dataclass(frozen=True)
class Limits:
    """From where on a signal asks for a review, or fails a map; how they were chosen: docs/benchmarks/quality.md."""

    left_out_review: float
    """Dice on left-out slices."""
    left_out_fail: float
    """The same, to fail together with `doubt_fail`."""
    doubt_review: float
    """Standard deviation of the scar probability, summed over the wall, as a share of the scar."""
    doubt_fail: float
    """The same, to fail."""
    width_review: float
    """Width of the scar volume's interval, as a share of its mean."""
    hidden_dice_review: float
    """Dice on slices that were hidden by `holdout`."""
    least_slices: int
    """Slices with wall; hearts with fewer were not looked at."""
    gap_review_mm: float
    """Distance between the faces of neighbouring slices; wider gaps were not looked at."""
    outermost_review: float
    """Share of the observed scar in the outermost slices, beyond which nothing was seen."""


FRACTIONS = Limits(
    left_out_review=0.65,
    left_out_fail=0.35,
    doubt_review=0.5,
    doubt_fail=1.0,
    width_review=0.25,
    hidden_dice_review=0.6,
    least_slices=5,
    gap_review_mm=10.0,
    outermost_review=0.1,
)
"""Where pixels are fractions: chosen on 30 phantoms of many kinds."""
LABELS = Limits(
    left_out_review=0.45,
    left_out_fail=0.2,
    doubt_review=0.6,
    doubt_fail=1.0,
    width_review=0.6,
    hidden_dice_review=0.5,
    least_slices=4,
    gap_review_mm=15.0,
    outermost_review=0.5,
)
"""Where pixels are labels drawn by hand: chosen on 20 people-like hearts. Slices of people agree less, and their scars
reach the outermost slices as a rule: half of these hearts have a quarter of their scar there."""


def limits(posterior: PosteriorSummary | None) -> Limits:
    """The limits that suit the pixels a map was made from."""
    return LABELS if posterior is not None and posterior.pixels == "labels" else FRACTIONS
