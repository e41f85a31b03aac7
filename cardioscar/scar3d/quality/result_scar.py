"""What `metrics.json` says of scar and wall: volumes, segments, channels, intervals, and what no slice shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cardioscar.scar3d.quality.sometimes import sometimes

Vector = tuple[float, float, float]
"""Point in mm or direction, LPS: towards the patient's left, back and head."""


@dataclass(frozen=True)
class ScarSummary:
    """Volumes of the whole ventricle."""

    volume_ml: float
    """Scar in ml: tissue whose probability is at least `threshold`; the sum of the next two volumes."""
    fraction_of_wall: float | None
    """Its share of the wall, 0 to 1; null for a wall without volume."""
    likely_ml: float
    """Scar beyond doubt: probability from the upper end of `doubt_range`, in ml."""
    uncertain_ml: float
    """Scar in doubt: from `threshold` to that, in ml."""
    possible_ml: float
    """Tissue in doubt that is not counted as scar: from the lower end of `doubt_range` to `threshold`, in ml."""
    border_zone_ml: float | None
    """Tissue of intermediate signal beside the scar, in ml; null without an image on the grid of the wall."""
    wall_ml: float
    """Wall of the left ventricle in ml."""
    uncertainty_mean: float | None
    """Standard deviation of the scar probability, mean of the wall by volume, 0 to 0.5; null for a wall without
    volume."""


@dataclass(frozen=True)
class Segment:
    """One AHA segment that has tissue."""

    scar_fraction: float
    """Share of its volume that is scar, 0 to 1."""
    scar_ml: float
    """Its scar in ml."""
    wall_ml: float
    """Its volume in ml."""
    border_zone_ml: float | None = sometimes()
    """Tissue of intermediate signal beside the scar, in ml; missing without an image on the grid of the wall."""
    wall_thickness_mm: float | None = sometimes()
    """Mean distance from its inner surface to the nearest point of the outer one, in mm."""
    transmurality_mean: float | None = sometimes()
    """Share of the wall's depth that is scar, mean of its patches of 4 mm, 0 to 1."""
    transmurality_max: float | None = sometimes()
    """The largest of these shares, 0 to 1."""
    area_over_half: float | None = sometimes()
    """Share of its area where scar is more than half as deep as the wall, 0 to 1."""


@dataclass(frozen=True)
class Interval:
    """Central interval over draws of whole maps; 0 ≤ lower ≤ mean ≤ upper."""

    mean: float
    """Mean of the draws, in the unit of the number."""
    sd: float
    """Standard deviation of the draws."""
    lower: float
    """Lower end; never above the map's own value."""
    upper: float
    """Upper end; never below the map's own value."""


@dataclass(frozen=True)
class SegmentInterval:
    """Interval of one AHA segment."""

    scar_fraction: Interval
    """Of the share of its volume that is scar, 0 to 1."""


@dataclass(frozen=True)
class SliceInterval:
    """Interval of one hidden slice."""

    scar_ml: Interval
    """Of the scar volume in its slab, in ml."""


@dataclass(frozen=True)
class Intervals:
    """Intervals of the map, as in `intervals.json` of `infer`."""

    uncertainty: str | None = sometimes()
    """What the draws come from: `posterior`, `dropout` or `reference`."""
    level: float | None = sometimes()
    """Share of the draws inside, 0 to 1."""
    samples: int | None = sometimes()
    """Number of draws."""
    scar_ml: Interval | None = sometimes()
    """Scar volume in ml."""
    scar_fraction: Interval | None = sometimes()
    """Its share of the wall, 0 to 1."""
    aha: Mapping[str, SegmentInterval] | None = sometimes()
    """By the number of the AHA segment, 1 to 17."""
    hidden_slices: Mapping[str, SliceInterval] | None = sometimes()
    """By the number of a slice that `holdout` hid, predicted without what it shows."""
    hidden_ml: Interval | None = sometimes()
    """Scar volume in the slabs of all hidden slices together, in ml."""


