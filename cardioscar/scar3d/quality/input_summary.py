"""What a map was made from, in numbers: slices, pixels, mesh, and what a pixel said of scar."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from cardioscar.config import from_mapping
from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.quality.result_input import InputSummary


def input_summary(facts: Mapping[str, Any], stack: SliceStack, config: Mapping[str, Any]) -> InputSummary:
    """What `metrics.json` says of the input.

    Args:
        facts: `preprocess.json`.
        stack: The slices that the fit saw.
        config: Settings of `preprocess`.

    Raises:
        ConfigError: If `preprocess.json` is of another form than this version's.
    """
    seen = [piece for piece in stack if piece.observed.any()]
    middle = np.sort([piece.pixel_centers_mm().mean(axis=0) @ seen[0].normal for piece in seen])
    apart = [b - a for a, b in pairwise(middle)]
    content = {
        "scar_from": facts["target"],
        "n_sd": config.get("n_sd") if facts["target"] == "nsd" else None,
        "slices": len(seen),
        "hidden_slices": len(facts["hidden_slices"]),
        "slice_distance_mm": round(float(np.median(apart)), 3) if apart else None,
        "slice_thickness_mm": facts["slice_thickness_mm"],
        "pixel_mm": [round(float(x), 3) for x in stack.slices[0].pixel_mm],
        **{name: facts[name] for name in ("merged_pixels", "mesh", "nodes", "edge_mm", "worst_cell_quality")},
        "heart": facts.get("heart", "adult"),
        "signal": facts.get("signal"),
    }
    if "segmenter" in facts:
        content |= {"segmenter": facts["segmenter"]["name"], "look_at": facts["segmenter"]["look_at"]}
    return from_mapping(InputSummary, content, where="preprocess.json", foreign=True)
