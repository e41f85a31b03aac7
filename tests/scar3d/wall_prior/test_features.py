from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import expit

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.wall_prior.features import BASE_SCALE, CHANNELS, averaged, base_logits, features, for_network
from cardioscar.scar3d.wall_prior.ventricle import Ventricle
from tests.scar3d.conftest import make_stack
from tests.scar3d.wall_prior.conftest import axial_stack


def channel(inputs: np.ndarray, name: str) -> np.ndarray:
    return inputs[CHANNELS.index(name)]


def test_the_first_channel_is_log_odds_interpolation(ventricle: Ventricle) -> None:
    stack = axial_stack(ventricle, lambda at: at[:, 0] > 0.5)
    grid = ventricle.grid(cell_mm=5.0, layers=3)
    inputs = features(stack, grid, cell_mm=5.0)
    points = grid.points_mm.reshape(-1, 3)
    base = expit(BASE_SCALE * channel(inputs, "log-odds interpolation").ravel())
    np.testing.assert_allclose(base, log_odds(stack, points), atol=1e-4)
    np.testing.assert_allclose(base, expit(base_logits(stack, points)), atol=1e-5)


def test_distances_are_to_the_slices_on_either_side(ventricle: Ventricle) -> None:
    stack = axial_stack(ventricle, lambda at: at[:, 0] > 0.5, spacing_mm=9.0)
    grid = ventricle.grid(cell_mm=5.0, layers=3)
    inputs = features(stack, grid, cell_mm=5.0)
    height = grid.points_mm[..., 2]
    first, last = (stack.slices[k].affine[2, 3] for k in (0, -1))
    between = (height > first) & (height < last)
    below, above = channel(inputs, "distance below"), channel(inputs, "distance above")
    np.testing.assert_allclose(10 * (below + above)[between], 9.0, atol=1e-4)
    np.testing.assert_allclose(10 * below[between], (height[between] - first) % 9.0, atol=1e-4)
    assert (below[height < first] == 2).all()
    inside = channel(inputs, "inside a slab")[between] > 0
    assert inside.any()
    assert np.minimum(10 * below, 10 * above)[between][inside].max() <= 3.0 + 1e-5


def test_it_does_not_matter_which_way_the_slices_are_counted(ventricle: Ventricle) -> None:
    stack = axial_stack(ventricle, lambda at: (at[:, 0] > 0.5) & (at[:, 1] > 0))
    grid = ventricle.grid(cell_mm=5.0, layers=3)

    def turned(piece: Slice) -> Slice:
        affine = piece.affine.copy()
        affine[:3, 2] *= -1
        return dataclasses.replace(piece, affine=affine)

    back = SliceStack(tuple(turned(piece) for piece in reversed(stack.slices)), stack.source)
    np.testing.assert_allclose(features(back, grid, cell_mm=5.0), features(stack, grid, cell_mm=5.0), atol=1e-5)


def test_averaging_keeps_the_mean_and_the_place_of_pixels(rng: np.random.Generator) -> None:
    stack = make_stack(rng, shape=(12, 9), pixel_mm=0.78)
    full = SliceStack(tuple(dataclasses.replace(s, observed=np.ones((12, 9), bool)) for s in stack), stack.source)
    coarse = averaged(full)
    for fine, piece in zip(full, coarse, strict=True):
        assert piece.values.shape == (6, 5)
        np.testing.assert_allclose(piece.pixel_mm, 1.56)
        np.testing.assert_allclose(piece.values[:, :4], fine.values[:, :8].reshape(6, 2, 4, 2).mean(axis=(1, 3)))
        # the last column of blocks is half outside the image, and holds what there is
        np.testing.assert_allclose(piece.values[:, 4], fine.values[:, 8].reshape(6, 2).mean(axis=1))
        middle = fine.affine[:3, :2] @ [0.5, 0.5] + fine.affine[:3, 3]
        np.testing.assert_allclose(piece.affine[:3, 3], middle)


def test_pixels_that_are_coarse_enough_stay_as_they_are(rng: np.random.Generator) -> None:
    stack = make_stack(rng, pixel_mm=1.1)
    assert averaged(stack).slices == stack.slices


def test_blocks_with_less_than_half_of_their_pixels_in_the_wall_are_not_observed() -> None:
    observed = np.array([[True, False, True, True], [False, False, False, False]])
    piece = Slice(np.where(observed, 0.6, np.nan), observed, np.diag([0.7, 0.7, 6.0, 1.0]), 0)
    coarse = averaged(SliceStack((piece,), "lge.nii.gz")).slices[0]
    assert coarse.observed.tolist() == [[False, True]]
    np.testing.assert_allclose(coarse.values[0, 1], 0.6)


def test_hard_labels_stay_hard_and_fractions_stay_fractions(rng: np.random.Generator) -> None:
    stack = make_stack(rng, shape=(12, 8), pixel_mm=0.78)
    hard = SliceStack(tuple(dataclasses.replace(s, values=(s.values > 0.5).astype(float)) for s in stack), stack.source)
    for piece, mean in zip(for_network(hard), averaged(hard), strict=True):
        assert set(np.unique(mean.values[mean.observed])) > {0.0, 1.0}
        np.testing.assert_array_equal(piece.values, mean.values >= 0.5)
    for piece, mean in zip(for_network(stack), averaged(stack), strict=True):
        np.testing.assert_array_equal(piece.values, mean.values)
