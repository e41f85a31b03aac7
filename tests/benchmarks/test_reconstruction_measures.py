"""The measures of the reconstruction benchmark on maps whose scores are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from benchmarks.reconstruction.accuracy import accuracy
from benchmarks.reconstruction.building import build
from benchmarks.reconstruction.case import Case, Hidden
from benchmarks.reconstruction.coverage import LEVELS, HiddenAreas, coverage_of
from benchmarks.reconstruction.suite import PhantomCase

NINETY = LEVELS.index(0.9)


@pytest.fixture(scope="module")
def case() -> Case:
    return build(PhantomCase("corridor", 100, 1, {"scar": "isthmus"}), 4_000)


def test_the_truth_itself_is_perfect(case):
    scores = accuracy(case, case.problem(), case.truth.astype(np.float32))
    perfect = {"dice": 1, "dice_gap": 1, "volume_error": 0, "soft_volume_error": 0, "corridor_kept": 1,
               "corridor_connected": 1, "hd95_mm": 0, "ece": 0, "brier": 0}  # fmt: skip
    assert {name: scores[name] for name in perfect} == pytest.approx(perfect)
    assert 0 < scores["residual_rms"] < 0.3  # a pixel is an average, the nodes in it are few


def test_a_filled_corridor_is_neither_kept_nor_connected(case):
    scores = accuracy(case, case.problem(), (case.truth | case.corridor).astype(np.float32))
    assert scores["corridor_kept"] == 0
    assert scores["corridor_connected"] == 0
    assert scores["dice"] < 1


def test_gaps_are_the_nodes_that_no_pixel_sees(case):
    problem = case.problem()
    seen = np.zeros(len(case.truth), dtype=bool)
    seen[problem.groups.node_order] = True
    scores = accuracy(case, problem, (case.truth & ~seen).astype(np.float32))
    assert scores["dice_gap"] == 1
    assert scores["dice"] < 0.9


def test_undefined_scores_are_none(case):
    scores = accuracy(case, case.problem(), np.zeros(len(case.truth), dtype=np.float32))
    assert scores["dice"] == 0
    assert scores["hd95_mm"] is None


def test_hidden_pixels_are_pooled(case):
    pixels = sparse.csr_array(np.eye(4, len(case.nodes_mm)))
    hidden = Hidden(pixels, np.array([1.0, 0.7, 0.2, 0.0]), np.ones(4), np.array([3, 3, 5, 5]))
    probability = np.zeros(len(case.nodes_mm), dtype=np.float32)
    probability[[0, 2]] = 0.9
    scores = accuracy(replace(case, truth=None, hidden=hidden), case.problem(), probability)
    assert scores["dice"] == pytest.approx(0.5)
    assert scores["volume_error"] == pytest.approx(0)


def test_areas_of_hidden_slices_are_covered_as_often_as_draws_say(case):
    rng, count = np.random.default_rng(0), 400
    weights = sparse.csr_array(np.eye(count, len(case.nodes_mm)))
    level = rng.uniform(0.3, 0.7, count)  # one pixel a slice, each with a truth that is one more draw
    hidden = Hidden(weights, level + rng.normal(0, 0.1, count), np.ones(count), np.arange(count))
    for spread, at_90 in ((0.1, (0.85, 0.95)), (0.02, (0.15, 0.45))):
        areas = HiddenAreas(replace(case, truth=None, hidden=hidden))
        for _ in range(40):
            draw = np.zeros(len(case.nodes_mm))
            draw[:count] = level + rng.normal(0, spread, count)
            areas.add(draw)
        found = areas.scores()
        low, high = at_90  # 400 slices: a standard error of 0.015
        assert found["areas"]["count"] == count
        assert low < found["areas"]["hits"][LEVELS.index(0.9)] / count < high


def calibrated(case: Case, seed: int, n: int):
    """Draws of a scar of uncertain size about a point, of which the truth is one more."""
    rng = np.random.default_rng(seed)
    distance = np.linalg.norm(case.nodes_mm - case.nodes_mm[case.truth].mean(axis=0), axis=1)
    for _ in range(n):
        yield (distance < rng.normal(18, 3)).astype(np.float32)


def pooled(case: Case, kind: str, cases: int, spread: float = 1.0) -> np.ndarray:
    """Coverage over several truths; the draws' departure from their mean is multiplied by `spread`."""
    found, count = np.zeros(len(LEVELS)), 0
    for seed in range(cases):
        truth, *draws = calibrated(case, seed, 41)
        middle = np.mean(draws, axis=0)
        scores = coverage_of(replace(case, truth=truth > 0), (middle + spread * (d - middle) for d in draws))
        found += scores[kind]["hits"]
        count += scores[kind]["count"]
    return found / count


@pytest.mark.parametrize("kind", ["cubes", "segments", "volume", "nodes"])
def test_draws_of_which_the_truth_is_one_cover_what_they_say(case, kind):
    # one number, the radius, decides a whole case: 80 cases have a binomial sd of 0.034 at 0.9 and 0.056 at 0.5
    covered = pooled(case, kind, 80)
    np.testing.assert_allclose(covered, LEVELS, atol=0.12)
    assert covered[NINETY] == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize("kind", ["cubes", "volume"])
def test_draws_that_are_too_sure_cover_less(case, kind):
    assert pooled(case, kind, 20, spread=0.3)[NINETY] < 0.6


def test_certain_draws_that_miss_are_counted_as_misses(case):
    scores = coverage_of(case, [np.zeros(len(case.truth), dtype=np.float32)] * 64)
    cubes = scores["cubes"]
    assert cubes["count"] > 20
    assert cubes["hits"][NINETY] == 0
    assert cubes["closed_hits"] == 0
    assert cubes["z_square"] > cubes["count"]
    assert scores["volume"]["hits"][NINETY] == 0
    assert scores["nodes"]["hits"][NINETY] == 0
    assert scores["nodes"]["count"] == case.truth.sum()


def test_what_truth_and_all_draws_agree_on_does_not_count(case):
    certain = coverage_of(case, [case.truth.astype(np.float32)] * 8)
    assert certain["nodes"]["count"] == 0
    assert certain["cubes"]["closed_hits"] == certain["cubes"]["count"]
    assert certain["cubes"]["z_square"] == pytest.approx(0, abs=1e-6)
    scarless = np.zeros(len(case.truth), dtype=np.float32)
    nothing = coverage_of(replace(case, truth=scarless > 0), [scarless] * 8)
    assert [nothing[kind]["count"] for kind in ("cubes", "segments", "nodes")] == [0, 0, 0]
    assert nothing["volume"]["hits"] == pytest.approx(LEVELS)  # it says nothing either way
