from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.metrics.overlap import dice
from cardioscar.scar3d.observation.interpolation import linear, log_odds, shape_based, signed_distance
from tests.scar3d.conftest import make_stack

METHODS = [
    log_odds,
    signed_distance,
    shape_based,
    partial(linear, smooth_mm=1.0),
    partial(signed_distance, smooth_mm=1.0),
]


def disc_stack(centers: list[tuple[float, float]], *, rotation: Rotation | None = None) -> SliceStack:
    """Hard discs of radius 5 mm, one a slice, 8 mm apart."""
    axes = (rotation or Rotation.identity()).as_matrix()
    i, j = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    pieces = []
    for number, (x, y) in enumerate(centers):
        affine = np.eye(4)
        affine[:3, :3] = axes * np.array([1.0, 1.0, 6.0])
        affine[:3, 3] = axes[:, 2] * 8.0 * number
        disc = (((i - x) ** 2 + (j - y) ** 2) <= 25).astype(np.float32)
        pieces.append(Slice(disc, np.ones_like(disc, bool), affine, number))
    return SliceStack(tuple(pieces), "s")


@pytest.mark.parametrize("method", METHODS)
def test_pixel_centres_of_a_slice_get_that_slice_back(method) -> None:  # type: ignore[no-untyped-def]
    stack = disc_stack([(20, 20), (24, 20), (28, 20)])
    for piece in stack:
        probability = method(stack, piece.pixel_centers_mm())
        # the Gaussian that softens hard labels rounds the disc by less than a pixel; by chance it would be 0.1
        assert dice(piece.values[piece.observed] > 0.5, probability > 0.5) > 0.9


