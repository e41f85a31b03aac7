from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit

from cardioscar.scar3d.posterior.projection import pixel_variance, project


def problem(seed: int, groups: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 12, groups))])
    targets = np.where(rng.random(groups) < 0.4, rng.integers(0, 2, groups), rng.random(groups))
    return rng.normal(0, 6, offsets[-1]), offsets, targets


def means(logits: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.add.reduceat(expit(logits), offsets[:-1]) / np.diff(offsets)


@given(seed=st.integers(0, 10_000))
def test_hard_projection_meets_every_pixel(seed: int) -> None:
    logits, offsets, targets = problem(seed)
    residual = np.abs(means(project(logits, offsets, targets).logits, offsets) - targets)
    between = (targets > 0) & (targets < 1)
    assert residual[between].max(initial=0) < 1e-9
    assert residual.max() < 1e-6


def test_hard_projection_is_the_root_that_brentq_finds() -> None:
    logits, offsets, _ = problem(1, groups=5)
    targets = np.array([0.1, 0.5, 0.9, 0.33, 0.77])
    projected = project(logits, offsets, targets).logits
    for g, (a, b) in enumerate(pairwise(offsets)):
        shift = brentq(lambda d: expit(logits[a:b] + d).mean() - targets[g], -60, 60, xtol=1e-12)  # noqa: B023
        np.testing.assert_allclose(projected[a:b] - logits[a:b], shift, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_soft_projection_minimises_its_objective(seed: int) -> None:
    logits, offsets, targets = problem(seed, groups=8)
    logits = np.clip(logits, -4, 4)
    variance = pixel_variance(targets, offsets, noise_sd=0.2)
    projected = project(logits, offsets, targets, variance=variance, prior_sd=1.0).logits
    for g, (a, b) in enumerate(pairwise(offsets)):

        def objective(d: float, a: int = a, b: int = b, g: int = g) -> float:
            return float((expit(logits[a:b] + d).mean() - targets[g]) ** 2 / variance[g] + d**2)

        best = minimize_scalar(objective, bounds=(-20, 20), method="bounded", options={"xatol": 1e-8})
        assert objective(projected[a] - logits[a]) <= best.fun + 1e-5


@given(seed=st.integers(0, 1000))
def test_soft_projection_moves_towards_the_pixel_and_never_past_it(seed: int) -> None:
    logits, offsets, targets = problem(seed)
    before = means(logits, offsets) - targets
    after = (
        means(project(logits, offsets, targets, variance=pixel_variance(targets, offsets)).logits, offsets) - targets
    )
    assert (np.abs(after) <= np.abs(before) + 1e-9).all()
    assert (before * after >= -1e-9).all()


def test_order_of_probabilities_within_a_group_is_kept() -> None:
    logits, offsets, targets = problem(3)
    projected = project(logits, offsets, targets).logits
    for a, b in pairwise(offsets):
        assert (np.argsort(projected[a:b]) == np.argsort(logits[a:b])).all()


def test_extreme_logits_stay_finite() -> None:
    logits = np.array([1e9, -1e9, 0.0, np.finfo(float).max])
    projected = project(logits, np.array([0, 2, 4]), np.array([0.5, 1.0])).logits
    assert np.isfinite(projected).all()


def test_shifts_are_carried_to_neighbours_and_fade_with_distance() -> None:
    from cardioscar.scar3d.posterior.projection import ShiftCarrier

    nodes = np.array([[0.0, 0, 0], [50, 0, 0], [0, 0, 2], [0, 0, 4], [0, 0, 30]])
    logits = np.zeros(5)
    carrier = ShiftCarrier(nodes, np.array([0, 1]), np.array([0, 1, 2]), 4.0)
    carrier.carry(logits, np.array([0.0, 0.0]), np.array([2.0, -1.0]))
    expected = 2 * np.exp(-0.5 * (np.array([2, 4, 30]) / 4) ** 2)
    np.testing.assert_allclose(logits[2:], expected, atol=1e-6)
    assert (logits[:2] == 0).all()  # observed nodes have their own shift already


def test_nothing_is_carried_without_reach_or_without_gaps() -> None:
    from cardioscar.scar3d.posterior.projection import ShiftCarrier

    for reach, order in ((0.0, [0]), (4.0, [0, 1])):
        logits = np.zeros(2)
        carrier = ShiftCarrier(np.eye(2, 3), np.array(order), np.arange(len(order) + 1), reach)
        carrier.carry(logits, np.zeros(len(order)), np.ones(len(order)))
        assert (logits == 0).all()


@pytest.mark.parametrize("soft", [True, False])
def test_a_group_is_projected_as_if_it_were_alone(soft: bool) -> None:
    """Groups settle at different steps, and those that have leave the computation."""
    logits, offsets, targets = problem(5, groups=200)
    variance = pixel_variance(targets, offsets)
    whole = project(logits, offsets, targets, variance=variance if soft else None).logits
    for g, (a, b) in enumerate(pairwise(offsets)):
        one = np.array([0, b - a])
        alone = project(logits[a:b], one, targets[g : g + 1], variance=variance[g : g + 1] if soft else None).logits
        np.testing.assert_allclose(whole[a:b], alone, atol=1e-7)


def test_no_groups_are_projected_to_nothing() -> None:
    empty = np.empty(0)
    for variance in (None, empty):
        assert len(project(empty, np.array([0]), empty, variance=variance).logits) == 0
