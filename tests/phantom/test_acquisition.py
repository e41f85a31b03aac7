from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cardioscar.imaging.labels import WALL, Label
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom

COARSE = PhantomConfig(nodes=4_000, scar="smooth", pixel_mm=(1.4, 1.4), seed=3)


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(COARSE, 1)


def test_volumes_share_one_grid_and_hold_legal_values(phantom):
    images = phantom.images
    for volume in (images.labels, images.scar_fraction, images.lge):
        assert volume.values.shape == images.protocol.shape
        np.testing.assert_array_equal(volume.affine, images.protocol.affine)
        assert volume.slice_thickness_mm == images.protocol.thickness_mm
    assert images.labels.values.dtype == np.uint8
    assert set(np.unique(images.labels.values)) == {0, 1, 2, 3}
    fraction = images.scar_fraction.values
    assert np.isfinite(fraction).all()
    assert fraction.min() == 0
    assert fraction.max() <= 1
    assert (fraction[~np.isin(images.labels.values, WALL)] == 0).all()
    assert images.lge.values.dtype == np.int16


def test_labels_follow_the_fraction(phantom):
    labels, fraction = phantom.images.labels.values, phantom.images.scar_fraction.values
    wall = np.isin(labels, WALL)
    np.testing.assert_array_equal(labels[wall] == Label.SCAR, fraction[wall] >= 0.5)


def test_fraction_is_the_mean_of_the_truth_over_the_prism(phantom):
    images = phantom.images
    rng = np.random.default_rng(0)
    edge = np.argwhere((images.scar_fraction.values > 0) & np.isin(images.labels.values, WALL))
    chosen = edge[rng.choice(len(edge), 60, replace=False)]
    spacing = images.labels.spacing_mm
    half = np.array([0.5, 0.5, 0.5 * images.protocol.thickness_mm / spacing[2]])
    errors = []
    for pixel in chosen:
        points = images.labels.index_to_mm(pixel + rng.uniform(-half, half, (4_000, 3)))
        wall = phantom.shape.coordinates(points).in_wall
        share = wall.mean()
        assert share > 0.5 - 0.09  # 45 regular samples resolve about a layer of 3 x 3
        expected = phantom.scar(points)[wall].mean()
        errors.append(images.scar_fraction.values[tuple(pixel)] - expected)
    assert np.abs(errors).max() < 0.15
    assert abs(np.mean(errors)) < 0.02


def test_fine_slices_without_gaps_recover_the_volumes():
    config = PhantomConfig(
        nodes=30_000,
        pixel_mm=(1.0, 1.0),
        thickness_mm=(2.0, 2.0),
        spacing_mm=(2.0, 2.0),
        tilt_deg=(10.0, 10.0),
        seed=1,
    )
    phantom = make_phantom(config, 1)
    labels = phantom.images.labels
    wall_ml = np.isin(labels.values, WALL).sum() * labels.voxel_ml
    scar_ml = phantom.images.scar_fraction.values.sum() * labels.voxel_ml
    assert wall_ml == pytest.approx(phantom.mesh.volume_ml, rel=0.02)
    assert scar_ml == pytest.approx(phantom.parameters["scar_ml"], rel=0.03)


def test_slices_lie_as_stated(phantom):
    protocol, stack = phantom.images.protocol, phantom.stack
    affine = phantom.images.labels.affine
    steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    tilt = np.degrees(np.arccos(steps[:, 2] @ phantom.shape.apex_to_base))
    assert tilt == pytest.approx(protocol.tilt_deg, abs=1e-6)
    assert np.linalg.det(steps) > 0
    # Radiological view: septum to the left (low i), anterior wall up (low j); apex first
    assert steps[:, 0] @ phantom.shape.septum_direction < -0.5
    assert steps[:, 1] @ phantom.shape.axes[:, 1] < -0.5
    assert len(stack) == protocol.shape[2]
    assert all(s.thickness_mm == pytest.approx(protocol.thickness_mm) for s in stack)
    spacing = phantom.images.labels.spacing_mm[2]
    assert protocol.thickness_mm <= spacing
    height = (phantom.mesh.nodes_mm @ steps[:, 2]) - affine[:3, 3] @ steps[:, 2]
    assert -spacing < height.min() < 0
    assert -0.01 < height.max() - (len(stack) - 1) * spacing < 1.5 * spacing
    # All nodes are within the image, away from its edge
    index = phantom.images.labels.mm_to_index(phantom.mesh.nodes_mm)
    assert index[:, :2].min() > 5
    assert (index[:, :2].max(axis=0) < np.array(protocol.shape[:2]) - 5).all()


def test_image_contrast_is_that_of_late_enhancement(phantom):
    labels, lge = phantom.images.labels.values, phantom.images.lge.values
    fraction = phantom.images.scar_fraction.values
    remote = np.median(lge[(labels == Label.MYOCARDIUM) & (fraction == 0)])
    blood = np.median(lge[labels == Label.BLOOD_POOL])
    scar = np.median(lge[(labels == Label.SCAR) & (fraction > 0.95)])
    assert 3 * remote < blood < 0.8 * scar


def test_noise_is_the_stated_one():
    quiet, noisy = (
        make_phantom(dataclasses.replace(COARSE, snr=snr), 1).images.lge.values.astype(float) for snr in (1e6, 20.0)
    )
    bright = quiet > 400  # Rician noise is Gaussian at ten standard deviations and more
    assert (noisy - quiet)[bright].std() == pytest.approx(800 / 20, rel=0.03)
    dark = quiet < 40
    assert (noisy - quiet)[dark].mean() > 10  # magnitude never falls below zero: the Rician bias


def test_breath_hold_shift_moves_each_slice():
    still, moved = make_phantom(COARSE, 1), make_phantom(dataclasses.replace(COARSE, shift_mm=3.0), 1)
    shifts = moved.images.protocol.shifts_mm
    assert shifts.std() == pytest.approx(3, rel=0.5)
    np.testing.assert_array_equal(still.images.labels.affine, moved.images.labels.affine)
    pixel = still.images.labels.spacing_mm[0]
    for k in range(2, still.images.protocol.shape[2] - 3):
        before, after = (
            np.argwhere(np.isin(p.images.labels.values[:, :, k], WALL)).mean(axis=0) for p in (still, moved)
        )
        np.testing.assert_allclose((after - before) * pixel, shifts[k], atol=0.35)


def test_label_noise_stays_beside_scar():
    exact, read = make_phantom(COARSE, 1), make_phantom(dataclasses.replace(COARSE, label_noise=0.2), 1)
    a, b = exact.images.scar_fraction.values, read.images.scar_fraction.values
    changed = a != b
    assert changed.any()
    assert b.min() >= 0
    assert b.max() <= 1
    near = np.zeros_like(changed)
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            near |= np.roll(a > 0, (di, dj), axis=(0, 1))
    # Pixels with too little wall to be labelled carry scar too, so one more pixel may be reached.
    assert (changed & ~near).sum() < 0.05 * changed.sum()
    inside = changed & (a > 0) & (a < 1) & (b > 0) & (b < 1)
    assert (b - a)[inside].std() == pytest.approx(0.2, rel=0.4)
