"""From what is asked for to the trials that it takes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from benchmarks.reconstruction.building import CaseAbsentError, ensure
from benchmarks.reconstruction.results import Row, trial_key
from benchmarks.reconstruction.roster import REFERENCE, create
from benchmarks.reconstruction.suite import MEMORY_NODES, PEOPLE_SEEDS, SETS, PhantomCase, people
from benchmarks.reconstruction.trial import Trial


@dataclass(frozen=True)
class Planned:
    """A trial and where its row belongs."""

    trial: Trial
    case: str
    case_set: str
    nodes: int
    """Wanted number of nodes; 0 for a case that brings its own mesh."""
    key: str

    def row(self, outcome: dict[str, Any]) -> Row:
        """The row to keep."""
        about = {"key": self.key, "method": self.trial.method, "case": self.case, "set": self.case_set}
        return {**about, "nodes_wanted": self.nodes, "seed": self.trial.seed, **outcome}


def plan(asked: argparse.Namespace) -> tuple[list[Planned], list[str]]:
    """The trials, building the cases that are not there yet, and what is left out and why.

    Args:
        asked: The command line's options, see `__main__`.
    """
    planned, skipped = [], []
    for case_set in asked.sets:
        for spec in people(case_set, asked.hearts) if case_set in PEOPLE_SEEDS else SETS[case_set]:
            if asked.cases and not any(word in spec.name for word in asked.cases):
                continue
            sizes = [MEMORY_NODES] if case_set == "memory" else asked.nodes
            for nodes in sizes if isinstance(spec, PhantomCase) else [0]:
                try:
                    folder = ensure(spec, nodes, asked.cache)
                except CaseAbsentError as absent:
                    skipped.append(f"{spec.name}: {absent}")
                    continue
                for name in asked.methods:
                    if name == REFERENCE and not _has_reference(spec.name, nodes, asked):
                        continue
                    trial = Trial(name, folder, asked.seed, asked.draws, asked.reference_seconds)
                    key = trial_key(trial, create(name, reference_s=asked.reference_seconds))
                    planned.append(Planned(trial, spec.name, case_set, nodes, key))
    return planned, skipped


def _has_reference(case: str, nodes: int, asked: argparse.Namespace) -> bool:
    return 0 < nodes <= asked.reference_nodes and any(word in case for word in asked.reference_cases)
