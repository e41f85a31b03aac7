from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import expit

from cardioscar.config import from_mapping
from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
from cardioscar.imaging.slices import SliceStack
from cardioscar.metrics.overlap import dice
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.methods.learned_prior import LearnedPrior
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.observation.problem import Problem, build_problem
from cardioscar.scar3d.wall_prior.apply import learned_prior
from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.stored_unet import load_prior
from tests.scar3d.wall_prior.conftest import Subject


def test_the_shipped_prior_says_how_it_was_made() -> None:
    network, about = load_prior()
    assert sum(p.numel() for p in network.parameters()) == about["parameters"] <= 400_000
    assert about["examples"] >= 1000
    # one command without options makes it again
    assert from_mapping(ScarPriorConfig, about["config"], where="prior") == ScarPriorConfig()
    assert about["validation"]["loss"] < 0.9 * about["validation"]["log_odds_loss"]


def test_the_shipped_prior_beats_log_odds_on_another_family_of_scars() -> None:
    dices, losses = [], []
    for index in range(3):  # a smooth scar, one with an isthmus and a patchy one, of the choosing set
        phantom = make_phantom(PhantomConfig(seed=100, nodes=12_000), index)
        at = lv_coordinates(phantom.mesh)
        coordinates = np.column_stack([at.apicobasal, at.rotational, at.transmural])
        nodes, volumes = phantom.mesh.nodes_mm, phantom.mesh.node_volumes_ml
        problem = build_problem(nodes, phantom.stack, wall_ml=float(volumes.sum()), coordinates=coordinates)
        maps = LearnedPrior().reconstruct(problem).probability, log_odds(phantom.stack, nodes)
        dices.append([dice(phantom.scar_truth, p >= 0.5, volumes) for p in maps])
        missed = [np.clip(np.where(phantom.scar_truth, 1 - p, p), 0.001, 0.999) for p in maps]
        losses.append([np.average(-np.log(1 - m), weights=volumes) for m in missed])
    # on smooth scars log-odds can be the better one in Dice
    assert np.mean(dices, axis=0)[0] > np.mean(dices, axis=0)[1] + 0.01
    assert all(learned < 0.8 * base for learned, base in losses)


def test_the_prior_moves_with_the_heart(subject: Subject) -> None:
    turn, shift = Rotation.from_euler("xyz", [0.4, -0.7, 1.1]).as_matrix(), np.array([30.0, -80.0, 400.0])

    def moved(affine: np.ndarray) -> np.ndarray:
        new = affine.copy()
        new[:3] = turn @ affine[:3]
        new[:3, 3] += shift
        return new

    stack = subject.problem.stack
    pieces = tuple(dataclasses.replace(s, affine=moved(s.affine)) for s in stack)
    away = dataclasses.replace(
        subject.problem, nodes_mm=subject.nodes_mm @ turn.T + shift, stack=SliceStack(pieces, stack.source)
    )
    here, there = learned_prior(subject.problem).logits, learned_prior(away).logits
    assert here is not None
    assert there is not None
    # outside the wall's pixels the nearest one holds, and where two are as near, rounding chooses
    change = np.abs(expit(here) - expit(there))
    assert np.median(change) < 1e-3
    assert np.quantile(change, 0.99) < 0.03


def test_the_order_of_nodes_plays_no_part(subject: Subject) -> None:
    order = np.random.default_rng(0).permutation(len(subject.nodes_mm))
    shuffled = dataclasses.replace(
        subject.problem, nodes_mm=subject.nodes_mm[order], coordinates=subject.coordinates[order]
    )
    here, there = learned_prior(subject.problem).logits, learned_prior(shuffled).logits
    assert here is not None
    np.testing.assert_allclose(there, here[order], atol=1e-3)


def test_scar_is_found_where_slices_show_it(subject: Subject) -> None:
    logits = learned_prior(subject.problem).logits
    assert logits is not None
    assert logits.dtype == np.float32
    at = subject.coordinates
    core = (np.abs(at[:, 1]) < 0.8) & (at[:, 0] > 0.5) & (at[:, 0] < 0.9)
    remote = (np.abs(at[:, 1]) > 1.4) | (at[:, 0] < 0.25)
    assert expit(logits[core]).mean() > 0.8
    assert expit(logits[remote]).mean() < 0.03


def without(problem: Problem, **changes: object) -> Problem:
    return dataclasses.replace(problem, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c: None, "no LV coordinates"),
        (lambda c: np.where(np.arange(len(c))[:, None] == 7, np.nan, c), "finite"),
        (lambda c: c[:, :2], "three finite numbers"),
        (lambda c: c * [1, 0.5, 1], "part of a ventricle"),
        (lambda c: c * [0.3, 1, 1], "part of a ventricle"),
    ],
)
def test_without_proper_coordinates_log_odds_stand_in_and_the_reason_is_said(subject: Subject, spoil, reason) -> None:  # type: ignore[no-untyped-def]
    problem = without(subject.problem, coordinates=spoil(subject.coordinates))
    assert learned_prior(problem).logits is None
    answer = LearnedPrior().reconstruct(problem)
    assert reason in answer.facts["reason"]
    np.testing.assert_allclose(answer.probability, log_odds(problem.stack, problem.nodes_mm), atol=1e-6)
    assert answer.draws is None


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_no_scar_stays_none_and_all_scar_stays_all(subject: Subject, fraction: float) -> None:
    pieces = tuple(dataclasses.replace(s, values=np.where(s.observed, fraction, 0.0)) for s in subject.problem.stack)
    logits = learned_prior(without(subject.problem, stack=SliceStack(pieces, "lge.nii.gz"))).logits
    assert logits is not None
    assert np.isfinite(logits).all()
    assert (np.mean((logits > 0) == (fraction == 1.0))) > 0.97


def test_one_slice_slices_without_wall_and_pixels_without_value_give_finite_logits(subject: Subject) -> None:
    stack = subject.problem.stack
    middle = stack.slices[len(stack) // 2]
    blank = dataclasses.replace(stack.slices[0], observed=np.zeros_like(stack.slices[0].observed))
    nothing = dataclasses.replace(middle, values=np.where(middle.observed, middle.values, np.nan))
    for pieces in ((middle,), (blank, nothing)):
        logits = learned_prior(without(subject.problem, stack=SliceStack(pieces, "lge.nii.gz"))).logits
        assert logits is not None
        assert np.isfinite(logits).all()
        near = np.abs(middle.mm_to_index(subject.nodes_mm)[:, 2]) < 0.4
        scar = near & (np.abs(subject.coordinates[:, 1]) < 0.7)
        healthy = near & (np.abs(subject.coordinates[:, 1]) > 1.3)
        assert (logits[scar] > 0).mean() > 0.9
        assert (logits[healthy] < 0).mean() > 0.95
