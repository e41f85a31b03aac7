"""How far each interpolation smooths, and which of them is the baseline to beat, on the people-like choosing set.

    python -m benchmarks.reconstruction.choose_baselines --hearts 60

Every second slice of a drawn heart is hidden, both ways; every interpolation predicts the hidden wall pixels at their
centres. The table has the means over the runs. Smoothing is chosen by Dice, the width of a border by the Brier score;
`cardioscar.scar3d.observation.baselines` keeps what was chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.reconstruction.suite import PEOPLE_SEEDS
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.imaging.volume import Volume
from cardioscar.phantom.people.heart import make_heart
from cardioscar.scar3d.observation.holdout import hidden_slices
from cardioscar.scar3d.observation.interpolation import linear, log_odds, shape_based, signed_distance
from cardioscar.scar3d.quality.scoring import pixel_scores

Interpolation = Callable[[SliceStack, np.ndarray], np.ndarray]

CANDIDATES: Mapping[str, Interpolation] = {
    "log-odds": log_odds,
    **{f"linear, {mm:g} mm": partial(linear, smooth_mm=mm) for mm in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)},
    **{
        f"{name}, {mm:g} mm, border {width:g} mm": partial(one, smooth_mm=mm, width_mm=width)
        for name, one in (("signed distance", signed_distance), ("shape-based", shape_based))
        for mm, width in (
            (0.0, 1.0),
            (0.5, 1.0),
            (1.0, 1.0),
            (2.0, 1.0),
            (5.0, 1.0),
            (0.0, 1.5),
            (0.0, 2.0),
            (0.0, 3.0),
        )
    },
}


def drawn_stack(labels: Volume) -> SliceStack:
    """Slices of a label volume: scar or not, observed in the wall."""
    scar = replace(labels, values=(labels.values == Label.SCAR).astype(np.float32))
    return stack_from_volume(scar, observed=np.isin(labels.values, WALL))


def runs(hearts: int, seed: int) -> Iterator[tuple[SliceStack, SliceStack]]:
    """Visible and hidden slices of each run that has scar in hidden slices."""
    for index in range(hearts):
        stack = drawn_stack(make_heart(seed, index).labels)
        for holdout in ("odd", "even"):
            hidden = hidden_slices(stack, holdout)
            if any((s.values[s.observed] > 0).any() for s in stack if s.number in hidden):
                yield stack.only({s.number for s in stack} - hidden), stack.only(hidden)


def scores(hearts: int, seed: int, candidates: Mapping[str, Interpolation]) -> dict[str, np.ndarray]:
    """Mean Dice, absolute volume error in %, ECE and Brier of each candidate, shape (4,)."""
    found: dict[str, list[list[float]]] = {name: [] for name in candidates}
    for visible, hidden in runs(hearts, seed):
        pixels = np.concatenate([piece.pixel_centers_mm() for piece in hidden])
        truth = np.concatenate([piece.values[piece.observed] for piece in hidden])
        ml = np.ones(len(truth))
        for name, interpolate in candidates.items():
            one = pixel_scores(truth, interpolate(visible, pixels), ml, threshold=0.5)
            measures = ("dice", "volume_error_percent", "ece", "brier")
            found[name].append([abs(np.nan if (value := getattr(one, key)) is None else value) for key in measures])
    return {name: np.nanmean(rows, axis=0) for name, rows in found.items()}


def main(words: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearts", type=int, default=60, help="hearts of the set")
    parser.add_argument("--set", choices=list(PEOPLE_SEEDS), default="people-choosing", help="which set")
    asked = parser.parse_args(words)
    print("| interpolation | Dice | volume error, % | ECE | Brier |\n|---|---|---|---|---|")
    found = scores(asked.hearts, PEOPLE_SEEDS[asked.set], CANDIDATES)
    for name, row in sorted(found.items(), key=lambda item: -item[1][0]):
        print(f"| {name} | {row[0]:.4f} | {row[1]:.1f} | {row[2]:.4f} | {row[3]:.4f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
