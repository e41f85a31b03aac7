"""Scar map and activation joined on one wall: fields, sites, segments, corridors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from cardioscar.activation.formats.onset_archive import HeartOnsets
from cardioscar.activation.mapping.activation_map import ActivationMap, activation_map
from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.activation.mapping.placing import Placed
from cardioscar.activation.mapping.ventricle import Ventricle
from cardioscar.activation.sites.ablation import ablation_rows
from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.pacing import Site, pacing_sites
from cardioscar.activation.sites.score import Draws
from cardioscar.activation.sites.segments import segment_rows
from cardioscar.activation.sites.wall import Wall
from cardioscar.activation.strain.sector_class import LATE_MS
from cardioscar.types import NodeValues


@dataclass(frozen=True, eq=False)
class Joined:
    """What both maps say together.

    Attributes:
        sites: For a lead, the best first; none without activation.
        segments: Rows of the bullseye, see `segment_rows`; none without activation.
        corridors: Rows for ablation, see `ablation_rows`.
        fields: Of the wall's nodes by name: `tos_ms`, `tos_sd_ms`, `slice_distance_mm`, `lateness_ms`, `score_ms`,
            `site_allowed`; none without activation.
        numbers: Flat numbers of the activation by name.
    """

    sites: tuple[Site, ...] = ()
    segments: tuple[dict[str, Any], ...] = ()
    corridors: tuple[dict[str, Any], ...] = ()
    fields: Mapping[str, np.ndarray] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


def mapped(heart: HeartOnsets, placed: Placed, ventricle: Ventricle, config: MapConfig | None = None) -> ActivationMap:
    """The activation map of slices that are placed in a ventricle.

    Args:
        heart: Onsets of the slices.
        placed: Where they lie.
        ventricle: Of the mesh, whose size the map takes.
        config: What is known beforehand.
    """
    widest = float(ventricle.radii_mm.max())
    config = replace(config or MapConfig(), length_mm=ventricle.length_mm, radius_mm=widest)
    return activation_map([placed.turned(one) for one in heart.slices], placed.heights.tolist(), config)


def joined(
    wall: Wall,
    scar: Float[np.ndarray, "draws nodes"] | None,
    activation: ActivationMap | None,
    channels: Sequence[Mapping[str, Any]] = (),
    *,
    sites: SiteConfig | None = None,
    draws: int = 100,
    seed: int = 0,
) -> Joined:
    """Join the maps.

    Args:
        wall: Nodes.
        scar: Draws of the scar map at them, 0 to 1; None where there is no map: then no wall counts as scar.
        activation: Activation map; None where there is none.
        channels: Of the scar map.
        sites: Rules for sites.
        draws: Of the activation map.
        seed: Of these draws.
    """
    if activation is None:
        return Joined(corridors=tuple(ablation_rows(channels)))
    tos_ms = activation.draws_ms(wall.apicobasal, wall.rotational, draws=draws, seed=seed)
    both = Draws(tos_ms, np.zeros((1, len(wall.nodes_mm))) if scar is None else scar)
    config = sites or SiteConfig()
    fields = activation.point_data(wall.apicobasal, wall.rotational)
    lateness = both.expected_lateness_ms
    fields |= {
        "lateness_ms": lateness.astype(np.float32),
        "score_ms": (lateness * (1 - both.scar_probability)).astype(np.float32),
        "site_allowed": wall.allowed(config).astype(np.uint8),
    }
    mean_ms = np.asarray(fields["tos_ms"], dtype=np.float64)
    return Joined(
        sites=tuple(pacing_sites(wall, both, config)),
        segments=tuple(segment_rows(wall, both, config)),
        corridors=tuple(ablation_rows(channels, wall.nodes_mm, mean_ms)),
        fields=fields,
        numbers=_numbers(wall, mean_ms, lateness),
    )


def _numbers(wall: Wall, tos_ms: NodeValues, lateness: NodeValues) -> dict[str, float]:
    low, high = np.quantile(tos_ms, [0.1, 0.9])
    late = float(wall.volumes_ml[lateness >= LATE_MS].sum() / max(wall.volumes_ml.sum(), 1e-12))
    return {"tos_range_ms": float(high - low), "late_percent": 100 * late, "tos_mean_ms": float(tos_ms.mean())}
