"""The published network and schedule [@sen2025], within a stated budget of processor time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from scipy.special import expit

from cardioscar.errors import ConfigError
from cardioscar.files.private_folder import private_folder
from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import published_samples
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.methods.network import mean_of
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.types import NodeValues, Points

FIRST_LOOK_S = 1.0
"""Processor time after which the first map is made; each later look comes after √2 times as much."""


@dataclass(frozen=True)
class Reference:
    """The published method as its public code of 2025 has it, see record 22 of docs/decisions, but for the budget."""

    budget_s: float = 60.0
    """Processor time of the fit in seconds; it ends with the epoch in which it passes."""
    config: FitConfig = field(default_factory=lambda: FitConfig(method="reference"))
    """Settings of the fit; its seed is replaced by that of `reconstruct`."""
    samples: int = 10
    """MC-Dropout passes of which the map is the mean."""

    def __post_init__(self) -> None:
        if self.config.method != "reference":
            raise ConfigError("method", "reference", self.config.method)
        if not self.budget_s > 0:
            raise ConfigError("budget_s", "a positive time", f"{self.budget_s:g} s")

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "reference"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Fit until the budget is spent, or the method's own patience or limit of epochs ends it."""
        return list(self.looks(problem, seed=seed))[-1]

    def looks(self, problem: Problem, *, seed: int = 0) -> Iterator[Reconstruction]:
        """Maps at growing times of one and the same fit; `facts["fit_cpu_s"]` says when, without the looks themselves.

        The fit is stopped at a look and resumed from its checkpoint, which changes nothing in it.

        Args:
            problem: Nodes, groups and slices.
            seed: Seed of weights, dropout and draws.

        Yields:
            The map of the weights at each look's time, as the published code stores the last ones; the last map is that
            of the whole budget.
        """
        observations, spent, epochs, goal = problem.observations(), 0.0, 1, min(FIRST_LOOK_S, self.budget_s)
        with private_folder() as folder:
            while True:
                part = replace(self.config, seed=seed, max_epochs=min(epochs, self.config.max_epochs))
                part = replace(part, checkpoint_seconds=0.0)
                clock = time.process_time()
                fit = fit_field(observations, part, checkpoint=folder / "fit.pt", identity="reference")
                spent += time.process_time() - clock
                ended = fit.stop_reason != "completed" or epochs >= self.config.max_epochs
                over = ended or spent >= self.budget_s
                if over or spent >= goal:
                    facts = {
                        "fit_cpu_s": round(spent, 2), "epochs": len(fit.losses), "steps": fit.steps,
                        "stop_reason": "budget" if over and not ended else fit.stop_reason,
                    }  # fmt: skip
                    yield Reconstruction(
                        mean_of(_passes(fit.field, problem.nodes_mm, self.samples, seed)),
                        partial(_passes, fit.field, problem.nodes_mm),
                        facts,
                    )
                if over:
                    return
                while goal <= spent:
                    goal *= 2**0.5
                goal = min(goal, self.budget_s)
                per_epoch = spent / epochs
                epochs += max(1, round((goal - spent) / per_epoch))


def _passes(field: ScarField, nodes_mm: Points, n: int, seed: int) -> Iterator[NodeValues]:
    for logits in published_samples(field, nodes_mm, samples=n, seed=seed):
        yield expit(logits)
