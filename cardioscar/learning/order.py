"""In which order a training meets its examples: all of them in a drawn order, then all in another, without end."""

from __future__ import annotations

from typing import Any

import numpy as np


class Order:
    """Endless order of examples that a resumed training takes up where it was.

    Args:
        count: Number of examples, at least 1.
        rng: Source of the draws; others may draw from it meanwhile.

    >>> order = Order(3, np.random.default_rng(0))
    >>> first = [order.next() for _ in range(3)]
    >>> sorted(first), order.at_start
    ([0, 1, 2], True)
    """

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        if count < 1:
            raise ValueError("an order of no examples")
        self.count, self.rng = count, rng
        self._left: list[int] = []

    @property
    def at_start(self) -> bool:
        """Whether a pass over all examples has just ended."""
        return not self._left

    def next(self) -> int:
        """Index of the next example."""
        if not self._left:
            self._left = self.rng.permutation(self.count).tolist()
        return self._left.pop(0)

    def state_dict(self) -> dict[str, Any]:
        """What is left of this pass, and the state of the source of draws; JSON-ready."""
        return {"left": list(self._left), "rng": self.rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._left = [int(index) for index in state["left"]]
        self.rng.bit_generator.state = state["rng"]
