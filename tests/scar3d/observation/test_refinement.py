"""Points inside the cells of a coarse mesh, and what a map gains by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from cardioscar.imaging.tetrahedra import divide, signed_volumes
from cardioscar.metrics.overlap import dice
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.observation.refinement import POINTS_PER_MM3, Refinement, may_be_coarse, refine
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.scar_posterior import ScarPosterior
from tests.scar3d.hearts import heart

COARSE = 4_000


def refined(nodes: int = COARSE) -> Refinement:
    finer = refine(heart(nodes=nodes).problem)
    assert finer is not None
    return finer


def wall_mm3(problem: Problem) -> np.ndarray:
    return np.asarray(signed_volumes(problem.nodes_mm, problem.tetrahedra))


def residual(problem: Problem, values: np.ndarray) -> float:
    """Root mean square of the groups' means less their pixels."""
    offsets = problem.groups.group_offsets
    means = np.add.reduceat(values[problem.groups.node_order].astype(float), offsets[:-1]) / np.diff(offsets)
    return float(np.sqrt(np.mean((means - problem.targets) ** 2)))


def test_the_nodes_stay_and_points_of_the_wanted_density_follow() -> None:
    before, finer = heart(nodes=COARSE).problem, refined()
    nodes = len(before.nodes_mm)
    np.testing.assert_array_equal(finer.problem.nodes_mm[:nodes], before.nodes_mm)
    assert len(finer.problem.nodes_mm) == pytest.approx(POINTS_PER_MM3 * wall_mm3(before).sum(), rel=0.001)


@pytest.mark.parametrize("nodes", [1_500, COARSE])  # eight points in a cell, and one or two
def test_a_cell_holds_the_points_that_its_volume_asks_for_beyond_its_corners(nodes: int) -> None:
    problem, finer = heart(nodes=nodes).problem, refined(nodes)
    rows = finer.weights.toarray() if nodes < 2_000 else finer.weights[::40].toarray()
    assert (rows > 0).sum(axis=1).max() <= 4
    assert rows.min() >= 0
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    corners = {tuple(sorted(cell)): number for number, cell in enumerate(problem.tetrahedra.tolist())}
    indices = finer.weights.indices.reshape(-1, 4)
    counts = np.bincount([corners[tuple(sorted(four))] for four in indices.tolist()], minlength=len(corners))
    shares = (1 / np.bincount(problem.tetrahedra.reshape(-1)))[problem.tetrahedra].sum(axis=1)
    wanted = np.maximum(POINTS_PER_MM3 * wall_mm3(problem) - shares, 0)
    np.testing.assert_array_less(np.abs(counts - wanted), 1.01)


def test_points_of_a_cell_are_apart() -> None:
    weights = refined(1_500).weights
    cell = weights.indices.reshape(-1, 4)
    share = weights.data.reshape(-1, 4)
    same = (cell[1:] == cell[:-1]).all(axis=1)
    assert same.sum() > 1000
    assert np.abs(np.diff(share, axis=0))[same].max(axis=1).min() > 0.05


def test_a_linear_field_is_carried_on_exactly() -> None:
    finer, nodes = refined(), heart(nodes=COARSE).problem.nodes_mm
    slope = np.array([0.3, -1.1, 0.7])
    np.testing.assert_allclose(finer.extend(nodes @ slope), finer.problem.nodes_mm @ slope, atol=1e-9)
    assert finer.extend(np.zeros(len(nodes), dtype=np.float32)).dtype == np.float32


def test_coordinates_of_the_points_are_between_those_of_the_nodes_also_at_the_seam_of_the_angle() -> None:
    problem, finer = heart(nodes=COARSE).problem, refined()
    nodes = len(problem.nodes_mm)
    assert problem.coordinates is not None
    assert finer.problem.coordinates is not None
    np.testing.assert_array_equal(finer.problem.coordinates[:nodes], problem.coordinates)
    corners = problem.coordinates[finer.weights.indices.reshape(-1, 4)]
    points = finer.problem.coordinates[nodes:]
    for axis in (0, 2):
        assert (points[:, axis] >= corners[..., axis].min(axis=1) - 1e-9).all()
        assert (points[:, axis] <= corners[..., axis].max(axis=1) + 1e-9).all()
    across = np.ptp(corners[..., 1], axis=1) > np.pi  # cells on either side of the seam
    away = points[:, 0] > 0.2  # at the apex all angles meet
    assert across[away].any()
    assert (np.abs(points[across & away, 1]) > 2.5).all()
    assert refine(replace(problem, coordinates=None)).problem.coordinates is None  # type: ignore[union-attr]


def test_pixels_see_more_tissue_in_blocks_that_are_no_larger() -> None:
    before, after = heart(nodes=COARSE).problem, refined().problem
    assert after.pixels.max() < before.pixels.max()
    assert after.pixels.sum() >= before.pixels.sum()  # pixels that held no node hold a point
    sizes = [np.median(np.diff(problem.groups.group_offsets)) for problem in (before, after)]
    assert sizes[1] > sizes[0]
    assert after.n_groups > 2 * before.n_groups


def test_where_pixels_are_not_merged_they_are_not_merged_here() -> None:
    problem = heart(nodes=COARSE).problem
    finer = refine(replace(problem, pixels=np.ones_like(problem.pixels)))
    assert finer is not None
    assert finer.problem.pixels.max() == 1


