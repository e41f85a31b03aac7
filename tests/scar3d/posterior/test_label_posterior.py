"""The posterior of hand-drawn labels: draws that agree with the probability, and a level that encloses the volume."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logit

from cardioscar.metrics.overlap import dice
from cardioscar.scar3d.observation.along_wall import along_wall
from cardioscar.scar3d.observation.problem import Problem, build_problem
from cardioscar.scar3d.posterior.label_posterior import LEVEL_RANGE, LabelPosterior, at_level, level_of_volume
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.prior_mean import Blend
from cardioscar.scar3d.posterior.recipe import scar_posterior
from cardioscar.scar3d.wall_prior.ventricle import draw_ventricle
from tests.scar3d.wall_prior.conftest import axial_stack

PROBABILITIES = arrays(np.float64, st.integers(1, 200), elements=st.floats(0, 1, width=32))


@cache
def posterior() -> tuple[Problem, LabelPosterior]:
    """A heart with a gap of three slices, and interpolation along the wall as its prior."""
    ventricle, rng = draw_ventricle(np.random.default_rng(4)), np.random.default_rng(5)
    at = np.column_stack([rng.random(6000), rng.uniform(-np.pi, np.pi, 6000), rng.random(6000)])
    nodes = ventricle.place(at)
    stack = axial_stack(ventricle, lambda at: (np.abs(at[:, 1]) < 1.2 - at[:, 0]) & (at[:, 0] > 0.2))
    shown = stack.only({piece.number for piece in stack if piece.number % 3 == 0})
    problem = build_problem(nodes, shown, wall_ml=120.0, coordinates=at)
    prior = logit(np.clip(along_wall(shown, nodes, at), 0.01, 0.99))
    return problem, LabelPosterior(problem, prior, PosteriorConfig())


def test_draws_are_hearts_whose_mean_is_the_probability() -> None:
    problem, found = posterior()
    assert problem.hard_labels
    draws = np.array(list(found.draws(400, seed=1)))
    assert set(np.unique(draws)) == {0.0, 1.0}
    expected = found.expected[: draws.shape[1]]
    # a mean of 400 draws is off by 0.025 at most in one standard deviation, and neighbours err together
    assert np.abs(draws.mean(axis=0) - expected).mean() < 0.02
    assert draws.sum(axis=1).mean() == pytest.approx(expected.sum(), rel=0.05)


def test_neighbours_are_drawn_together() -> None:
    _problem, found = posterior()
    draws = np.array(list(found.draws(64, seed=2)))
    expected = found.expected[: draws.shape[1]]
    alone = np.sqrt((expected * (1 - expected)).sum())
    assert draws.sum(axis=1).std() > 4 * alone


def test_draws_repeat_and_fewer_are_not_other_hearts() -> None:
    _, found = posterior()
    first, again = (np.array(list(found.draws(3, seed=7))) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, np.array(list(found.draws(3, seed=8))))


def test_the_map_encloses_the_expected_volume_in_the_gaps() -> None:
    problem, found = posterior()
    gap = np.ones(len(problem.nodes_mm), dtype=bool)
    gap[problem.groups.node_order] = False
    enclosed, expected = (found.probability[gap] >= 0.5).sum(), found.expected[: len(gap)][gap].sum()
    if LEVEL_RANGE[0] < found.facts()["gap_level"] < LEVEL_RANGE[1]:
        assert enclosed == pytest.approx(expected, abs=1.5)
    assert np.array_equal(found.probability[~gap], found.expected[: len(gap)][~gap])


def test_the_map_shows_what_was_drawn() -> None:
    problem, found = posterior()
    order = problem.groups.node_order
    sizes = np.diff(problem.groups.group_offsets)
    assert dice(np.repeat(problem.targets, sizes) >= 0.5, found.probability[order] >= 0.5) > 0.97


@given(PROBABILITIES)
def test_the_level_set_holds_what_is_expected(probability: np.ndarray) -> None:
    level = level_of_volume(probability)
    assert LEVEL_RANGE[0] <= level <= LEVEL_RANGE[1]
    enclosed = (probability >= level).sum()
    if LEVEL_RANGE[0] < level < LEVEL_RANGE[1]:
        # of equal probabilities all or none are enclosed
        assert enclosed >= round(float(probability.sum())) - 1e-9
        assert (probability > level).sum() <= round(float(probability.sum()))


@given(PROBABILITIES, st.floats(*LEVEL_RANGE))
def test_the_map_rises_with_the_probability_and_meets_one_half_at_the_level(
    probability: np.ndarray, level: float
) -> None:
    ordered = np.sort(probability)
    found = at_level(ordered, level)
    assert (np.diff(found.astype(np.float64)) >= -1e-6).all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert at_level(np.array([level]), level)[0] >= 0.5
    far = np.abs(logit(np.clip(ordered, 1e-9, 1 - 1e-9)) - logit(level)) > 3
    assert np.abs(found - ordered)[far].max(initial=0) < 1e-5


def test_a_threshold_cuts_the_draws_as_it_cuts_the_map() -> None:
    problem, _ = posterior()
    prior = logit(np.clip(along_wall(problem.stack, problem.nodes_mm, np.asarray(problem.coordinates)), 0.01, 0.99))
    drawn, mapped = [], []
    for threshold in (0.3, 0.5, 0.7):
        found = LabelPosterior(problem, prior, PosteriorConfig(), threshold=threshold)
        drawn.append(np.mean([scar.sum() for scar in found.draws(16, 0)]))
        mapped.append((found.probability >= threshold).sum())
    for volumes in (drawn, mapped):
        assert volumes[0] > volumes[1] > volumes[2]


def test_hard_projection_meets_the_pixels() -> None:
    problem, _ = posterior()
    prior = logit(np.clip(along_wall(problem.stack, problem.nodes_mm, np.asarray(problem.coordinates)), 0.01, 0.99))
    found = LabelPosterior(problem, prior, PosteriorConfig(), projection="hard")
    offsets = problem.groups.group_offsets
    means = np.add.reduceat(found.probability[problem.groups.node_order].astype(float), offsets[:-1]) / np.diff(offsets)
    np.testing.assert_allclose(means, problem.targets, atol=2e-6)


def test_the_recipe_takes_it_for_labels_and_says_what_spoke() -> None:
    problem, _ = posterior()
    sampled = np.zeros((2, len(problem.nodes_mm)), dtype=np.float32)
    found = scar_posterior(problem, sampled, blend=Blend(learned=False), config=PosteriorConfig())
    assert isinstance(found, LabelPosterior)
    assert found.facts()["beside"] == "along_wall"
    learned = scar_posterior(problem, sampled, blend=Blend(), config=PosteriorConfig())
    assert learned.facts()["beside"] == "learned"
