"""The interface of a reconstruction method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from cardioscar.scar3d.observation.problem import Problem
from cardioscar.types import NodeValues


@dataclass(frozen=True)
class Reconstruction:
    """A method's answer.

    Attributes:
        probability: Scar probability at each node, 0 to 1, shape (nodes,), float32.
        draws: Posterior samples as a stream: `draws(n, seed)` yields n arrays of scar values, 0 to 1, shape (nodes,),
            float32, each one a whole map (neighbouring nodes agree); the same for the same seed. None where the method
            has no notion of uncertainty.
        facts: What the method says about itself (steps, iterations, seconds by part), ready for JSON.
    """

    probability: NodeValues
    draws: Callable[[int, int], Iterator[NodeValues]] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Method(Protocol):
    """A way to reconstruct; implementations are frozen dataclasses whose fields are their settings."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        ...

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Reconstruct the scar of one subject.

        Args:
            problem: Nodes, groups and slices.
            seed: Seed of everything random.

        Returns:
            Finite values at every node, deterministic for a seed.
        """
        ...
