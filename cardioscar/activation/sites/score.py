"""How good each place of the wall is: expected lateness × probability of no scar, over draws of both maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError
from cardioscar.types import NodeValues

_EARLIEST = 0.1


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of the two maps. They were measured apart, so that a draw of one says nothing of the other.

    Attributes:
        tos_ms: Onset of each node in each draw of the activation map.
        scar: Scar of each node in each draw of the scar map, 0 to 1.
    """

    tos_ms: Float[np.ndarray, "draws nodes"]
    scar: Float[np.ndarray, "others nodes"]

    def __post_init__(self) -> None:
        for name, draws in (("tos_ms", self.tos_ms), ("scar", self.scar)):
            if draws.ndim != 2 or not draws.size:
                raise InputError(name, "one draw and more of the nodes", "none")
        if self.tos_ms.shape[1] != self.scar.shape[1]:
            finding = f"{self.tos_ms.shape[1]} and {self.scar.shape[1]}"
            raise InputError("scar", "draws of the same nodes as those of the onset", finding)
        if not np.isfinite(self.tos_ms).all():
            raise InputError("tos_ms", "onsets that are finite", "others")
        if not (self.scar.min() >= 0 and self.scar.max() <= 1):
            raise InputError("scar", "scar of 0 to 1", "others")

    @property
    def pairs(self) -> int:
        """How many pairs of draws there are; the shorter list is gone through again."""
        return max(len(self.tos_ms), len(self.scar))

    def pair(self, number: int) -> tuple[NodeValues, NodeValues]:
        """Lateness in ms and absence of scar in a pair of draws."""
        one = lateness_ms(self.tos_ms[number % len(self.tos_ms)])
        return one, 1 - self.scar[number % len(self.scar)]

    @property
    def scar_probability(self) -> NodeValues:
        """Mean scar of each node."""
        return np.asarray(self.scar.mean(axis=0, dtype=np.float64))

    @property
    def expected_lateness_ms(self) -> NodeValues:
        """Mean lateness of each node."""
        total = np.zeros(self.tos_ms.shape[1])
        for one in self.tos_ms:
            total += lateness_ms(one)
        return total / len(self.tos_ms)

    @property
    def score_ms(self) -> NodeValues:
        """Expected lateness × probability of no scar: mechanical delay and scar both tell who responds [@bilchick2014].

        As the maps are independent, this is the expectation of the lateness that is free of scar.
        """
        return self.expected_lateness_ms * (1 - self.scar_probability)


def lateness_ms(tos_ms: NodeValues) -> NodeValues:
    """Delay behind the earliest tenth of the wall, which has 0; the clock of the trigger cancels out.

    >>> lateness_ms(np.array([30.0] * 5 + [80.0]))
    array([ 0.,  0.,  0.,  0.,  0., 50.])
    """
    tos_ms = np.asarray(tos_ms, dtype=np.float64)
    return np.maximum(tos_ms - np.quantile(tos_ms, _EARLIEST), 0)
