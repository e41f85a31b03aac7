"""A wall that can be written down: a half ellipsoid of several layers, its coordinates known."""

from __future__ import annotations

import numpy as np

from cardioscar.activation.sites.wall import Wall
from cardioscar.imaging.coordinates.aha import segments_at


def drawn_wall(around: int = 60, along: int = 25, layers: int = 4) -> Wall:
    """Nodes every 6° and 3 mm, 10 mm thick, 80 mm long, 60 mm wide; septum towards x, base at z = 0."""
    height, angle, depth = (
        one.ravel()
        for one in np.meshgrid(
            np.linspace(0.02, 1, along),
            -np.pi + 2 * np.pi * (np.arange(around) + 0.5) / around,
            np.linspace(0, 1, layers),
            indexing="ij",
        )
    )
    radius = (20 + 10 * depth) * np.sqrt(1 - (1 - height) ** 2)
    nodes = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), -80 * (1 - height)])
    return Wall(nodes, height, angle, depth, segments_at(height, angle), radius / radius.sum())
