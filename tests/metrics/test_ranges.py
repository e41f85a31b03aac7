"""Numbers that have a range stay in it, whatever sums round to."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from cardioscar.metrics.calibration import brier_score, expected_calibration_error, interval_coverage, reliability_curve
from cardioscar.metrics.corridor import corridor_kept
from cardioscar.metrics.cubes import WallCubes
from cardioscar.metrics.overlap import dice, precision, recall

SEEDS = st.integers(0, 100_000)


def maps(seed: int, nodes: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two masks that differ only where nothing has weight, and weights of many sizes."""
    rng = np.random.default_rng(seed)
    first = rng.random(nodes) < 0.6
    weights = rng.random(nodes) * 10.0 ** rng.integers(-6, 2, nodes)
    idle = rng.random(nodes) < 0.3
    weights[idle] = 0
    return first, first ^ (idle & (rng.random(nodes) < 0.5)), weights


@given(seed=SEEDS)
@example(seed=1)
def test_overlaps_are_at_most_one(seed: int) -> None:
    first, second, weights = maps(seed)
    for metric in (dice, precision, recall, corridor_kept):
        value = metric(first, second, weights)
        assert 0 <= value <= 1
        assert math.isclose(value, 1, rel_tol=1e-12)
        assert 0 <= metric(first, ~second, weights) <= 1e-12


@given(seed=SEEDS)
def test_calibration_is_from_zero_to_one(seed: int) -> None:
    truth, _, weights = maps(seed)
    wrong = 1.0 - truth
    for metric in (expected_calibration_error, brier_score):
        worst = metric(truth, wrong, weights)
        assert worst <= 1
        assert math.isclose(worst, 1, rel_tol=1e-12)
        assert metric(truth, truth, weights) == 0
    assert 0 <= interval_coverage(truth.astype(float), wrong, np.ones(len(truth)), weights) <= 1
    assert interval_coverage(truth.astype(float), np.zeros(len(truth)), np.ones(len(truth)), weights) <= 1
    curve = reliability_curve(truth, np.where(truth, 1.0, 1 / 3), weights)
    seen = curve.weight > 0
    assert curve.observed[seen].max() <= 1
    assert curve.predicted[seen].max() <= 1


@given(seed=SEEDS)
def test_fractions_of_cubes_are_from_zero_to_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cubes = WallCubes(rng.uniform(0, 12, (300, 3)), rng.random(300))
    full = cubes.fractions(np.ones(300))
    assert full.max() <= 1
    assert full.min() > 1 - 1e-12
    assert cubes.fractions((rng.random(300) < 0.5).astype(float)).min() >= 0
