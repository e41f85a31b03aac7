"""`metrics.json` of a segmented subject: all that is said of it in numbers, as a typed object and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, InputError

Verdict = Literal["pass", "review", "fail"]


@dataclass(frozen=True)
class NetworkFacts:
    """The network that segmented."""

    name: str
    """Its name."""
    sha256: str
    """Hash of its description, which holds that of its weights."""
    calibrated: bool
    """Whether its probabilities are calibrated."""
    temperature: float
    """What its log-probabilities are divided by."""


@dataclass(frozen=True)
class ImageFacts:
    """The stack that was segmented."""

    slices: int
    """Slices of the stack."""
    pixel_mm: tuple[float, float]
    """Pixel size in mm."""
    slice_distance_mm: float
    """Distance of slices in mm."""
    chosen: str | None
    """Which images of a folder with several were taken; null where there was nothing to choose."""


@dataclass(frozen=True)
class SliceResult:
    """One slice."""

    number: int
    """Index of the slice in the file."""
    wall_ml: float
    """Wall in ml."""
    scar_ml: float
    """Scar in ml."""
    scar_ml_low: float
    """Lower end of its interval."""
    scar_ml_high: float
    """Upper end of its interval."""
    heart_dice: float | None
    """Expected Dice of wall and cavity, the worse of both; null where hardly any is found."""
    scar_dice: float | None
    """Expected Dice of scar; null where hardly any is expected."""
    reasons: tuple[str, ...]
    """Why a person should look at it; empty where nobody need."""


@dataclass(frozen=True)
class SegmentResult:
    """One AHA segment."""

    wall_ml: float
    """Wall in ml."""
    scar_fraction: float
    """Share of the wall that is scar, 0 to 1."""
    scar_fraction_low: float
    """Lower end of its interval."""
    scar_fraction_high: float
    """Upper end of its interval."""
    transmurality_mean: float | None
    """Mean share of the wall's thickness that is scar, where there is scar; null without chords (segment 17)."""
    area_with_scar: float | None
    """Share of chords through the wall with scar."""
    area_over_half: float | None
    """Share of chords of which more than half is scar."""


@dataclass(frozen=True)
class ThresholdResult:
    """Scar of a threshold rule inside the wall that was found."""

    scar_ml: float | None
    """In ml; null where the rule cannot be applied."""
    threshold: float | None
    """Signal above which wall is scar, in the image's unit; null where nothing is enhanced."""
    why_not: str
    """What keeps the rule from being applied; empty where it is."""


@dataclass(frozen=True)
class RuleResult:
    """What a rule of anatomy changed."""

    rule: str
    """Its name, that of its setting."""
    pixels: int
    """How many pixels."""
    slices: tuple[int, ...]
    """In which slices of the file."""


@dataclass(frozen=True)
class RegionResult:
    """A region beside the reference that came with the subject."""

    dice: float | None
    """0 to 1; null where neither side has the region."""
    hd95_mm: float | None
    """95th percentile of the surface distance in mm; null where a side is empty."""
    reference_ml: float
    """Volume of the reference in ml."""
    found_ml: float
    """Volume found in ml."""


@dataclass(frozen=True)
class Quality:
    """The verdict on a segmentation."""

    verdict: Verdict
    """`pass`, `review`: somebody should look, or `fail`."""
    reasons: tuple[str, ...]
    """What it rests on, in sentences that name the slices."""


@dataclass(frozen=True, kw_only=True)
class SegmentMetrics:
    """Content of `metrics.json`."""

    subject: str
    """Its id."""
    network: NetworkFacts
    """What segmented."""
    image: ImageFacts
    """What was segmented."""
    scar_ml: float
    """Scar in ml."""
    scar_ml_low: float
    """Lower end of its interval."""
    scar_ml_high: float
    """Upper end of its interval."""
    scar_ml_mean: float
    """Mean of the draws."""
    scar_fraction_of_wall: float
    """Share of the wall that is scar, 0 to 1."""
    scar_fraction_low: float
    """Lower end of its interval."""
    scar_fraction_high: float
    """Upper end of its interval."""
    wall_ml: float
    """Wall, scar included, in ml."""
    wall_ml_low: float
    """Lower end of its interval."""
    wall_ml_high: float
    """Upper end of its interval."""
    cavity_ml: float
    """Cavity in ml."""
    interval_level: float
    """Share of the draws inside the intervals."""
    scar_draws_ml: tuple[float, ...]
    """Scar of each draw in ml: the whole distribution."""
    slices: tuple[SliceResult, ...]
    """By slice, apex first; those with a heart, or where one is missing."""
    aha: Mapping[str, SegmentResult]
    """By the number of the AHA segment."""
    thresholds: Mapping[str, ThresholdResult]
    """`fwhm` and `nsd` inside the wall that was found."""
    rules: tuple[RuleResult, ...]
    """What rules of anatomy changed, in their order."""
    reference: Mapping[str, RegionResult] | None
    """`wall`, `cavity`, `scar` beside the labels that came with the subject; null without them."""
    dicom: str | None
    """What became of the DICOM segmentation; null where the image is no DICOM."""
    warnings: tuple[str, ...]
    """What was warned of."""
    qc: Quality
    """The verdict."""

    @property
    def to_look_at(self) -> tuple[int, ...]:
        """Slices that a person should look at."""
        return tuple(one.number for one in self.slices if one.reasons)


def metrics_json(metrics: SegmentMetrics) -> str:
    """The text of `metrics.json`."""
    return json.dumps(asdict(metrics), indent=1, allow_nan=False) + "\n"


def read_metrics(content: Mapping[str, Any]) -> SegmentMetrics:
    """The typed object of a `metrics.json` that was parsed.

    Args:
        content: Its keys and values.

    Raises:
        InputError: If keys or values are those of another version of cardioscar; none of the values is repeated.
    """
    rule = "what this version of cardioscar writes"
    try:
        return from_mapping(SegmentMetrics, content, where="metrics.json", foreign=True)
    except ConfigError as error:
        raise InputError("metrics.json", rule, f"another's ({error})") from None
    except (TypeError, AttributeError):  # a key that is missing, or no keys at all
        raise InputError("metrics.json", rule, "another's: keys are missing") from None
