"""One method on one case, in a process of its own: reconstruct, draw, time, score."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # what an optimiser's first step would load is loaded before the clock runs

from benchmarks.reconstruction.accuracy import accuracy
from benchmarks.reconstruction.case import Case
from benchmarks.reconstruction.coverage import Coverage, HiddenAreas
from benchmarks.reconstruction.roster import create
from cardioscar.metrics.overlap import dice
from cardioscar.scar3d.methods.method import Method, Reconstruction
from cardioscar.scar3d.methods.reference import Reference
from cardioscar.scar3d.observation.problem import Problem

TIMED_DRAWS = 20
"""Draws whose time counts as part of a reconstruction."""


@dataclass(frozen=True)
class Trial:
    """What to run.

    Attributes:
        method: Name in the roster.
        case: Folder of the case.
        seed: Seed of the method and of its draws.
        draws: Draws for the intervals; 0 for none.
        reference_s: Budget of the reference in seconds of processor time.
    """

    method: str
    case: Path
    seed: int = 0
    draws: int = 40
    reference_s: float = 60.0


class Stopwatch:
    """Processor and wall time of the blocks it is entered for, summed."""

    def __init__(self) -> None:
        self.cpu_s = self.wall_s = 0.0

    def __enter__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.cpu_s += time.process_time() - self._cpu
        self.wall_s += time.perf_counter() - self._wall


def run(trial: Trial) -> dict[str, Any]:
    """Run one trial in this process and score it.

    Returns:
        `scores`, `coverage` (None without draws; of areas where slices are hidden), `cpu_s` and `wall_s` by part,
        `peak_mib`, `empty_mib` (before the method began: Python, libraries and case), `looks` of the reference, the
        method's `facts`, and what the case is `about`; ready for JSON.
    """
    torch.set_num_threads(1)
    case = Case.load(trial.case)
    mapping, fitting, drawing = Stopwatch(), Stopwatch(), Stopwatch()
    with mapping:
        problem = case.problem()
    method = create(trial.method, reference_s=trial.reference_s)
    empty_mib = _peak_mib()
    answer, looks = _reconstruct(method, problem, case, trial.seed, fitting)
    peak_mib = _peak_mib()

    coverage, timed = None, (0.0, 0.0)
    if answer.draws is not None and trial.draws:
        collected = Coverage(case) if case.truth is not None else HiddenAreas(case)
        with drawing:
            stream = answer.draws(trial.draws, trial.seed)
        for number in range(1, trial.draws + 1):
            with drawing:
                draw = next(stream)
            if number == min(TIMED_DRAWS, trial.draws):
                timed = (drawing.cpu_s, drawing.wall_s)
            collected.add(draw)
        peak_mib = max(peak_mib, _peak_mib())
        coverage = collected.scores()
    return {
        "scores": accuracy(case, problem, answer.probability),
        "coverage": coverage,
        "cpu_s": {"map_pixels": mapping.cpu_s, "fit": fitting.cpu_s, "draws": timed[0]},
        "wall_s": {"map_pixels": mapping.wall_s, "fit": fitting.wall_s, "draws": timed[1]},
        "peak_mib": peak_mib,
        "empty_mib": empty_mib,
        "looks": looks,
        "facts": answer.facts,
        "about": {name: fact for name, fact in case.facts.items() if name != "shifts_mm"},
        "nodes": len(case.nodes_mm),
        "groups": problem.n_groups,
    }


def _reconstruct(
    method: Method, problem: Problem, case: Case, seed: int, clock: Stopwatch
) -> tuple[Reconstruction, list[dict[str, float]]]:
    """The method's answer; of the reference also Dice against time."""
    if not isinstance(method, Reference) or case.truth is None:
        with clock:
            return method.reconstruct(problem, seed=seed), []
    looks = []
    for answer in method.looks(problem, seed=seed):
        scar = answer.probability >= 0.5
        looks.append({"cpu_s": answer.facts["fit_cpu_s"], "dice": dice(case.truth, scar, case.node_ml)})
    clock.cpu_s = clock.wall_s = answer.facts["fit_cpu_s"]
    return answer, looks


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
