"""What the package expects of a reconstruction method; every method inherits these tests."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from cardioscar.errors import ConfigError
from cardioscar.imaging.slices import SliceStack
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.methods.average import LogitAverage
from cardioscar.scar3d.methods.gaussian_process import GaussianProcess
from cardioscar.scar3d.methods.interpolated import Interpolated
from cardioscar.scar3d.methods.learned_prior import LearnedPrior
from cardioscar.scar3d.methods.log_odds import LogOdds
from cardioscar.scar3d.methods.method import Method, Reconstruction
from cardioscar.scar3d.methods.nearest import Nearest
from cardioscar.scar3d.methods.network import Network
from cardioscar.scar3d.methods.posterior import Posterior
from cardioscar.scar3d.methods.projected import Projected
from cardioscar.scar3d.methods.reference import Reference
from cardioscar.scar3d.methods.signed_distance import SignedDistance
from cardioscar.scar3d.observation.problem import Problem, build_problem
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig

QUICK = FitConfig(steps=60, features=16, hidden=16, device="cpu")
COARSE = PosteriorConfig(inducing_mm=9.0)


@cache
def heart(scar: str = "isthmus") -> tuple[Problem, np.ndarray]:
    """A small phantom's problem, and its truth at the nodes."""
    phantom = make_phantom(PhantomConfig(seed=100, nodes=2_500, scar=scar), 1)
    coordinates = phantom.shape.coordinates(phantom.mesh.nodes_mm)
    local = coordinates.local_mm
    along = (local[:, 2] - local[:, 2].min()) / np.ptp(local[:, 2])
    lv = np.column_stack([along, np.arctan2(local[:, 1], local[:, 0]), np.clip(coordinates.transmural, 0, 1)])
    wall_ml = float(phantom.mesh.node_volumes_ml.sum())
    return build_problem(phantom.mesh.nodes_mm, phantom.stack, wall_ml=wall_ml, coordinates=lv), phantom.scar_truth


@cache
def all_scar() -> Problem:
    """The same heart with nothing but scar."""
    problem, _ = heart()
    slices = tuple(dataclasses.replace(s, values=np.ones_like(s.values)) for s in problem.stack)
    stack = SliceStack(slices, "slices")
    return dataclasses.replace(problem, stack=stack, targets=np.ones_like(problem.targets))


def residuals(problem: Problem, values: np.ndarray) -> np.ndarray:
    offsets = problem.groups.group_offsets
    sums = np.add.reduceat(values[problem.groups.node_order].astype(np.float64), offsets[:-1])
    return np.abs(sums / np.diff(offsets) - problem.targets)


class MethodContract:
    """One method, small enough for a test."""

    method: Method
    draws = False
    least_agreement = 0.9
    """Share of the nodes of a well-sampled heart whose class is right."""
    most_of_none = 0.1
    """Mean probability of a heart without scar."""
    least_of_all = 0.998
    """Share of the nodes of a heart of nothing but scar that are scar."""

    @pytest.fixture(scope="class")
    @classmethod
    def answer(cls) -> Reconstruction:
        return cls.method.reconstruct(heart()[0], seed=3)

    def test_every_node_has_a_probability(self, answer: Reconstruction) -> None:
        probability = answer.probability
        assert probability.shape == (len(heart()[0].nodes_mm),)
        assert probability.dtype == np.float32
        assert np.isfinite(probability).all()
        assert 0 <= probability.min() < probability.max() <= 1

    def test_it_finds_the_scar(self, answer: Reconstruction) -> None:
        _, truth = heart()
        assert ((answer.probability >= 0.5) == truth).mean() >= self.least_agreement
        if self.least_agreement >= 0.9:  # else chance alone could do it
            assert answer.probability[truth].mean() > answer.probability[~truth].mean() + 0.3

    def test_the_same_seed_gives_the_same_map(self, answer: Reconstruction) -> None:
        again = self.method.reconstruct(heart()[0], seed=3)
        np.testing.assert_array_equal(again.probability, answer.probability)

    def test_the_problem_is_left_as_it_was(self) -> None:
        problem, _ = heart()
        before = content(problem)
        answer = self.method.reconstruct(problem, seed=1)
        if answer.draws:
            list(answer.draws(2, 0))
        for name, values in content(problem).items():
            np.testing.assert_array_equal(values, before[name], err_msg=name)

    def test_it_draws_or_says_that_it_does_not(self, answer: Reconstruction) -> None:
        assert (answer.draws is not None) == self.draws

    def test_a_heart_without_scar_stays_without(self) -> None:
        probability = self.method.reconstruct(heart("none")[0]).probability
        assert np.isfinite(probability).all()
        assert probability.mean() < self.most_of_none
        assert not (probability >= 0.5).any()

    def test_a_heart_of_scar_stays_scar(self) -> None:
        probability = self.method.reconstruct(all_scar()).probability
        assert np.isfinite(probability).all()
        # single nodes at the mesh's corners, which no block of pixels holds, may go either way
        assert probability.mean() > 0.89
        assert (probability >= 0.5).mean() > self.least_of_all

    def test_it_has_a_name(self) -> None:
        assert self.method.name.strip()


