"""Hearts that no one should have to reconstruct: finite maps and honest doubt, or one clear error."""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import sample_logits, sigmoid_sd
from cardioscar.scar3d.observation.groups import group_nodes
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.observation.problem import Problem, build_problem
from cardioscar.scar3d.observation.sorting import SortedGroups
from cardioscar.scar3d.posterior.dropout_maps import DropoutMaps
from cardioscar.scar3d.posterior.intervals import DrawSummary
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.projection import LIMIT, ShiftCarrier, pixel_variance, project
from cardioscar.scar3d.posterior.residual_process import fit_residual
from cardioscar.scar3d.posterior.scar_posterior import ScarPosterior
from cardioscar.scar3d.quality.leave_one_out import leave_one_slice_out

PIXEL_MM, THICKNESS_MM = 2.0, 6.0


@dataclass(frozen=True)
class Heart:
    """What a degenerate heart is made of; each field is one way to be difficult."""

    seed: int = 0
    slices: int = 3
    spacing_mm: float = 8.0
    """Below the thickness the slabs overlap."""
    pixels: int = 5
    """Pixels of a slice along each side."""
    nodes: int = 200
    targets: str = "random"
    layout: str = "scattered"

    def stack(self) -> SliceStack:
        """The slices."""
        rng = np.random.default_rng(self.seed)
        pieces = []
        for number in range(self.slices):
            affine = np.diag([PIXEL_MM, PIXEL_MM, THICKNESS_MM, 1.0])
            affine[2, 3] = number * self.spacing_mm
            values = {
                "none": lambda shape, _: np.zeros(shape),
                "half": lambda shape, _: np.full(shape, 0.5),
                "all": lambda shape, _: np.ones(shape),
                "conflict": lambda shape, number: np.full(shape, float(number % 2)),
                "random": lambda shape, _: rng.random(shape),
                "ramp": lambda shape, _: np.tile(np.linspace(0, 1, shape[1]), (shape[0], 1)),
                "hard": lambda shape, _: rng.integers(0, 2, shape).astype(float),
            }[self.targets]((self.pixels, self.pixels), number)
            pieces.append(Slice(values.astype(np.float32), np.ones(values.shape, dtype=bool), affine, number))
        return SliceStack(tuple(pieces), "degenerate")

    def nodes_mm(self) -> np.ndarray:
        """The nodes; at least one of them lies in a pixel."""
        rng = np.random.default_rng([self.seed, 1])
        side, height = self.pixels * PIXEL_MM, (self.slices - 1) * self.spacing_mm + THICKNESS_MM
        box = np.array([side, side, height])
        points = rng.uniform(0, 1, (self.nodes, 3)) * box - [PIXEL_MM / 2, PIXEL_MM / 2, THICKNESS_MM / 2]
        if self.layout == "plane":
            points[:, 2] = 0.0
        elif self.layout == "line":
            points[:, 1:] = 0.0
        elif self.layout == "duplicated":
            points = np.repeat(points[: -(-self.nodes // 20)], 20, axis=0)[: self.nodes]
        points[0] = 0.0
        return points

    def problem(self) -> Problem:
        """Nodes and groups."""
        return build_problem(self.nodes_mm(), self.stack(), wall_ml=1e-3 * self.pixels**2 * 4 * self.slices * 6)


hearts = st.builds(
    Heart,
    seed=st.integers(0, 100),
    slices=st.integers(1, 4),
    spacing_mm=st.sampled_from([0.5, 3.0, 6.0, 20.0]),
    pixels=st.integers(1, 6),
    nodes=st.integers(1, 300),
    targets=st.sampled_from(["none", "half", "all", "conflict", "ramp", "random", "hard"]),
    layout=st.sampled_from(["scattered", "plane", "line", "duplicated"]),
)

NAMED = {
    "no scar": Heart(targets="none"),
    "all scar": Heart(targets="all"),
    "constant half": Heart(targets="half"),
    "one group": Heart(slices=1, pixels=1, nodes=5),
    "one node": Heart(slices=1, pixels=1, nodes=1),
    "groups of one node": Heart(pixels=6, nodes=40, layout="scattered"),
    "conflicting slices": Heart(slices=2, spacing_mm=1.0, targets="conflict"),
    "a single slice": Heart(slices=1),
    "two slices": Heart(slices=2),
    "nodes in one plane": Heart(layout="plane"),
    "nodes on a line": Heart(layout="line"),
    "duplicated nodes": Heart(layout="duplicated"),
}
named = pytest.mark.parametrize("heart", NAMED.values(), ids=NAMED)
quick = settings(max_examples=25)


def is_probability(values: np.ndarray, nodes: int) -> bool:
    return values.shape == (nodes,) and bool(np.isfinite(values).all() and (values >= 0).all() and (values <= 1).all())


# interpolation and grouping


@given(heart=hearts)
def test_interpolation_is_a_probability_everywhere(heart: Heart) -> None:
    nodes, stack = heart.nodes_mm(), heart.stack()
    for method in (log_odds, signed_distance):
        assert is_probability(method(stack, nodes), len(nodes))
        assert is_probability(method(stack, nodes + 1000.0), len(nodes))


@given(heart=hearts)
def test_every_group_has_nodes_and_the_mean_of_its_pixels(heart: Heart) -> None:
    problem = heart.problem()
    assert (np.diff(problem.groups.group_offsets) >= 1).all()
    assert ((problem.targets >= 0) & (problem.targets <= 1)).all()
    if heart.targets == "half":
        assert (problem.targets == 0.5).all()


@given(heart=hearts)
def test_hidden_slices_are_predicted_finitely(heart: Heart) -> None:
    found = leave_one_slice_out(heart.stack(), workers=1)
    assert len(found.slices) == max(heart.slices - 2, 0)
    for hidden in found.slices:
        assert is_probability(hidden.predicted, len(hidden.observed))
    if heart.slices > 2 and heart.targets in ("half", "all"):
        assert found.scores()["mean_absolute_error"] < 1e-6


# projection


@given(heart=hearts, sd=st.sampled_from([0.1, 5.0, 100.0]), soft=st.booleans())
def test_projections_are_finite_and_meet_or_approach_their_pixels(heart: Heart, sd: float, soft: bool) -> None:
    problem = heart.problem()
    order, offsets = problem.groups.node_order, problem.groups.group_offsets
    logits = np.random.default_rng(heart.seed).normal(0, sd, len(problem.nodes_mm))
    before = np.clip(logits[order], -LIMIT, LIMIT)
    variance = pixel_variance(problem.targets, offsets) if soft else None
    after = project(logits[order], offsets, problem.targets, variance=variance).logits
    assert np.isfinite(after).all()

    def miss(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(expit(values), offsets[:-1]) / np.diff(offsets) - problem.targets

    if soft:
        assert (np.abs(miss(after)) <= np.abs(miss(before)) + 1e-6).all()
    else:
        assert np.abs(miss(after)).max() < 1e-6
    ShiftCarrier(problem.nodes_mm, order, offsets, 4.0).carry(logits, before, after)
    assert np.isfinite(logits).all()


# network


def fitted(heart: Heart, config: FitConfig, samples: int = 4) -> None:
    torch.set_num_threads(1)
    problem = heart.problem()
    fit = fit_field(problem.observations(), config)
    assert fit.stop_reason != "diverged"
    sampled = sample_logits(fit.field, problem.nodes_mm, samples=samples, seed=0)
    assert np.isfinite(sigmoid_sd(sampled)).all()
    for projection in ("soft", "hard", "none"):
        maps = DropoutMaps(problem, sampled, projection=projection)
        assert is_probability(maps.probability, heart.nodes)
        for draw in maps.draws(samples, 0):
            assert np.isin(draw, (0, 1)).all()
        if projection == "hard":
            offsets = problem.groups.group_offsets
            means = np.add.reduceat(maps.probability[problem.groups.node_order], offsets[:-1]) / np.diff(offsets)
            np.testing.assert_allclose(means, problem.targets, atol=1e-5)


@named
def test_the_network_gives_a_map_with_its_uncertainty(heart: Heart) -> None:
    fitted(heart, FitConfig(steps=8, features=8, hidden=8, device="cpu"))


@given(heart=hearts)
@quick
def test_the_network_survives_what_comes(heart: Heart) -> None:
    fitted(heart, FitConfig(steps=3, features=4, hidden=4, device="cpu"), samples=2)


@given(heart=hearts)
@settings(max_examples=8)
def test_the_reference_method_survives_what_comes(heart: Heart) -> None:
    fitted(heart, FitConfig(method="reference", max_epochs=3, device="cpu"), samples=2)


# residual process


@given(heart=hearts, prior=st.sampled_from(["log-odds", "wrong", "extreme"]))
@example(heart=Heart(targets="none"), prior="extreme")
@example(heart=Heart(slices=2, spacing_mm=1.0, targets="conflict"), prior="extreme")
@example(heart=Heart(slices=1, pixels=1, nodes=1, targets="all"), prior="log-odds")
@quick
def test_the_residual_process_is_finite(heart: Heart, prior: str) -> None:
    problem = heart.problem()
    logits = {
        "log-odds": lambda: np.log(log_odds(problem.stack, problem.nodes_mm)),
        "wrong": lambda: np.where(np.arange(heart.nodes) % 2, 8.0, -8.0),
        "extreme": lambda: np.where(np.arange(heart.nodes) % 2, 1e9, -1e9),
    }[prior]()
    found = fit_residual(problem, logits, PosteriorConfig())
    assert np.isfinite(found.mean()).all()
    assert np.isfinite(found.sd()).all()
    assert (found.sd() >= 0).all()
    assert np.isfinite(found.draws(3, np.random.default_rng(0))).all()


def test_the_residual_is_less_certain_where_nothing_is_observed() -> None:
    heart = Heart(slices=2, spacing_mm=30.0, pixels=12, nodes=6_000)
    problem = heart.problem()
    found = fit_residual(problem, np.zeros(heart.nodes), PosteriorConfig(active_mm=20.0))
    seen = np.isin(found.nodes, problem.groups.node_order)
    assert (~seen).sum() > 500
    assert found.sd()[~seen].mean() > 1.5 * found.sd()[seen].mean()


# posterior


PRIORS = {
    "log-odds": lambda problem: logit(np.clip(log_odds(problem.stack, problem.nodes_mm), 1e-4, 1 - 1e-4)),
    "flat": lambda problem: np.zeros(len(problem.nodes_mm)),
    "extreme": lambda problem: np.where(np.arange(len(problem.nodes_mm)) % 2, 1e9, -1e9),
}


def spread(problem: Problem, prior: np.ndarray, draws: int = 64) -> np.ndarray:
    """Standard deviation over posterior draws at each node."""
    return np.std(list(ScarPosterior(problem, prior, PosteriorConfig()).draws(draws, 0)), axis=0)


@given(heart=hearts, prior=st.sampled_from(sorted(PRIORS)), projection=st.sampled_from(["soft", "hard", "none"]))
@example(heart=Heart(targets="none"), prior="extreme", projection="soft")
@example(heart=Heart(targets="all"), prior="extreme", projection="hard")
@example(heart=Heart(slices=2, spacing_mm=1.0, targets="conflict"), prior="log-odds", projection="soft")
@quick
def test_the_posterior_is_a_probability_and_its_draws_are_hearts(heart: Heart, prior: str, projection: str) -> None:
    problem = heart.problem()
    posterior = ScarPosterior(problem, PRIORS[prior](problem), PosteriorConfig(), projection=projection)
    assert is_probability(posterior.probability, heart.nodes)
    draws = list(posterior.draws(3, 0))
    assert len(draws) == 3
    for draw in draws:
        assert draw.shape == (heart.nodes,)
        assert np.isin(draw, (0, 1)).all()
    json.dumps(posterior.facts(), allow_nan=False)


@named
def test_intervals_of_the_posterior_are_finite_and_in_order(heart: Heart) -> None:
    problem = heart.problem()
    posterior = ScarPosterior(problem, PRIORS["log-odds"](problem), PosteriorConfig())
    ml = np.full(heart.nodes, 0.01)
    summary = DrawSummary(posterior.probability, ml, np.full(heart.nodes, 3), threshold=0.5)
    for draw in posterior.draws(16, 0):
        summary.see(draw)
    assert ((summary.node_sd >= 0) & (summary.node_sd <= 0.5 + 1e-6)).all()
    found = json.loads(json.dumps(summary.intervals(), allow_nan=False))
    for row, most in (
        (found["scar_ml"], ml.sum()),
        (found["scar_fraction"], 1),
        (found["aha"]["3"]["scar_fraction"], 1),
    ):
        assert -1e-6 <= row["lower"] <= row["upper"] <= most + 1e-6
        assert np.isfinite([row["mean"], row["sd"]]).all()


def test_a_heart_without_scar_is_certain_and_has_none() -> None:
    problem = Heart(targets="none", pixels=6, nodes=600).problem()
    prior = PRIORS["log-odds"](problem)
    assert ScarPosterior(problem, prior, PosteriorConfig()).probability.max() < 0.05
    assert spread(problem, prior).max() < 0.05


def test_draws_differ_most_where_nothing_is_observed() -> None:
    problem = Heart(slices=2, spacing_mm=16.0, pixels=10, nodes=4_000, targets="ramp").problem()
    seen = np.isin(np.arange(4_000), problem.groups.node_order)
    sd = spread(problem, PRIORS["flat"](problem))
    assert (~seen).sum() > 1000
    assert sd[~seen].mean() > 1.2 * sd[seen].mean()


def test_slices_that_conflict_leave_doubt_where_they_meet() -> None:
    def doubt(targets: str) -> float:
        problem = Heart(slices=2, spacing_mm=3.0, pixels=10, nodes=2_000, targets=targets).problem()
        # each node belongs to the slice that is nearer, so the conflict lies half way
        between = np.abs(problem.nodes_mm[:, 2] - 1.5) < 0.5
        return float(spread(problem, PRIORS["log-odds"](problem))[between].mean())

    assert doubt("conflict") > 1.5 * doubt("all")


# the door


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.2, 1.5])
def test_a_fraction_that_cannot_be_is_refused_by_name(value: float) -> None:
    heart = Heart()
    stack = heart.stack()
    stack.slices[1].values[2, 2] = value
    with pytest.raises(
        InputError, match=r"degenerate: expected scar fractions from 0 to 1, found 1 other wall pixels in slice 1"
    ):
        group_nodes(heart.nodes_mm(), stack)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5])
