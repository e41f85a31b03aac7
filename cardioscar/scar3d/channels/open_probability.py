"""The probability that a channel is open, from draws of the scar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

from cardioscar.errors import InputError
from cardioscar.scar3d.channels.channel import Channel
from cardioscar.scar3d.channels.mesh_graph import adjacency
from cardioscar.types import NodeValues


class ChannelWatch:
    """Counts, draw after draw, whether the mouths of each channel are joined by living tissue.

    Only the neighbourhoods of the channels are looked at, and no draw is kept. A channel is open in a draw if a path of
    living nodes within its neighbourhood leads from one mouth to the other.

    Args:
        channels: The channels.
        threshold: Scar value from which a node of a draw is scar.
    """

    def __init__(self, channels: Sequence[Channel], *, threshold: float) -> None:
        self.channels, self._threshold = tuple(channels), threshold
        self._draws = 0
        self._open = np.zeros(len(self.channels), dtype=np.int64)
        self._local = []
        for channel in self.channels:
            where = channel.neighbourhood
            mouths = [np.searchsorted(where, mouth) for mouth in channel.mouths]
            self._local.append((where, np.searchsorted(where, channel.links), mouths))

    def see(self, scar: NodeValues) -> None:
        """Take in one draw.

        Args:
            scar: Scar at each node, 0 to 1, shape (nodes,).

        Raises:
            InputError: If a channel has nodes that the draw does not have.
        """
        self._draws += 1
        for n, (where, links, mouths) in enumerate(self._local):
            if where[-1] >= len(scar):
                raise InputError("draw", f"more than {where[-1]} nodes", str(len(scar)))
            living = scar[where] < self._threshold
            passable = links[living[links].all(axis=1)]
            _, part = connected_components(adjacency(passable, len(where)), directed=False)
            first, last = (part[mouth[living[mouth]]] for mouth in mouths)
            self._open[n] += bool(np.intersect1d(first, last).size)

    @property
    def draws(self) -> int:
        """Draws seen so far."""
        return self._draws

    @property
    def open_probability(self) -> Float[np.ndarray, " channels"]:
        """Share of the draws in which each channel was open, 0 to 1; NaN before the first draw."""
        return self._open / self._draws if self._draws else np.full(len(self.channels), np.nan)
