"""A conducting channel, and what counts as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from cardioscar.errors import ConfigError
from cardioscar.scar3d.channels.centreline import Centreline
from cardioscar.scar3d.channels.mesh_graph import Edges
from cardioscar.types import NodeValues

Nodes = Int[np.ndarray, " _"]
"""Numbers of nodes of the mesh, as many as there are."""


@dataclass(frozen=True)
class ChannelSearch:
    """What counts as a channel."""

    max_width_mm: float = 12.0
    """Widest corridor; wider gaps are healthy wall between two scars."""
    min_length_mm: float = 10.0
    """Shortest corridor."""
    protection_mm: float = 2.5
    """How deep between scar and scar tissue must lie to be protected; shallower are the waves of the border."""

    def __post_init__(self) -> None:
        for name in ("max_width_mm", "min_length_mm", "protection_mm"):
            if not getattr(self, name) > 0:
                raise ConfigError(name, "more than 0 mm", f"{getattr(self, name):g}")


@dataclass(frozen=True)
class Channel:
    """A living corridor through scar.

    Attributes:
        threshold: Probability of scar below which it lives: the map's own, or that of likely scar.
        line: Its centreline, from mouth to mouth.
        path: Nodes along the line, in order.
        width_mm: Width along it, between the mouths.
        nodes: Its nodes.
        mouths: Nodes where it opens into healthy tissue, at the start and at the end of the line.
        neighbourhood: Nodes through which it may run in a draw of the scar: itself, its mouths and the tissue beside
            it, never the living wall around the scar or over it.
        links: Edges of the mesh within the neighbourhood.
        covered: Share of its way along which no living wall lies over or under it, 0 to 1.
    """

    threshold: float
    line: Centreline
    path: Nodes
    width_mm: NodeValues
    nodes: Nodes
    mouths: tuple[Nodes, Nodes]
    neighbourhood: Nodes
    links: Edges
    covered: float

    @property
    def kind(self) -> str:
        """`corridor`, or `groove` where it is open over most of its way to living wall over or under it."""
        return "corridor" if self.covered >= 0.5 else "groove"