def test_targets_that_cannot_be_reach_no_fit(value: float) -> None:
    targets = np.array([0.5, value])
    with pytest.raises(InputError, match=r"targets: expected scar fractions from 0 to 1, found 1"):
        Observations(np.zeros((2, 3)), np.array([0, 1, 2]), targets, np.ones(2, dtype=int), np.array([0, 2]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nodes_without_a_place_are_refused(value: float) -> None:
    heart = Heart()
    nodes = heart.nodes_mm()
    nodes[7, 1] = value
    with pytest.raises(GeometryError, match=r"expected finite positions of the nodes, found 1 "):
        group_nodes(nodes, heart.stack())


# size


@pytest.mark.slow
def test_a_million_groups_take_bounded_memory() -> None:
    torch.set_num_threads(1)
    side, slices = 320, 10  # 1,024,000 pixels of one node each, and a third as many nodes in the gaps
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pieces = []
    for number in range(slices):
        affine = np.diag([0.5, 0.5, 6.0, 1.0])
        affine[2, 3] = 9.0 * number
        i, j = np.indices((side, side))
        disc = ((i - 100) ** 2 + (j - 160) ** 2 < 20**2).astype(np.float32)
        pieces.append(Slice(disc, np.ones(disc.shape, dtype=bool), affine, number))
    stack = SliceStack(tuple(pieces), "many")
    nodes = np.concatenate(
        [s.pixel_centers_mm() for s in stack] + [s.pixel_centers_mm()[::3] + np.array([0, 0, 4.5]) for s in stack]
    )

    problem = build_problem(nodes, stack, wall_ml=1e-9)
    assert problem.n_groups == side * side * slices
    fit = fit_field(problem.observations(), FitConfig(steps=2, device="cpu"))
    prior = 0.75 * sample_logits(fit.field, nodes, samples=1, seed=0)[0] + 0.25 * PRIORS["log-odds"](problem)
    posterior = ScarPosterior(problem, prior, PosteriorConfig())
    probability, [draw] = posterior.probability, list(posterior.draws(1, 0))
    assert is_probability(probability, len(nodes))
    assert np.isin(draw, (0, 1)).all()
    used_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    assert used_mib < 4 * 1024


def test_order_and_groups_belong_together() -> None:
    problem = Heart().problem()
    assert isinstance(problem.groups, SortedGroups)
    assert problem.groups.group_offsets[-1] == len(problem.groups.node_order)
