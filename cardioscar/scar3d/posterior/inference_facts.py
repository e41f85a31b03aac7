"""What `infer` knows beside the map: whether its fits converged, and how much of the wall no slice shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.types import NodeMask, NodeValues

log = logging.getLogger(__name__)

FILE = "inference.json"
REACH_MM = 10.0
"""Tissue farther than this from every observed pixel is called unseen: gaps between slices are 10 mm at most as a rule,
so tissue between two slices is half as far."""
DISTANCES_MM = (5.0, 10.0, 20.0)
"""Distances for which shares of wall and scar are given besides."""


def coverage_facts(
    nearest_mm: NodeValues, probability: NodeValues, node_volumes_ml: NodeValues, *, threshold: float
) -> dict[str, Any]:
    """How far wall and scar lie from what the slices show.

    Args:
        nearest_mm: Distance of each node to the nearest observed pixel in mm, shape (nodes,).
        probability: Scar probability, 0 to 1, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,).
        threshold: Probability from which a node is scar.

    Returns:
        `reach_mm`; of the tissue farther than that from every observed pixel `unseen_wall_fraction` (of the wall),
        `unseen_scar_fraction` (of the reported scar; 0 without scar), `unseen_wall_ml`, `unseen_scar_ml` (the expected
        volume of scar in it, reported or not); `farthest_mm`; and `farther_than_mm`, by distance the `wall_fraction`
        and `scar_fraction` that lie farther.
    """
    scar = np.asarray(probability) >= threshold
    wall_ml, scar_ml = float(node_volumes_ml.sum()), float(node_volumes_ml[scar].sum())

    def shares(far: NodeMask) -> tuple[float, float]:
        wall = float(node_volumes_ml[far].sum()) / wall_ml if wall_ml > 0 else 0.0
        of_scar = float(node_volumes_ml[far & scar].sum()) / scar_ml if scar_ml > 0 else 0.0
        return min(wall, 1.0), min(of_scar, 1.0)

    unseen = nearest_mm > REACH_MM
    wall_share, scar_share = shares(unseen)
    farther = {}
    for distance in DISTANCES_MM:
        wall, of_scar = shares(nearest_mm > distance)
        farther[f"{distance:g}"] = {"wall_fraction": wall, "scar_fraction": of_scar}
    tissue = node_volumes_ml > 0
    return {
        "reach_mm": REACH_MM,
        "unseen_wall_fraction": wall_share,
        "unseen_scar_fraction": scar_share,
        "unseen_wall_ml": float(node_volumes_ml[unseen].sum()),
        "unseen_scar_ml": float(node_volumes_ml[unseen] @ probability[unseen]),
        "farthest_mm": float(nearest_mm[tissue].max(initial=0.0)),
        "farther_than_mm": farther,
    }


def warn_of(facts: Mapping[str, Any]) -> None:
    """Say in the log what did not converge."""
    if not facts.get("converged", True):
        log.warning(
            "the correction of the map by the pixels had not converged after %d steps: the map may not meet them as "
            "well as it could (infer.posterior.iterations allows more)",
            facts["iterations"],
        )
    if facts.get("unsettled_pixels"):
        log.warning(
            "the projection onto the pixels did not settle for %d of them: the map meets these only roughly",
            facts["unsettled_pixels"],
        )


def write_facts(folder: Path, posterior: Mapping[str, Any], coverage: Mapping[str, Any]) -> None:
    """Write `inference.json`; times stand in the subject's row, so that equal maps have equal files."""
    timeless = {name: value for name, value in posterior.items() if not name.endswith("_seconds")}
    content = {"posterior": timeless, "coverage": dict(coverage)}
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Content of `inference.json`, `posterior` and `coverage`; empty for a map that was made without.

    Args:
        folder: The subject's folder of `infer`.
    """
    path = folder / FILE
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
