"""Onset and class of sectors on phantoms that no method has seen: network, single-task networks, classical methods.

python -m benchmarks.late_activation [--steps 300] [--training 1200] [--unseen 100]

Prints a table in Markdown: all unseen hearts, those with scar, and those without.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

import torch

from cardioscar.activation.baselines.active_contour import ActiveContour
from cardioscar.activation.baselines.method import OnsetMethod, Prediction, calibrated
from cardioscar.activation.baselines.peak_time import PeakTime
from cardioscar.activation.baselines.scar_rule import fitted_scar_rule
from cardioscar.activation.baselines.scores import Scores, score
from cardioscar.activation.baselines.threshold import StrainThreshold
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.prediction import NetworkMethod
from cardioscar.activation.network.training import examples_of, train_network
from cardioscar.activation.phantoms.strain_phantom import StrainPhantom, strain_phantom
from cardioscar.activation.strain.matrix import StrainSlice

TRAINING, VALIDATION, UNSEEN = 1_000_000, 2_000_000, 3_000_000
"""First seeds of three sets of hearts that have none in common."""
_TASKS: dict[str, Literal["both", "onset", "class"]] = {
    "network, both tasks": "both",
    "network, onset alone": "onset",
    "network, class alone": "class",
}


class Method(Protocol):
    """Whatever tells onset and class."""

    def predict(self, one: StrainSlice) -> Prediction:
        """Onset, scar and class of the sectors of a slice."""


def draw(first: int, count: int) -> list[StrainPhantom]:
    """Phantoms of so many seeds in a row."""
    return [strain_phantom(first + number) for number in range(count)]


def classical(training: Sequence[StrainPhantom]) -> dict[str, Method]:
    """The classical methods, their offsets and the rule of scar learned on the training hearts."""
    slices = [one.measured for one in training]
    rule = fitted_scar_rule(slices)
    methods: dict[str, OnsetMethod] = {
        "threshold on strain": StrainThreshold(scar_rule=rule),
        "time of the peak": PeakTime(scar_rule=rule),
        "active contour": ActiveContour(scar_rule=rule),
    }
    return {name: calibrated(method, slices) for name, method in methods.items()}


def networks(training: Sequence[StrainPhantom], validation: Sequence[StrainPhantom], steps: int) -> dict[str, Method]:
    """The network with both tasks, and with one of them."""
    examples = [
        examples_of([one.measured for one in some], [one.classes for one in some]) for some in (training, validation)
    ]
    rule = fitted_scar_rule([one.measured for one in training[:100]])
    found: dict[str, Method] = {}
    for name, tasks in _TASKS.items():
        config = ActivationNetworkConfig(tasks=tasks)
        loop = replace(config.loop, steps=steps, validate_every=max(1, steps // 6))
        result = train_network(*examples, replace(config, loop=loop)).checked()
        found[name] = NetworkMethod(result.network, scar_rule=rule if tasks == "onset" else None)
    return found


def scores_of(method: Method, hearts: Sequence[StrainPhantom]) -> Scores:
    """Scores of a method on some hearts."""
    onsets = [one.measured.tos_ms for one in hearts if one.measured.tos_ms is not None]
    return score([method.predict(one.measured) for one in hearts], onsets, [one.classes for one in hearts])


def table(methods: dict[str, Method], hearts: Sequence[StrainPhantom]) -> list[str]:
    """Rows of a table, for all hearts, those with scar and those without."""
    rows = [
        "| hearts | method | TOS error, ms | in living wall "
        "| late: precision | recall | Dice | scar: accuracy | Dice | class |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    scarred = [one for one in hearts if one.measured.scarred is not None and one.measured.scarred.any()]
    rest = [one for one in hearts if not any(one is other for other in scarred)]
    for words, some in (
        (f"all {len(hearts)}", hearts),
        (f"{len(scarred)} with scar", scarred),
        (f"{len(rest)} without", rest),
    ):
        for name, method in methods.items():
            found = vars(scores_of(method, some))
            cells = [f"{value:.1f}" if key.endswith("_ms") else f"{value:.3f}" for key, value in found.items()]
            rows.append(" | ".join([f"| {words}", name, *(cell.replace("nan", "–") for cell in cells)]) + " |")
    return rows


def main(words: list[str] | None = None) -> int:
    """Train, predict and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("steps", 300), ("training", 1200), ("unseen", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given: Any = parser.parse_args(words)
    torch.set_num_threads(1)
    began = time.process_time()
    training, unseen = draw(TRAINING, given.training), draw(UNSEEN, given.unseen)
    methods = classical(training[:100]) | networks(training, draw(VALIDATION, 80), given.steps)
    print("\n".join(table(methods, unseen)))
    print(f"\n{time.process_time() - began:.0f} s of one core, {given.training} training hearts, {given.steps} steps")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