class DrawingMethodContract(MethodContract):
    """One method that draws whole maps."""

    draws = True

    def test_draws_are_maps_that_repeat_for_a_seed_and_differ_between_seeds(self, answer: Reconstruction) -> None:
        assert answer.draws is not None
        first, again, other = (list(answer.draws(4, seed)) for seed in (5, 5, 6))
        assert len(first) == 4
        for draw in first:
            assert draw.shape == answer.probability.shape
            assert draw.dtype == np.float32
            assert np.isfinite(draw).all()
            assert 0 <= draw.min() <= draw.max() <= 1
        np.testing.assert_array_equal(first, again)
        assert all((a != b).any() for a, b in zip(first, other, strict=True))
        assert all((first[0] != draw).any() for draw in first[1:])


def content(problem: Problem) -> dict[str, np.ndarray]:
    """Copies of all that a method could write to."""
    arrays = {name: getattr(problem, name).copy() for name in ("nodes_mm", "targets", "pixels", "slice_number")}
    arrays |= {"node_order": problem.groups.node_order.copy(), "group_offsets": problem.groups.group_offsets.copy()}
    for piece in problem.stack:
        arrays[f"values {piece.number}"] = piece.values.copy()
        arrays[f"observed {piece.number}"] = piece.observed.copy()
    return arrays


class TestNearest(MethodContract):
    method = Nearest()

    def test_a_node_takes_the_value_of_the_nearest_pixel(self) -> None:
        problem, _ = heart()
        centers = np.concatenate([s.pixel_centers_mm() for s in problem.stack])
        values = np.concatenate([s.values[s.observed] for s in problem.stack])
        probability = self.method.reconstruct(problem).probability
        for node in range(0, len(probability), 97):
            distance = np.linalg.norm(centers - problem.nodes_mm[node], axis=1)
            assert probability[node] == values[distance.argmin()]


class TestSignedDistance(MethodContract):
    method = SignedDistance()


class TestLinear(MethodContract):
    method = Interpolated("linear")


class TestSmoothedSignedDistance(MethodContract):
    method = Interpolated("signed_distance")


class TestShapeBased(MethodContract):
    method = Interpolated("shape_based")


def test_an_interpolation_that_is_not_known_is_refused() -> None:
    with pytest.raises(ConfigError, match="one of log_odds, linear, signed_distance, shape_based"):
        Interpolated("cubic")


class TestLogOdds(MethodContract):
    method = LogOdds()


class TestLearnedPrior(MethodContract):
    method = LearnedPrior()
    least_of_all = 0.96  # its examples are scar to 65 % at most: beyond the last slice it expects the scar to end

    def test_it_is_the_learned_one_that_answers(self, answer: Reconstruction) -> None:
        assert answer.facts["prior"] == "learned"


