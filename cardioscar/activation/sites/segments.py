"""The score by segment of the AHA, as a bullseye shows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.score import Draws
from cardioscar.activation.sites.wall import Wall
from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS


def segment_rows(wall: Wall, draws: Draws, config: SiteConfig | None = None) -> list[dict[str, Any]]:
    """Means over each segment, by volume.

    Args:
        wall: Nodes and where they lie.
        draws: Of onset and scar at them.
        config: Rules.

    Returns:
        For each segment that the mesh has: `segment`, `name`, `tos_ms` with `tos_low_ms` and `tos_high_ms` (between
        which 90 % of the draws lie), `lateness_ms`, `scar_probability`, `score_ms`, and `allowed`, the share of its
        nodes on the lead's surface that the rules leave.
    """
    config = config or SiteConfig()
    allowed, surface = wall.allowed(config), wall.allowed(_surface_alone(config))
    lateness, scar, score = draws.expected_lateness_ms, draws.scar_probability, draws.score_ms
    rows = []
    for segment, name in enumerate(AHA_SEGMENTS, start=1):
        here = wall.segments == segment
        if not here.any():
            continue
        weights = np.maximum(wall.volumes_ml[here], 1e-12)
        weights = weights / weights.sum()
        onsets = draws.tos_ms[:, here] @ weights
        low, high = np.quantile(onsets, [0.05, 0.95])
        row = {
            "tos_ms": onsets.mean(),
            "tos_low_ms": low,
            "tos_high_ms": high,
            "lateness_ms": lateness[here] @ weights,
            "scar_probability": scar[here] @ weights,
            "score_ms": score[here] @ weights,
            "allowed": (allowed & here).sum() / max((surface & here).sum(), 1),
        }
        numbers = {key: round(float(value), 3) for key, value in row.items()}
        rows.append({"segment": segment, "name": name, **numbers})
    return rows


def _surface_alone(config: SiteConfig) -> SiteConfig:
    return SiteConfig(surface=config.surface, away_from_septum=False, away_from_apex=False)