def test_a_mesh_that_is_fine_enough_stays_as_it_is() -> None:
    problem = heart(nodes=COARSE).problem
    own = len(problem.nodes_mm) / wall_mm3(problem).sum()
    assert refine(problem, points_per_mm3=0.6 * own) is None
    assert refine(problem, points_per_mm3=1.3 * own) is not None
    assert refine(replace(problem, tetrahedra=None)) is None
    assert not may_be_coarse(300_000, 150.0)


def test_a_mesh_that_is_fine_in_one_half_gets_points_in_the_other() -> None:
    problem = heart(nodes=COARSE).problem
    assert problem.tetrahedra is not None
    middle = np.median(problem.nodes_mm[:, 2])
    # cells above the middle are divided twice: 64 in the place of one
    above = problem.nodes_mm[problem.tetrahedra].mean(axis=1)[:, 2] > middle
    nodes, cells = problem.nodes_mm, problem.tetrahedra[above]
    for _ in range(2):
        nodes, cells = divide(nodes, cells)
    graded = replace(
        problem, nodes_mm=nodes, tetrahedra=np.concatenate([problem.tetrahedra[~above], cells]), coordinates=None
    )
    assert len(nodes) > POINTS_PER_MM3 * wall_mm3(problem).sum()  # enough of them in the mean
    finer = refine(graded)
    assert finer is not None
    added = finer.problem.nodes_mm[len(nodes) :]
    assert len(added) > 5_000
    assert (added[:, 2] < middle + 6).all()


def test_the_same_mesh_gives_the_same_points() -> None:
    one, two = refined(), refined()
    np.testing.assert_array_equal(one.problem.nodes_mm, two.problem.nodes_mm)
    np.testing.assert_array_equal(one.problem.groups.node_order, two.problem.groups.node_order)


def maps(nodes: int, index: int, **options: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a patchy heart: the map without points, the map with them, and log-odds interpolation."""
    problem = heart(scar="patchy", nodes=nodes, index=index).problem
    between = log_odds(problem.stack, problem.nodes_mm)
    prior = logit(np.clip(between, 1e-4, 1 - 1e-4))
    found = [
        ScarPosterior(one, prior, PosteriorConfig(), **options).probability  # type: ignore[arg-type]
        for one in (replace(problem, tetrahedra=None), problem)
    ]
    return found[0], found[1], between


def test_the_map_of_a_coarse_mesh_gains_by_them() -> None:
    """Without the points, corrections towards the means of few nodes take away what interpolation knows."""
    scores = []
    for index in range(4):
        case = heart(scar="patchy", nodes=COARSE, index=index)
        scores.append([dice(case.truth, p >= 0.5, case.node_volumes_ml) for p in maps(COARSE, index)])
    without, with_them, interpolated = np.mean(scores, axis=0)
    assert with_them > without + 0.01
    assert with_them > interpolated


def test_the_tissue_of_a_pixel_meets_it_where_its_few_nodes_did() -> None:
    problem, finer = heart(scar="patchy", nodes=COARSE).problem, refine(heart(scar="patchy", nodes=COARSE).problem)
    assert finer is not None
    before, after, _ = maps(COARSE, 0)
    assert residual(problem, before) < residual(problem, after)  # the mean over a pixel's nodes is not what is asked
    assert residual(finer.problem, finer.extend(after)) < residual(finer.problem, finer.extend(before))


def test_the_hard_projection_is_about_the_nodes_alone() -> None:
    problem = heart(scar="patchy", nodes=COARSE).problem
    without, with_them, _ = maps(COARSE, 0, projection="hard")
    np.testing.assert_array_equal(without, with_them)
    assert residual(problem, with_them) < 2e-6


def test_map_and_draws_are_of_the_nodes() -> None:
    problem = heart(nodes=COARSE).problem
    prior = logit(np.clip(log_odds(problem.stack, problem.nodes_mm), 1e-4, 1 - 1e-4))
    found = ScarPosterior(problem, prior, PosteriorConfig())
    drawn = list(found.draws(60, 0))
    assert found.probability.shape == drawn[0].shape == (len(problem.nodes_mm),)
    assert np.abs(np.mean(drawn, axis=0) - found.probability).mean() < 0.04


def test_a_heart_without_scar_has_a_map_and_draws_of_the_nodes_too() -> None:
    problem = heart(scar="none", nodes=COARSE).problem
    found = ScarPosterior(problem, np.full(len(problem.nodes_mm), -5.0), PosteriorConfig())
    assert found.probability.shape == next(found.draws(1, 0)).shape == (len(problem.nodes_mm),)
    assert found.probability.max() < 0.05


def test_on_a_mesh_that_is_fine_enough_projections_meet_the_nodes_in_this_order() -> None:
    problem = replace(heart(nodes=COARSE).problem, tetrahedra=None)
    prior = logit(np.clip(log_odds(problem.stack, problem.nodes_mm), 1e-4, 1 - 1e-4))
    hard, soft, none = (
        residual(problem, ScarPosterior(problem, prior, PosteriorConfig(), projection=kind).probability)  # type: ignore[arg-type]
        for kind in ("hard", "soft", "none")
    )
    assert hard < 2e-6 < soft < none