def test_signed_distance_moves_a_shifted_disc_half_way() -> None:
    stack = disc_stack([(16, 20), (22, 20)])
    plane = disc_stack([(19, 20)]).slices[0]
    points = plane.pixel_centers_mm() + np.array([0, 0, 4.0])
    moved = signed_distance(stack, points) > 0.5
    # the shape between two discs is a lens, flatter than a disc, but it stands half-way
    assert dice(plane.values[plane.observed] > 0.5, moved) > 0.85
    np.testing.assert_allclose(points[moved].mean(axis=0)[:2], [19, 20], atol=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_a_rotated_heart_gives_the_same_answer(method) -> None:  # type: ignore[no-untyped-def]
    rotation = Rotation.from_euler("xyz", [0.4, -0.8, 1.1])
    centers = [(16.0, 20.0), (22.0, 20.0), (25.0, 22.0)]
    points = np.random.default_rng(1).uniform([5, 5, -2], [35, 35, 18], (400, 3))
    straight = method(disc_stack(centers), points)
    np.testing.assert_allclose(
        method(disc_stack(centers, rotation=rotation), rotation.apply(points)), straight, atol=1e-6
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_slices_does_not_matter(method, rng: np.random.Generator) -> None:  # type: ignore[no-untyped-def]
    stack = make_stack(rng)
    points = rng.uniform([0, 0, -5], [15, 12, 30], (300, 3))
    turned = dataclasses.replace(stack, slices=stack.slices[::-1])
    np.testing.assert_allclose(method(turned, points), method(stack, points), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_outside_the_wall_the_nearest_wall_pixel_holds(method) -> None:  # type: ignore[no-untyped-def]
    values = np.zeros((9, 9), np.float32)
    observed = np.zeros((9, 9), bool)
    observed[3:6, 3:6], values[3:6, 3:6] = True, 1.0
    piece = Slice(values, observed, np.diag([1.0, 1.0, 8.0, 1.0]), 0)
    assert (method(SliceStack((piece,), "s"), np.array([[0.0, 0, 0], [8, 8, 3]])) > 0.5).all()


@pytest.mark.parametrize("method", METHODS)
def test_hearts_without_scar_and_slices_without_wall_are_legal(method) -> None:  # type: ignore[no-untyped-def]
    blank = Slice(np.zeros((6, 6)), np.zeros((6, 6), bool), np.eye(4), 0)
    healthy = Slice(np.zeros((6, 6)), np.ones((6, 6), bool), np.diag([1.0, 1, 5, 1]), 1)
    probability = method(SliceStack((blank, healthy), "s"), np.random.default_rng(0).uniform(0, 5, (20, 3)))
    assert np.isfinite(probability).all()
    assert (probability < 0.5).all()


def test_log_odds_is_linear_between_two_constant_slices() -> None:
    from scipy.special import logit

    pieces = []
    for number, level in enumerate((0.2, 0.7)):
        affine = np.diag([1.0, 1.0, 4.0, 1.0])
        affine[2, 3] = 10.0 * number
        pieces.append(Slice(np.full((4, 4), level), np.ones((4, 4), bool), affine, number))
    points = np.array([[1.0, 1, z] for z in (0, 2.5, 5, 10, 14)])
    expected = [
        logit(0.2),
        0.75 * logit(0.2) + 0.25 * logit(0.7),
        (logit(0.2) + logit(0.7)) / 2,
        logit(0.7),
        logit(0.7),
    ]
    np.testing.assert_allclose(logit(log_odds(SliceStack(tuple(pieces), "s"), points)), expected, atol=1e-6)


def test_one_soft_pixel_does_not_change_how_hard_labels_are_read() -> None:
    stack = disc_stack([(16, 20), (22, 20)])
    points = np.random.default_rng(2).uniform([5, 5, 0], [35, 35, 8], (500, 3))
    before = log_odds(stack, points)
    stack.slices[0].values[0, 0] = 1e-6
    np.testing.assert_allclose(log_odds(stack, points), before, atol=1e-3)


def test_a_cubic_follows_a_border_that_bends_and_a_line_does_not() -> None:
    # the disc moves as 0, 1, 4, 9 mm: a parabola, which the cubic repeats between the inner slices
    stack = disc_stack([(14, 20), (15, 20), (18, 20), (23, 20)])
    plane = disc_stack([(16.25, 20)]).slices[0]
    points = plane.pixel_centers_mm() + np.array([0, 0, 12.0])
    inside, straight = (method(stack, points) > 0.5 for method in (shape_based, signed_distance))
    bent, line = (points[inside].mean(axis=0)[0], points[straight].mean(axis=0)[0])
    assert abs(bent - 16.25) < abs(line - 16.25)


@pytest.mark.parametrize("height_mm", [0.0, 8.0, 16.0])
def test_the_cubic_meets_every_slice(height_mm: float) -> None:
    stack = disc_stack([(16, 20), (22, 20), (20, 24)])
    points = stack.slices[round(height_mm / 8)].pixel_centers_mm()
    np.testing.assert_allclose(shape_based(stack, points), signed_distance(stack, points), atol=1e-9)


def test_two_slices_leave_the_cubic_a_line() -> None:
    stack = disc_stack([(16, 20), (22, 20)])
    points = stack.slices[0].pixel_centers_mm() + np.array([0, 0, 3.0])
    np.testing.assert_array_equal(shape_based(stack, points), signed_distance(stack, points))


@given(st.floats(0.5, 4.0))
def test_smoothing_keeps_to_the_wall_and_to_its_values(smooth_mm: float) -> None:
    stack = disc_stack([(16, 20), (20, 20)])
    ring = np.hypot(*(np.indices((40, 40)) - 20)) < 12
    all_scar = SliceStack(
        tuple(
            dataclasses.replace(piece, values=np.where(ring, 1.0, 0.0).astype(np.float32), observed=ring)
            for piece in stack
        ),
        "s",
    )
    points = all_scar.slices[0].pixel_centers_mm()
    # what lies outside the wall says nothing: a wall that is scar up to its border stays so
    np.testing.assert_allclose(linear(all_scar, points, smooth_mm=smooth_mm), 1, atol=1e-6)


def test_smoothing_takes_specks_away() -> None:
    stack = disc_stack([(20, 20), (20, 20)])
    spotted = dataclasses.replace(stack.slices[0], values=stack.slices[0].values.copy())
    spotted.values[35, 5] = 1
    with_speck = SliceStack((spotted, dataclasses.replace(spotted, affine=stack.slices[1].affine, number=1)), "s")
    speck = spotted.frame.index_to_mm(np.array([[35.0, 5.0]]))
    assert signed_distance(with_speck, speck)[0] > 0.5
    assert signed_distance(with_speck, speck, smooth_mm=1.5)[0] < 0.5
