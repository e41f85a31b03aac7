"""What `metrics.json` says of a map's worth: against truth, on hidden and left-out slices, and at its pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "review", "fail"]


@dataclass(frozen=True)
class NodeScores:
    """Scores against a true map at the nodes, weighted by volume."""

    dice: float | None
    """Dice of scar, 0 to 1; null where neither has scar."""
    volume_error_percent: float | None
    """Predicted less true scar volume, in % of the true one; null without true scar."""
    hd95_mm: float | None
    """95th percentile of the distance between both surfaces of scar, in mm; null where one has none."""
    ece: float | None
    """Expected calibration error, 0 to 1."""
    brier: float | None
    """Brier score, 0 to 1."""


@dataclass(frozen=True)
class PixelScores:
    """Scores on hidden pixels."""

    dice: float | None
    """Dice of scar, 0 to 1; null where neither has scar."""
    volume_error_percent: float | None
    """Predicted less observed scar volume, in % of the observed one; null without observed scar."""
    ece: float | None
    """Expected calibration error, 0 to 1."""
    brier: float | None
    """Brier score, 0 to 1."""


@dataclass(frozen=True)
class HiddenSlice:
    """One slice that `holdout` hid, with the Dice of each method."""

    slice: int
    """Its number."""
    wall_pixels: int
    """Its wall pixels."""
    scar_pixels: int
    """Those of them that are scar."""
    cardioscar: float | None
    """Dice of the map, 0 to 1; null where neither has scar."""
    baseline: float | None
    """Dice of the baseline, the interpolation to beat."""
    log_odds: float | None
    """Dice of log-odds interpolation."""
    signed_distance: float | None
    """Dice of signed-distance interpolation."""


@dataclass(frozen=True)
class HeldOutScores:
    """Scores on the slices that `holdout` hid."""

    slices: tuple[int, ...]
    """Their numbers."""
    pixels: int
    """Their wall pixels."""
    scores: Mapping[str, PixelScores]
    """By method, all pixels together: `cardioscar`, `baseline`, `log_odds`, `signed_distance`."""
    per_slice: tuple[HiddenSlice, ...]
    """Slice by slice."""


@dataclass(frozen=True)
class LeftOutSlice:
    """One slice, predicted from the others."""

    slice: int
    """Its number."""
    wall_pixels: int
    """Its wall pixels."""
    scar_mm2: float
    """Observed scar area in mm²."""
    predicted_mm2: float
    """Predicted scar area in mm²."""
    dice: float | None
    """Dice of scar, 0 to 1; null where neither has scar."""
    mean_absolute_error: float | None
    """Of the scar fraction, 0 to 1."""


@dataclass(frozen=True)
class LeaveOneOutScores:
    """How well each slice that the fit saw, but the outermost, is predicted from the others."""

    slices: int
    """How many were left out."""
    pixels: int
    """Their wall pixels; the next five numbers are of all of these together."""
    dice: float | None
    """Dice of scar, 0 to 1; null where neither has scar."""
    mean_absolute_error: float | None
    """Of the scar fraction, 0 to 1."""
    brier: float | None
    """Brier score, 0 to 1."""
    scar_error: float | None
    """Sum of absolute differences over the sum of observed fractions, from 0; null without scar."""
    area_bias: float | None
    """Predicted over observed scar area, less 1; null without scar."""
    per_slice: tuple[LeftOutSlice, ...]
    """Slice by slice, from one end to the other."""


@dataclass(frozen=True)
class Slices:
    """How the slices cover the wall."""

    with_wall: int
    """Slices that show the wall."""
    observed_scar_ml: float
    """Scar in their slabs, in ml."""
    outermost_scar: float | None
    """Share of it in the first and the last slice, 0 to 1; null without scar."""
    largest_gap_mm: float | None
    """Between the faces of neighbours in mm, 0 where they touch; null for one slice."""


@dataclass(frozen=True)
class Residual:
    """Mean of the map over the nodes that a pixel sees, less the pixel; of absolute values, 0 to 1."""

    rms: float
    """Root mean square."""
    max: float
    """The largest."""
    p95: float
    """95th percentile."""
    groups: int
    """Number of groups of nodes."""


@dataclass(frozen=True)
class Quality:
    """Whether the map can be relied on."""

    verdict: Verdict
    """`pass`; `review`: someone should look; `fail`: not to be used."""
    reasons: tuple[str, ...]
    """Sentences, the reasons to fail first."""
