"""The wall that sites are looked for in: its nodes, where they lie, and which of them may carry a lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from cardioscar.activation.sites.config import SiteConfig
from cardioscar.errors import InputError
from cardioscar.types import NodeMask, NodeValues, Points

_SKIN = 0.15
"""Share of the wall's thickness within which nodes lie at a surface; fewer layers of nodes leave those at it itself."""


@dataclass(frozen=True, eq=False)
class Wall:
    """Nodes of a ventricle.

    Attributes:
        nodes_mm: Positions in mm LPS.
        apicobasal: 0 at the apex to 1 at the base.
        rotational: Angle about the long axis, 0 at the middle of the septum, positive towards anterior, radians.
        transmural: 0 at the endocardium to 1 at the epicardium.
        segments: AHA segment of each, 1 to 17, 0 for none.
        volumes_ml: Share of the wall's volume of each.
        cavity_apex: Apicobasal coordinate at which the cavity ends.
    """

    nodes_mm: Points
    apicobasal: NodeValues
    rotational: NodeValues
    transmural: NodeValues
    segments: Int[np.ndarray, " nodes"]
    volumes_ml: NodeValues
    cavity_apex: float = 0.0

    def __post_init__(self) -> None:
        count = len(self.nodes_mm)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and (len(value) != count or not np.isfinite(value).all()):
                raise InputError(name, f"a finite value of each of {count} nodes", "others")

    def allowed(self, config: SiteConfig) -> NodeMask:
        """Nodes at which a lead may stand by the rules."""
        found = np.ones(len(self.nodes_mm), dtype=bool)
        if config.surface == "epicardium":
            found &= self.transmural >= 1 - _SKIN
        elif config.surface == "endocardium":
            found &= self.transmural <= _SKIN
        if config.away_from_septum:
            found &= np.abs(np.degrees(self.rotational)) >= config.septum_deg
        if config.away_from_apex:
            along = (self.apicobasal - self.cavity_apex) / max(1 - self.cavity_apex, 1e-9)
            found &= along >= config.apex_share
        return found
