"""What a map was made from, in numbers: slices, pixels, mesh, and what a pixel said of scar."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from cardioscar.imaging.slices import SliceStack


def input_summary(facts: Mapping[str, Any], stack: SliceStack, config: Mapping[str, Any]) -> dict[str, Any]:
    """What `metrics.json` says of the input.

    Args:
        facts: `preprocess.json`.
        stack: The slices that the fit saw.
        config: Settings of `preprocess`.

    Returns:
        `scar_from` (`labels`, `probability`, `layers`, `fwhm` or `nsd`), `n_sd` (of `nsd`, else None), `slices` (seen,
        with wall), `hidden_slices`, `slice_distance_mm` (median of neighbours; None for one slice),
        `slice_thickness_mm`, `pixel_mm` (along rows and columns), `merged_pixels`, `mesh`, `nodes`, `edge_mm`,
        `worst_cell_quality`, `heart`, and `signal`, what the image says (None without one).
    """
    seen = [piece for piece in stack if piece.observed.any()]
    middle = np.sort([piece.pixel_centers_mm().mean(axis=0) @ seen[0].normal for piece in seen])
    apart = [b - a for a, b in pairwise(middle)]
    return {
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
