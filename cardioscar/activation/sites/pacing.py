"""Sites for a lead: the best places of the wall that are apart from each other, and how sure they are."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy import sparse
from scipy.spatial import cKDTree

from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.score import Draws
from cardioscar.activation.sites.wall import Wall
from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS
from cardioscar.types import NodeValues

log = logging.getLogger(__name__)

_THINNED_MM = 2.0
"""Of candidates within such a cube one is looked at: meshes may be much finer than a lead."""
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Site:
    """A place for a lead; means are over its footprint."""

    rank: int
    """1 for the best."""
    node: int
    """Node of the mesh."""
    position_mm: tuple[float, float, float]
    """LPS."""
    apicobasal: float
    """0 at the apex to 1 at the base."""
    rotational_deg: float
    """Angle about the long axis, 0 at the middle of the septum, positive towards anterior."""
    transmural: float
    """0 at the endocardium to 1 at the epicardium."""
    segment: int
    """AHA segment, 0 where the mesh has none."""
    segment_name: str
    """Its name."""
    tos_ms: float
    """Mean onset over the draws."""
    tos_low_ms: float
    """Onset that 5 % of the draws are below."""
    tos_high_ms: float
    """Onset that 5 % of the draws are above."""
    lateness_ms: float
    """Expected delay behind the earliest tenth of the wall."""
    scar_probability: float
    """Mean scar over the draws, 0 to 1."""
    scar_distance_mm: float | None
    """To the nearest node that is rather scar than not; None where there is none."""
    score_ms: float
    """Expected lateness × probability of no scar."""
    confidence: float
    """Share of the draws in which its score comes near that draw's best place, see `SiteConfig.near_best`."""

    def row(self) -> dict[str, Any]:
        """Plain numbers for a table or JSON."""
        return {name: round(one, 3) if isinstance(one, float) else one for name, one in vars(self).items()} | {
            "position_mm": [round(one, 1) for one in self.position_mm]
        }


def pacing_sites(wall: Wall, draws: Draws, config: SiteConfig | None = None) -> list[Site]:
    """Find the best sites.

    Args:
        wall: Nodes and where they lie.
        draws: Of onset and scar at them.
        config: Rules.

    Returns:
        At most as many as the config asks for, the best first; fewer where the wall that the rules leave is smaller
        than that; none, with a warning, where they leave no node.
    """
    config = config or SiteConfig()
    candidates = _thinned(wall, np.flatnonzero(wall.allowed(config)))
    if not len(candidates):
        log.warning("no place for a lead: the rules leave no wall")
        return []
    footprint = _footprints(wall, candidates, config.footprint_mm)
    score = footprint @ draws.score_ms
    confidence = _confidence(footprint, draws, config.near_best)
    chosen = _apart(wall, candidates, score, config)
    scar = np.flatnonzero(draws.scar_probability >= config.scar_probability)
    to_scar = cKDTree(wall.nodes_mm[scar]) if len(scar) else None
    tos_ms = draws.tos_ms @ footprint[chosen].T
    lateness, probability = footprint @ draws.expected_lateness_ms, footprint @ draws.scar_probability
    sites = []
    for rank, (place, onsets) in enumerate(zip(chosen, tos_ms.T, strict=True), start=1):
        node = int(candidates[place])
        x, y, z = (float(one) for one in wall.nodes_mm[node])
        segment = int(wall.segments[node])
        low, high = np.quantile(onsets, _INTERVAL)
        sites.append(
            Site(
                rank=rank,
                node=node,
                position_mm=(x, y, z),
                apicobasal=float(wall.apicobasal[node]),
                rotational_deg=float(np.degrees(wall.rotational[node])),
                transmural=float(wall.transmural[node]),
                segment=segment,
                segment_name=AHA_SEGMENTS[segment - 1] if segment else "",
                tos_ms=float(onsets.mean()),
                tos_low_ms=float(low),
                tos_high_ms=float(high),
                lateness_ms=float(lateness[place]),
                scar_probability=float(probability[place]),
                scar_distance_mm=None if to_scar is None else float(to_scar.query(wall.nodes_mm[node])[0]),
                score_ms=float(score[place]),
                confidence=float(confidence[place]),
            )
        )
    return sites


def _thinned(wall: Wall, nodes: Int[np.ndarray, " some"]) -> Int[np.ndarray, " fewer"]:
    if not len(nodes):
        return nodes
    cube = np.floor(wall.nodes_mm[nodes] / _THINNED_MM).astype(np.int64)
    _, first = np.unique(cube, axis=0, return_index=True)
    return nodes[np.sort(first)]


def _footprints(wall: Wall, candidates: Int[np.ndarray, " some"], reach_mm: float) -> sparse.csr_array:
    """Matrix that takes nodes to means about candidates, by volume."""
    near = cKDTree(wall.nodes_mm).query_ball_point(wall.nodes_mm[candidates], reach_mm)
    rows = np.repeat(np.arange(len(candidates)), [len(one) for one in near])
    columns = np.concatenate([np.asarray(one, dtype=np.int64) for one in near])
    # a node of no cell has no volume, and yet is a place
    shares = sparse.csr_array(
        (np.maximum(wall.volumes_ml[columns], 1e-12), (rows, columns)), shape=(len(candidates), len(wall.nodes_mm))
    )
    return (sparse.diags_array(1 / np.asarray(shares.sum(axis=1))) @ shares).tocsr()


def _confidence(footprint: sparse.csr_array, draws: Draws, near_best: float) -> NodeValues:
    """Share of pairs of draws in which each candidate comes near the best one."""
    near = np.zeros(footprint.shape[0])
    for number in range(draws.pairs):
        late, free = draws.pair(number)
        score = footprint @ (late * free)
        near += (score >= near_best * score.max()) & (score > 0)
    return near / draws.pairs


def _apart(
    wall: Wall, candidates: Int[np.ndarray, " some"], score: NodeValues, config: SiteConfig
) -> Int[np.ndarray, " few"]:
    """Best candidates, each leaving out those nearer to it than sites may be."""
    left = np.ones(len(candidates), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < config.count and left.any():
        best = int(np.flatnonzero(left)[np.argmax(score[left])])
        chosen.append(best)
        apart = np.linalg.norm(wall.nodes_mm[candidates] - wall.nodes_mm[candidates[best]], axis=1)
        left &= apart >= max(config.apart_mm, 1e-9)
    return np.array(chosen, dtype=np.int64)
