"""`metrics.json`: all that is said of one subject's map in numbers, as a typed object and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.quality.result_input import FitSummary, InputSummary, PosteriorSummary, SeptumFacts, Warned
from cardioscar.scar3d.quality.result_scar import Channel, Coverage, Intervals, IntervalTruth, ScarSummary, Segment
from cardioscar.scar3d.quality.result_scores import (
    HeldOutScores,
    LeaveOneOutScores,
    NodeScores,
    Quality,
    Residual,
    Slices,
)
from cardioscar.scar3d.quality.sometimes import result_mapping, sometimes


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is known of a subject's map before its verdict."""

    subject: str
    """Its id."""
    holdout: str
    """Slices that the fit did not see: `none`, `odd`, `even`, or their numbers."""
    target: str
    """What a pixel said of scar: `labels`, `probability`, `layers`, `fwhm` or `nsd`."""
    method: str
    """Network: `fourier` or `reference`."""
    threshold: float
    """Probability from which tissue is scar, 0 to 1."""
    doubt_range: tuple[float, float]
    """Probabilities between which scar is in doubt, 0 to 1."""
    input: InputSummary
    """What the map was made from."""
    scar: ScarSummary
    """Volumes of the whole ventricle."""
    aha: Mapping[str, Segment]
    """By the number of the AHA segment, 1 to 17; empty where the mesh has no LV coordinates."""
    intervals: Intervals | None = None
    """Intervals of scar volume and fractions; null for a map made without."""
    interval_truth: IntervalTruth | None = None
    """Whether they hold the truth; null without truth, hidden slices or intervals."""
    baseline: str | None = sometimes()
    """Interpolation that is scored beside the map as `baseline`; missing in files of early versions."""
    truth: Mapping[str, NodeScores] | None = None
    """Scores against the true map by method, as `heldout.scores`; null without truth."""
    heldout: HeldOutScores | None = None
    """Scores on the slices that `holdout` hid; null where none was."""
    leave_one_out: LeaveOneOutScores | None = None
    """How slices predict one another; null where that was not asked for, or fewer than three have wall."""
    slices: Slices | None = None
    """How the slices cover the wall."""
    residual: Residual
    """How the map meets the pixels that it was made from."""
    observed_pixels: int
    """Wall pixels that the fit saw."""
    fit: FitSummary
    """How the network was fitted."""
    orientation: str
    """Where LV coordinates are known from: `given`, `mesh`, `scanner axes` or `unknown`."""
    septum: SeptumFacts | None = sometimes()
    """Where the septum is known from; missing in files of early versions."""
    warnings: tuple[Warned, ...] = ()
    """What any stage warned of."""
    channels: tuple[Channel, ...] | None = None
    """Conducting channels; null for a map that was not searched for them."""
    channel_draws: int | None = None
    """Draws of the scar by which a channel is open or closed; null likewise."""
    posterior: PosteriorSummary | None = None
    """How the fits after the network's went; null for maps of early versions."""
    coverage: Coverage | None = None
    """How much of wall and scar no slice shows; null likewise."""


@dataclass(frozen=True, kw_only=True)
class SubjectMetrics(Findings):
    """Content of `metrics.json`."""

    qc: Quality
    """The verdict, with its reasons."""


def metrics_json(metrics: SubjectMetrics) -> str:
    """The text of `metrics.json`."""
    return json.dumps(result_mapping(metrics), indent=1) + "\n"


def read_metrics(content: Mapping[str, Any]) -> SubjectMetrics:
    """The typed object of a `metrics.json` that was parsed.

    Args:
        content: Its keys and values.

    Raises:
        InputError: If keys or values are those of another version of cardioscar; it says which, and none of the values.
    """
    rule = "what this version of cardioscar writes"
    try:
        return from_mapping(SubjectMetrics, content, where="metrics.json", foreign=True)
    except ConfigError as error:
        raise InputError("metrics.json", rule, f"another's ({error})") from None
    except (TypeError, AttributeError):  # a key that is missing, or no keys at all
        raise InputError("metrics.json", rule, "another's: keys are missing") from None
