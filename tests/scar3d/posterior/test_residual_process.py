from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior import residual_process
from cardioscar.scar3d.posterior.matern import matern52
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.projection import pixel_variance
from cardioscar.scar3d.posterior.residual_process import ResidualProcess, fit_residual
from tests.scar3d.hearts import heart

FLAT = -2.0


@pytest.fixture(scope="module")
def problem() -> Problem:
    return heart().problem


@pytest.fixture(scope="module")
def residual(problem: Problem) -> ResidualProcess:
    return fit_residual(problem, np.full(len(problem.nodes_mm), FLAT), PosteriorConfig())


def group_means(problem: Problem, probability: np.ndarray, groups: np.ndarray) -> np.ndarray:
    first = problem.groups.group_offsets[:-1]
    sums = np.add.reduceat(probability[problem.groups.node_order], first)
    return np.asarray((sums / np.diff(problem.groups.group_offsets))[groups])


def test_the_residual_brings_a_flat_mean_to_the_pixels(problem: Problem, residual: ResidualProcess) -> None:
    logits = np.full(len(problem.nodes_mm), FLAT)
    before = group_means(problem, expit(logits), residual.groups) - problem.targets[residual.groups]
    logits[residual.nodes] += residual.mean()
    after = group_means(problem, expit(logits), residual.groups) - problem.targets[residual.groups]
    assert residual.converged
    assert np.sqrt(np.mean(after**2)) < 0.3 * np.sqrt(np.mean(before**2))


def test_the_mode_is_the_minimum_of_the_objective(problem: Problem) -> None:
    config = PosteriorConfig(iterations=100)
    found = fit_residual(problem, np.full(len(problem.nodes_mm), FLAT), config)
    y, groups = problem.targets[found.groups], problem.groups
    sizes = np.diff(groups.group_offsets)[found.groups]
    variance = pixel_variance(y, np.concatenate([[0], np.cumsum(sizes)]), noise_sd=config.noise_sd)

    def objective(u: np.ndarray) -> float:
        logits = np.full(len(problem.nodes_mm), FLAT)
        logits[found.nodes] += found.weights @ (found.basis @ u)
        miss = group_means(problem, expit(logits), found.groups) - y
        return float(0.5 * ((miss**2 / variance).sum() + u @ u))

    least, rng = objective(found.mode), np.random.default_rng(0)
    for _ in range(5):
        assert objective(found.mode + 0.3 * rng.standard_normal(len(found.mode))) > least


def test_the_interpolated_process_has_the_covariance_that_was_asked_for(
    problem: Problem, residual: ResidualProcess
) -> None:
    """With no scarred pixel near, the prior stands; here the basis itself is looked at."""
    config, some = PosteriorConfig(), np.arange(0, len(residual.nodes), 97)
    root = residual.weights[some] @ residual.basis
    normal = problem.stack.slices[0].normal
    stretched = problem.nodes_mm[residual.nodes[some]]
    stretched = stretched - np.outer(stretched @ normal, normal) * (1 - 1 / config.stretch)
    wanted = config.residual_sd**2 * matern52(stretched, stretched, config.length_scale_mm)
    # inducing points half a length scale apart and linear interpolation lose some per cent of the variance
    assert np.abs(root @ root.T - wanted).max() < 0.25 * config.residual_sd**2
    assert np.abs(root @ root.T - wanted).mean() < 0.02 * config.residual_sd**2


def test_draws_scatter_about_the_mode_as_widely_as_the_posterior_says(residual: ResidualProcess) -> None:
    drawn = residual.draws(400, np.random.default_rng(0))
    sd = residual.sd()
    np.testing.assert_allclose(drawn.mean(axis=0), residual.mean(), atol=5 * sd.max() / np.sqrt(400))
    ratio = drawn.std(axis=0) / sd
    assert 0.9 < np.median(ratio) < 1.1


def test_observed_tissue_is_known_better_than_tissue_between_slices(
    problem: Problem, residual: ResidualProcess
) -> None:
    observed = np.isin(residual.nodes, problem.groups.node_order)
    assert np.median(residual.sd()[observed]) < 0.95 * np.median(residual.sd()[~observed])


def test_without_scarred_pixels_there_is_nothing_to_correct(problem: Problem) -> None:
    free = replace(problem, targets=np.zeros_like(problem.targets))
    found = fit_residual(free, np.full(len(problem.nodes_mm), FLAT), PosteriorConfig())
    assert len(found.nodes) == 0
    assert found.draws(3, np.random.default_rng(0)).shape == (3, 0)
    assert found.sd().shape == (0,)


def test_the_order_of_the_nodes_plays_no_part(problem: Problem, residual: ResidualProcess) -> None:
    rng = np.random.default_rng(4)
    place = rng.permutation(len(problem.nodes_mm))  # new node k is old node place[k]
    new_name = np.argsort(place)
    order = replace(problem.groups, node_order=new_name[problem.groups.node_order])
    mixed = replace(problem, nodes_mm=problem.nodes_mm[place], groups=order)
    found = fit_residual(mixed, np.full(len(place), FLAT), PosteriorConfig())
    here, there = np.zeros(len(place)), np.zeros(len(place))
    here[residual.nodes], there[found.nodes] = residual.mean(), found.mean()
    # the inducing points hang on a grid that begins at the first node, so the two approximate the same process
    assert np.abs(here[place] - there).mean() < 0.05 * np.abs(here).mean() + 0.05


def test_a_very_large_scar_has_no_more_inducing_points_than_can_be_solved_for(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residual_process, "MOST_INDUCING", 50)
    found = fit_residual(problem, np.full(len(problem.nodes_mm), FLAT), PosteriorConfig())
    assert 25 < len(found.mode) <= 50
    assert found.converged
