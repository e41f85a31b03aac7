from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.activation.strain.displacement import displacement_strain
from cardioscar.activation.strain.sectors import heading_by_insertions, heading_in_picture
from cardioscar.errors import InputError
from tests.activation.drawn_strain import CENTER, moved_annulus, rotation

angles = st.floats(-0.6, 0.6)
shifts = st.tuples(st.floats(-8, 8), st.floats(-8, 8))


@given(angle=angles, shift=shifts)
def test_rigid_motion_is_no_strain(angle, shift):
    strain = displacement_strain(moved_annulus(lambda x: x @ rotation(angle).T + shift))
    np.testing.assert_allclose(strain.circumferential, 0, atol=1e-6)
    np.testing.assert_allclose(strain.radial, 0, atol=1e-6)


@given(scale=st.floats(0.7, 1.1), angle=angles, shift=shifts)
def test_pure_contraction_is_exact_whatever_turns_and_moves_with_it(scale, angle, shift):
    strain = displacement_strain(moved_annulus(lambda x: scale * x @ rotation(angle).T + shift))
    np.testing.assert_allclose(strain.circumferential, (scale**2 - 1) / 2, atol=1e-6)
    np.testing.assert_allclose(strain.radial, (scale**2 - 1) / 2, atol=1e-6)


@given(stretch=st.tuples(st.floats(0.8, 1.2), st.floats(0.8, 1.2), st.floats(-0.1, 0.1)), height=st.floats(1.2, 2.0))
def test_any_affine_motion_is_exact_in_pixels_that_are_not_square(stretch, height):
    across, down, shear = stretch
    matrix = np.array([[across, shear], [0, down]])
    strain = displacement_strain(moved_annulus(lambda x: x @ matrix.T, pixel_mm=(height, 1.6)))
    tensor = (matrix.T @ matrix - np.eye(2)) / 2
    directions = heading_in_picture().direction(2 * np.pi * (np.arange(126) + 0.5) / 126) * [1.6, height]
    radial = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    along = np.column_stack([-radial[:, 1], radial[:, 0]])
    np.testing.assert_allclose(strain.radial[:, 0], np.einsum("si,ij,sj->s", radial, tensor, radial), atol=1e-6)
    np.testing.assert_allclose(strain.circumferential[:, 0], np.einsum("si,ij,sj->s", along, tensor, along), atol=1e-6)


def test_twist_that_differs_through_the_wall_has_no_circumferential_strain():
    def twisted(x: np.ndarray) -> np.ndarray:
        radius = np.linalg.norm(x, axis=-1)
        angle = 0.1 + 0.1 * (radius - 28) / 12  # mm; 6° more at the epicardium than at the endocardium
        return np.stack(
            [
                x[..., 0] * np.cos(angle) - x[..., 1] * np.sin(angle),
                x[..., 0] * np.sin(angle) + x[..., 1] * np.cos(angle),
            ],
            axis=-1,
        )

    strain = displacement_strain(moved_annulus(twisted))
    np.testing.assert_allclose(strain.circumferential, 0, atol=1e-3)


def test_a_wall_that_thickens_as_much_as_it_shortens():
    middle, share = 28.0, 0.3  # mm; the circle in the middle of the wall shrinks to √0.7 of its radius

    def thickened(x: np.ndarray) -> np.ndarray:
        radius = np.linalg.norm(x, axis=-1, keepdims=True)
        return x * np.sqrt(np.maximum(radius**2 - share * middle**2, 1)) / radius

    strain = displacement_strain(moved_annulus(thickened))
    # the mask tells the middle of the wall to a fifth of a pixel, over which the strain differs by 0.0043
    np.testing.assert_allclose(strain.circumferential, -share / 2, atol=5e-3)
    np.testing.assert_allclose(strain.circumferential.mean(), -share / 2, atol=1e-3)
    np.testing.assert_allclose(strain.radial, (1 / (1 - share) - 1) / 2, atol=1e-2)


def test_sectors_follow_the_heading():
    field = moved_annulus(lambda x: x * np.where(x[..., :1] < 0, 0.8, 1.0))  # only the left half shortens
    at_left = displacement_strain(field, sectors=4).circumferential[:, 0]
    np.testing.assert_array_equal(at_left.round(2), [-0.18, 0, 0, -0.18])
    insertions = CENTER + np.array([[-5.0, 5.0], [5.0, 5.0]])  # septum below: the left half is anterior
    turned = displacement_strain(field, heading=heading_by_insertions(*insertions, CENTER), sectors=4)
    np.testing.assert_array_equal(turned.circumferential[:, 0].round(2), [0, 0, -0.18, -0.18])


def test_noise_is_averaged():
    still = moved_annulus(lambda x: 0.9 * x, frames=20)
    noise = np.random.default_rng(0).normal(0, 0.1, still.displacement.shape)
    strain = displacement_strain(replace(still, displacement=still.displacement + noise))
    # differences of neighbouring pixels would have a standard deviation of 0.1 × 0.9 / √2 = 0.064
    assert 0.005 < (strain.circumferential - (0.9**2 - 1) / 2).std() < 0.02


def test_frames_in_which_some_of_the_wall_is_unknown():
    field = moved_annulus(lambda x: 0.9 * x, frames=3)
    known = field.known.copy()
    known[:28, :, 1] = False
    found = displacement_strain(replace(field, known=known, displacement=field.displacement * known))
    np.testing.assert_allclose(found.circumferential, (0.9**2 - 1) / 2, atol=1e-6)
    known[:, :40, 1] = False
    with pytest.raises(InputError, match="displacement: expected displacement of the wall in every frame, found"):
        displacement_strain(replace(field, known=known))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda mask: mask & False, "an empty mask"),
        (lambda mask: mask & (np.arange(64) < 31), "a wall without a cavity in it"),
        (lambda mask: np.ones_like(mask), "a wall without a cavity in it"),
        (lambda mask: mask & (np.abs(np.arange(64) - 31) > 6), "2 pieces"),
    ],
)
def test_masks_that_are_no_ring_are_refused(change, finding):
    field = moved_annulus(lambda x: x)
    with pytest.raises(InputError, match=finding):
        displacement_strain(replace(field, mask=change(field.mask)))


def test_specks_are_left_out_and_said(caplog):
    field = moved_annulus(lambda x: 0.9 * x)
    mask = field.mask.copy()
    mask[2, 2:5] = True
    strain = displacement_strain(replace(field, mask=mask, known=mask[..., None]))
    np.testing.assert_allclose(strain.circumferential, (0.9**2 - 1) / 2, atol=1e-6)
    assert "displacement: 3 pixels apart from the wall are left out" in caplog.messages