@dataclass(frozen=True)
class TrueValue:
    """A true number, and whether its interval holds it."""

    true: float
    """In the unit of the number."""
    inside: bool
    """Whether it lies within the interval."""


@dataclass(frozen=True)
class IntervalTruth:
    """Whether the intervals hold the truth."""

    scar_ml: TrueValue | None = sometimes()
    """Scar volume in ml."""
    scar_fraction: TrueValue | None = sometimes()
    """Its share of the wall, 0 to 1."""
    aha_segments: int | None = sometimes()
    """AHA segments that have an interval."""
    aha_inside: int | None = sometimes()
    """How many of these hold the true fraction."""
    hidden_ml: TrueValue | None = sometimes()
    """Scar volume in the slabs of all hidden slices together, in ml, as the slices show it."""
    hidden_slices: int | None = sometimes()
    """Hidden slices that have an interval."""
    hidden_inside: int | None = sometimes()
    """How many of these hold what the slice shows."""


@dataclass(frozen=True)
class Channel:
    """A conducting channel: living tissue between scar and scar, or between scar and a surface of the wall."""

    id: int
    """As in the point data `channel`; 1 is the longest of those that the map itself leaves open."""
    kind: str
    """`corridor`; `groove` where living wall lies over or under it along more than half of its length."""
    length_mm: float
    """Length of its centreline between the mouths, in mm."""
    width_mm: float
    """Median distance from scar to scar, in mm."""
    narrowest_mm: float
    """Smallest distance from scar to scar, in mm."""
    orientation: Vector
    """Unit vector from the apical mouth to the basal one, LPS."""
    angle_to_long_axis_deg: float | None
    """Within the wall: 0 along the ventricle, 90 around it; null without LV coordinates, or for one that turns back."""
    position: str | None
    """`endocardial`, `mid-wall`, `epicardial`, or `transmural` where it takes 60 % of the depth; null without LV
    coordinates."""
    transmural_range: tuple[float, float] | None
    """Depth in the wall of its 5th and 95th percentile, 0 endocardium to 1 epicardium; null without LV coordinates."""
    covered: float | None
    """Share of its length with scar, or the surface of the wall, over and under it, 0 to 1; null without LV
    coordinates."""
    mouths_mm: tuple[Vector, ...]
    """Both ends in mm, LPS, the apical one first."""
    aha_segments: tuple[int, ...]
    """Segments in the order in which it runs through them."""
    open_probability: float | None
    """Share of the draws in which living tissue joins its mouths, within 4 mm of it, 0 to 1; null without draws."""
    threshold: float
    """Probability below which tissue was taken for living when it was found, 0 to 1."""
    volume_ml: float
    """Volume of its nodes in ml."""
    centreline_mm: tuple[Vector, ...]
    """Points in mm, LPS, about 2 mm apart, from the apical mouth to the basal one."""


@dataclass(frozen=True)
class Farther:
    """Shares that lie farther from every observed pixel than a distance."""

    wall_fraction: float
    """Of the wall, 0 to 1."""
    scar_fraction: float
    """Of the map's scar, 0 to 1; 0 without scar."""


@dataclass(frozen=True)
class Coverage:
    """How much of wall and scar no slice shows, as in `inference.json` of `infer`."""

    reach_mm: float
    """Tissue farther than this from every observed pixel counts as unseen, in mm."""
    unseen_wall_fraction: float
    """Its share of the wall, 0 to 1."""
    unseen_scar_fraction: float
    """Share of the map's scar that lies in it, 0 to 1; 0 without scar."""
    unseen_wall_ml: float
    """Its volume in ml."""
    unseen_scar_ml: float
    """Scar to be expected in it, reported or not, in ml."""
    farthest_mm: float
    """Distance of the farthest tissue from an observed pixel, in mm."""
    farther_than_mm: Mapping[str, Farther]
    """By distance in mm."""
