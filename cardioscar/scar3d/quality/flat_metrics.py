"""The numbers of `metrics.json` that a cohort is compared by, under short names."""

from __future__ import annotations

from collections.abc import Sequence

from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.scar3d.quality.result_input import PosteriorSummary
from cardioscar.scar3d.quality.result_scar import Channel, Coverage, Intervals, IntervalTruth
from cardioscar.scar3d.quality.result_scores import LeaveOneOutScores
from cardioscar.scar3d.quality.sometimes import result_mapping


def flat_metrics(metrics: SubjectMetrics) -> dict[str, float | None]:
    """Flatten a subject's metrics; a number that is undefined is None, one that was not asked for is missing."""
    scar = metrics.scar
    flat: dict[str, float | None] = {
        "scar_ml": scar.volume_ml,
        "scar_percent": None if scar.fraction_of_wall is None else 100 * scar.fraction_of_wall,
        "likely_ml": scar.likely_ml,
        "uncertain_ml": scar.uncertain_ml,
        "possible_ml": scar.possible_ml,
        **({"border_zone_ml": scar.border_zone_ml} if scar.border_zone_ml is not None else {}),
        "wall_ml": scar.wall_ml,
        "uncertainty_mean": scar.uncertainty_mean,
        "residual_rms": metrics.residual.rms,
        "residual_max": metrics.residual.max,
        **_left_out(metrics.leave_one_out),
        **_intervals(metrics.intervals, metrics.interval_truth),
        **_channels(metrics.channels),
        **_inference(metrics.posterior, metrics.coverage),
        "fit_steps": metrics.fit.steps,
        "fit_loss": metrics.fit.final_loss,
    }
    truth, hidden = metrics.truth or {}, metrics.heldout.scores if metrics.heldout else {}
    for prefix, scores in (("", truth), ("heldout_", hidden)):
        for method, row in scores.items():
            suffix = "" if method == "cardioscar" else f"_{method}"
            flat |= {f"{prefix}{name}{suffix}": value for name, value in vars(row).items()}
    return flat | {f"aha/{segment}_scar_fraction": row.scar_fraction for segment, row in metrics.aha.items()}


def _channels(channels: Sequence[Channel] | None) -> dict[str, float | None]:
    if channels is None:
        return {}
    shares = [row.open_probability for row in channels]
    known = [share for share in shares if share is not None]
    return {
        "channels": float(len(channels)),
        "channels_open": None if len(known) < len(shares) else float(sum(share > 0.5 for share in known)),
    }


def _inference(posterior: PosteriorSummary | None, coverage: Coverage | None) -> dict[str, float | None]:
    said = result_mapping(posterior) if posterior else {}
    names = ("converged", "iterations", "inducing_points", "unsettled_pixels")
    flat: dict[str, float | None] = {f"posterior_{name}": float(said[name]) for name in names if name in said}
    if coverage is None:
        return flat
    return flat | {
        name: getattr(coverage, name)
        for name in ("unseen_wall_fraction", "unseen_scar_fraction", "unseen_wall_ml", "unseen_scar_ml", "farthest_mm")
    }


def _left_out(scores: LeaveOneOutScores | None) -> dict[str, float | None]:
    names = ("dice", "mean_absolute_error", "brier", "scar_error", "area_bias")
    return {f"left_out_{name}": getattr(scores, name) for name in names} if scores else {}


def _intervals(intervals: Intervals | None, truth: IntervalTruth | None) -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for name in ("scar_ml", "scar_fraction"):
        if (interval := getattr(intervals, name, None)) is not None:
            flat |= {f"{name}_lower": interval.lower, f"{name}_upper": interval.upper}
        if (true := getattr(truth, name, None)) is not None:
            flat[f"{name}_inside"] = float(true.inside)
    if truth and truth.aha_segments and truth.aha_inside is not None:
        flat["aha_inside_fraction"] = truth.aha_inside / truth.aha_segments
    if truth and truth.hidden_slices and truth.hidden_inside is not None:
        flat["heldout_inside_fraction"] = truth.hidden_inside / truth.hidden_slices
    return flat
