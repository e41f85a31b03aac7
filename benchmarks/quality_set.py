"""The hearts of the quality benchmark: phantoms as different as the data of many clinics, taken through all stages."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.scar3d.quality.result import SubjectMetrics, read_metrics
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

SEEDS = range(1000, 1030)
FIRST_HALF = range(1000, 1015)
"""Limits are chosen on these seeds; the others only show what the limits are worth."""
HEARTS_PER_SEED = 2
NODES = 10_000


@dataclass(frozen=True)
class Heart:
    """One heart of the set.

    Attributes:
        subject: Its id.
        seed: Its seed, which decides the half that it belongs to.
        target: What its pixels say of scar: a reader's fractions, hard labels, or the LGE image by the FWHM rule.
        config: How the phantom is made.
    """

    subject: str
    seed: int
    target: str
    config: PhantomConfig


@dataclass(frozen=True)
class Result:
    """What became of a heart.

    Attributes:
        heart: The heart.
        metrics: `metrics.json`.
        slices: Path of the slices that its fit saw.
    """

    heart: Heart
    metrics: SubjectMetrics
    slices: Path

    @property
    def chosen_on(self) -> bool:
        """Whether limits were chosen on this heart."""
        return self.heart.seed in FIRST_HALF

    @property
    def dice(self) -> float:
        """True Dice of the map; NaN where there is no scar in truth and map."""
        return self._truth("dice")

    @property
    def volume_error(self) -> float:
        """Absolute error of the scar volume in percent."""
        return abs(self._truth("volume_error_percent"))

    def _truth(self, name: str) -> float:
        scores = (self.metrics.truth or {})["cardioscar"]
        value = getattr(scores, name)
        return math.nan if value is None else float(value)


def hearts() -> Iterator[Heart]:
    """Draw the set: slice distance 6–14 mm, thickness 4–8 mm, shifts to 3 mm, readers' errors, noise, three targets."""
    for seed in SEEDS:
        for turn in range(HEARTS_PER_SEED):
            rng = np.random.default_rng([seed, turn])
            number = (seed - SEEDS[0]) * HEARTS_PER_SEED + turn
            spacing = round(float(rng.uniform(6, 14)), 1)
            thickness = round(float(rng.uniform(4, min(8, spacing))), 1)
            config = PhantomConfig(
                subjects=1,
                seed=10 * seed + turn,
                nodes=NODES,
                scar="none" if number % 10 == 9 else ("smooth", "isthmus", "patchy")[number % 3],
                spacing_mm=(spacing, spacing),
                thickness_mm=(thickness, thickness),
                shift_mm=round(float(rng.uniform(0, 3)) * float(rng.random() < 0.7), 2),
                snr=round(float(np.exp(rng.uniform(np.log(4), np.log(25)))), 1),
                label_noise=round(float(rng.uniform(0, 0.3)) * float(rng.random() < 0.7), 2),
            )
            target = str(rng.choice(["probability", "labels", "fwhm"], p=[0.5, 0.25, 0.25]))
            yield Heart(f"H{seed}-{turn}", seed, target, config)


def reconstruct(folder: Path) -> list[Result]:
    """Take every heart through all stages with the default settings; what a folder holds already is not done again."""
    cohort, all_hearts = folder / "cohort", list(hearts())
    for heart in all_hearts:
        if not (cohort / heart.subject).is_dir():
            write_cohort(folder / "new", heart.config)
            cohort.mkdir(exist_ok=True)
            (folder / "new" / "P001").rename(cohort / heart.subject)
    for target in ("probability", "labels", "fwhm"):
        own = [heart.subject for heart in all_hearts if heart.target == target]
        options = {"preprocess": {"target": target}, "evaluate": {"figures": False}}
        done = run_cohort(
            RECONSTRUCT, cohort, folder / "run", options, subjects=",".join(own), jobs=1, max_failed_fraction=0.0
        )
        print(f"{target}: {done.summary['ok']} hearts", file=sys.stderr, flush=True)
    work = folder / "run" / "work"
    return [
        Result(
            heart,
            read_metrics(json.loads((work / "evaluate" / heart.subject / "metrics.json").read_text(encoding="utf-8"))),
            work / "preprocess" / heart.subject / "slices.npz",
        )
        for heart in all_hearts
    ]
