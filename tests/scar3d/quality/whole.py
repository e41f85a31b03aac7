"""A whole `metrics.json` with nothing wrong in it, of which a test says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cardioscar.scar3d.quality.result import SubjectMetrics, read_metrics

INTERVAL = {"mean": 10.0, "sd": 0.5, "lower": 9.0, "upper": 11.0}
SCORES = {"dice": 0.8, "volume_error_percent": 5.0, "ece": 0.01, "brier": 0.01}
SEGMENT = {"scar_fraction": 0.1, "scar_ml": 1.0, "wall_ml": 10.0}

CONTENT: dict[str, Any] = {
    "subject": "P001", "holdout": "none", "target": "labels", "method": "fourier", "threshold": 0.5,
    "doubt_range": [0.25, 0.75],
    "input": {
        "scar_from": "labels", "n_sd": None, "slices": 9, "hidden_slices": 0, "slice_distance_mm": 10.0,
        "slice_thickness_mm": 8.0, "pixel_mm": [1.25, 1.25], "merged_pixels": 2, "mesh": "read", "nodes": 10_000,
        "edge_mm": 2.5, "worst_cell_quality": 0.2, "heart": "adult", "signal": None,
    },
    "scar": {
        "volume_ml": 12.0, "fraction_of_wall": 0.1, "likely_ml": 9.0, "uncertain_ml": 3.0, "possible_ml": 2.0,
        "border_zone_ml": None, "wall_ml": 120.0, "uncertainty_mean": 0.02,
    },
    "aha": {"1": SEGMENT},
    "intervals": {"level": 0.9, "samples": 64, "scar_ml": INTERVAL},
    "leave_one_out": {
        "slices": 7, "pixels": 700, "dice": 0.8, "mean_absolute_error": 0.1, "brier": 0.1, "scar_error": 0.2,
        "area_bias": 0.0, "per_slice": [],
    },
    "slices": {"with_wall": 9, "observed_scar_ml": 12.0, "outermost_scar": 0.0, "largest_gap_mm": 3.0},
    "residual": {"rms": 0.05, "max": 0.4, "p95": 0.1, "groups": 90},
    "observed_pixels": 100,
    "fit": {
        "method": "fourier", "stop_reason": "completed", "steps": 300, "seconds": 5.0, "final_loss": 0.01,
        "device": "cpu", "together": 1,
    },
    "orientation": "given",
    "coverage": {
        "reach_mm": 10.0, "unseen_wall_fraction": 0.0, "unseen_scar_fraction": 0.0, "unseen_wall_ml": 0.0,
        "unseen_scar_ml": 0.0, "farthest_mm": 6.0, "farther_than_mm": {},
    },
    "posterior": {"converged": True},
    "qc": {"verdict": "pass", "reasons": []},
}  # fmt: skip

CHANNEL: dict[str, Any] = {
    "id": 1, "kind": "corridor", "length_mm": 20.0, "width_mm": 5.0, "narrowest_mm": 3.0, "orientation": [0, 0, 1],
    "angle_to_long_axis_deg": 10.0, "position": "mid-wall", "transmural_range": [0.2, 0.6], "covered": 0.5,
    "mouths_mm": [[0, 0, 0], [0, 0, 20]], "aha_segments": [7], "open_probability": 0.9, "threshold": 0.5,
    "volume_ml": 1.0, "centreline_mm": [[0, 0, 0], [0, 0, 20]],
}  # fmt: skip


def whole(changes: Mapping[str, Any] | None = None) -> SubjectMetrics:
    """The metrics with some keys changed; of a mapping those that are named, an empty one takes the place."""
    return read_metrics(_merged(CONTENT, changes or {}))


def _merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and value and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
