"""The numbers of `metrics.json` that a cohort is compared by, under short names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Flatten a subject's metrics; a number that is undefined is None, one that was not asked for is missing."""
    truth, heldout = metrics["truth"] or {}, (metrics["heldout"] or {}).get("scores", {})
    scar, residual = metrics["scar"], metrics["residual"]
    flat: dict[str, float | None] = {
        "scar_ml": scar["volume_ml"],
        "scar_percent": None if scar["fraction_of_wall"] is None else 100 * scar["fraction_of_wall"],
        **{name: scar.get(name) for name in ("likely_ml", "uncertain_ml", "possible_ml")},
        **({"border_zone_ml": scar["border_zone_ml"]} if scar.get("border_zone_ml") is not None else {}),
        "wall_ml": scar["wall_ml"],
        "uncertainty_mean": scar["uncertainty_mean"],
        "residual_rms": residual["rms"],
        "residual_max": residual["max"],
        **_left_out(metrics.get("leave_one_out")),
        **_intervals(metrics.get("intervals"), metrics.get("interval_truth")),
        **_channels(metrics.get("channels")),
        **_inference(metrics.get("posterior"), metrics.get("coverage")),
        "fit_steps": metrics["fit"]["steps"],
        "fit_loss": metrics["fit"]["final_loss"],
    }
    for prefix, scores in (("", truth), ("heldout_", heldout)):
        for method, row in scores.items():
            suffix = "" if method == "cardioscar" else f"_{method}"
            flat |= {f"{prefix}{name}{suffix}": value for name, value in row.items()}
    for segment, row in metrics["aha"].items():
        flat[f"aha/{segment}_scar_fraction"] = row["scar_fraction"]
    return flat


def _channels(channels: Sequence[Mapping[str, Any]] | None) -> dict[str, float | None]:
    if channels is None:
        return {}
    shares = [row["open_probability"] for row in channels]
    return {
        "channels": float(len(channels)),
        "channels_open": None if None in shares else float(sum(share > 0.5 for share in shares)),
    }


def _inference(posterior: Mapping[str, Any] | None, coverage: Mapping[str, Any] | None) -> dict[str, float | None]:
    flat = {
        f"posterior_{name}": float(posterior[name])
        for name in ("converged", "iterations", "inducing_points", "unsettled_pixels")
        if posterior and name in posterior
    }
    names = ("unseen_wall_fraction", "unseen_scar_fraction", "unseen_wall_ml", "unseen_scar_ml", "farthest_mm")
    return flat | {name: coverage[name] for name in names if coverage and name in coverage}


def _left_out(scores: Mapping[str, Any] | None) -> dict[str, float | None]:
    names = ("dice", "mean_absolute_error", "brier", "scar_error", "area_bias")
    return {f"left_out_{name}": scores[name] for name in names} if scores else {}


def _intervals(intervals: Mapping[str, Any] | None, truth: Mapping[str, Any] | None) -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for name in ("scar_ml", "scar_fraction"):
        if intervals and name in intervals:
            flat |= {f"{name}_{end}": intervals[name][end] for end in ("lower", "upper")}
        if truth and name in truth:
            flat[f"{name}_inside"] = float(truth[name]["inside"])
    if truth and truth.get("aha_segments"):
        flat["aha_inside_fraction"] = truth["aha_inside"] / truth["aha_segments"]
    return flat