class TestNetwork(DrawingMethodContract):
    method = Network(QUICK)

    def test_more_draws_begin_with_the_fewer(self, answer: Reconstruction) -> None:
        assert answer.draws is not None
        np.testing.assert_array_equal(list(answer.draws(2, 5)), list(answer.draws(12, 5))[:2])


class TestReference(DrawingMethodContract):
    method = Reference(config=FitConfig(method="reference", max_epochs=12, device="cpu"), samples=4)
    least_agreement = 0.8  # in so few epochs it finds none
    most_of_none = 0.4

    def test_a_heart_of_scar_stays_scar(self) -> None:
        scar, none = (self.method.reconstruct(p).probability.mean() for p in (all_scar(), heart("none")[0]))
        assert scar > none + 0.2  # on its way, which takes it minutes

    def test_every_node_has_a_probability(self, answer: Reconstruction) -> None:
        assert np.isfinite(answer.probability).all()
        assert 0 <= answer.probability.min() <= answer.probability.max() <= 1

    def test_its_looks_are_one_and_the_same_fit(self) -> None:
        problem, _ = heart()
        looks = list(self.method.looks(problem, seed=3))
        assert [look.facts["epochs"] for look in looks] == sorted({look.facts["epochs"] for look in looks})
        assert looks[-1].facts["epochs"] == 12
        assert looks[-1].facts["stop_reason"] == "completed"
        whole = dataclasses.replace(self.method, budget_s=1e-3)
        [only] = whole.looks(problem, seed=3)
        assert only.facts["stop_reason"] == "budget"
        assert only.facts["epochs"] == 1


class TestLogitAverage(DrawingMethodContract):
    method = LogitAverage((Network(QUICK), LogOdds()), (0.25, 0.75))

    def test_it_lies_between_its_members(self) -> None:
        problem, _ = heart()
        low, high = np.sort([m.reconstruct(problem).probability for m in self.method.methods], axis=0)
        probability = self.method.reconstruct(problem).probability
        assert (probability >= np.maximum(low, 1e-4) - 1e-6).all()
        assert (probability <= np.minimum(high, 1 - 1e-4) + 1e-6).all()


class TestGaussianProcess(DrawingMethodContract):
    method = GaussianProcess(config=COARSE)


class TestGaussianProcessAboutAConstant(DrawingMethodContract):
    method = GaussianProcess("constant", config=COARSE, projection="soft")


class TestPosterior(DrawingMethodContract):
    method = Posterior(QUICK, COARSE)
    least_of_all = 0.96  # its examples are scar to 65 % at most: beyond the last slice it expects the scar to end


class TestPosteriorProjectedHard(DrawingMethodContract):
    method = Posterior(QUICK, COARSE, projection="hard")
    least_of_all = 0.96  # its examples are scar to 65 % at most: beyond the last slice it expects the scar to end

    def test_the_map_meets_every_pixel(self, answer: Reconstruction) -> None:
        assert residuals(heart()[0], answer.probability).max() < 1e-6


class TestSoftProjection(DrawingMethodContract):
    method = Projected(Network(QUICK))

    def test_it_brings_groups_nearer_to_their_pixels(self, answer: Reconstruction) -> None:
        problem, _ = heart()
        before = residuals(problem, self.method.method.reconstruct(problem, seed=3).probability)
        assert residuals(problem, answer.probability).mean() < 0.5 * before.mean()


class TestHardProjection(DrawingMethodContract):
    method = Projected(LogitAverage((Network(QUICK), LogOdds()), (0.5, 0.5)), "hard")

    def test_map_and_draws_meet_every_pixel(self, answer: Reconstruction) -> None:
        problem, _ = heart()
        assert residuals(problem, answer.probability).max() < 1e-6
        assert answer.draws is not None
        for draw in answer.draws(3, 0):
            assert residuals(problem, draw).max() < 1e-6
