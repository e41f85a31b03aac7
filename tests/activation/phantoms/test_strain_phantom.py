from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.activation.phantoms.activation import draw_activation
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.phantoms.curves import strain_curves, systole_ms
from cardioscar.activation.phantoms.moving_annulus import moving_annulus
from cardioscar.activation.phantoms.strain_phantom import heart_phantom, strain_phantom
from cardioscar.activation.strain.checks import check_strain, check_study
from cardioscar.activation.strain.displacement import displacement_strain
from cardioscar.activation.strain.sector_class import SectorClass, sector_classes, without_spikes
from cardioscar.errors import ConfigError

ONLY_BLOCK = StrainPhantomConfig(block=1, late_region=0, scar=0, weak=0)
ONLY_SCAR = StrainPhantomConfig(block=0, late_region=0, scar=1, weak=0, living_share=(0, 0.1))


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_every_phantom_is_strain_with_a_truth(seed):
    one = strain_phantom(seed)
    measured = check_strain(one.measured)
    assert measured.circumferential.shape == one.clean.shape == (126, measured.frames)
    assert measured.tos_ms.min() >= measured.frame_ms[0]
    assert ((one.classes == SectorClass.SCARRED) == measured.scarred).all()
    noise = (measured.circumferential - one.clean).std()
    assert 0.8 * 0.006 < noise < 1.2 * 0.025


def test_equal_seeds_give_equal_phantoms_and_others_others():
    one, same, other = strain_phantom(1), strain_phantom(1), strain_phantom(2)
    np.testing.assert_array_equal(one.measured.circumferential, same.measured.circumferential)
    assert one.measured.frames != other.measured.frames or (one.clean != other.clean).any()


def test_all_patterns_come_up():
    phantoms = [strain_phantom(seed) for seed in range(60)]
    classes = np.concatenate([one.classes for one in phantoms])
    assert all((classes == kind).mean() > 0.04 for kind in SectorClass)
    late_scar = [one.measured.scarred & (one.measured.tos_ms > 90) for one in phantoms]
    assert sum(one.any() for one in late_scar) >= 3  # late and scarred at once
    beats = [np.diff(one.measured.frame_ms) for one in phantoms]
    assert sum(step.max() > 1.5 * step.min() for step in beats) > 20  # frames were lost
    assert np.ptp([one.heart_rate_bpm for one in phantoms]) > 40


def test_block_is_late_at_the_lateral_wall():
    for seed in range(10):
        tos_ms = draw_activation(np.random.default_rng(seed), ONLY_BLOCK).tos_ms(126)
        septum, lateral = tos_ms[np.r_[0:6, 120:126]].mean(), tos_ms[48:78].mean()
        assert lateral - septum > 25


def test_the_slices_of_a_heart_belong_together():
    slices = heart_phantom(3, ONLY_BLOCK)
    ordered = check_study([one.measured for one in slices])
    assert [one.location_mm for one in ordered] == [16, 28, 40, 52, 64]
    onsets = np.array([one.measured.tos_ms for one in slices])
    assert np.ptp(onsets, axis=0).max() < 1e-6  # block is the same at all heights
    np.testing.assert_array_equal(
        np.array([one.classes for one in slices]), sector_classes(onsets, np.zeros(onsets.shape, dtype=bool))
    )
    scarred = [one.measured.scarred.mean() for one in heart_phantom(4, replace(ONLY_SCAR, scar_width_deg=(100, 110)))]
    assert max(scarred) > 0.2
    assert min(scarred) < max(scarred)  # a scar has ends along the axis too


def test_curves_begin_to_shorten_when_they_should():
    times = np.arange(1.0, 600.0)
    tos_ms = np.array([30.0, 60, 120])
    curves = strain_curves(times, tos_ms, np.full(3, 0.18), np.zeros(3), 70)
    np.testing.assert_allclose(times[curves.argmax(axis=1)][1:], tos_ms[1:], atol=1)
    assert curves[0, 28] == 0 > curves[0, 30]
    # before their onset late sectors are stretched by those that pull already
    assert curves.max(axis=1)[0] <= 0 < curves.max(axis=1)[1] < curves.max(axis=1)[2]
    np.testing.assert_allclose(curves.min(axis=1), -0.18, atol=1e-3)
    peaks = times[curves.argmin(axis=1)]
    assert (np.diff(peaks) > 10).all()
    assert abs(peaks.mean() - systole_ms(70)) < 40
    assert np.abs(strain_curves(np.array([0.0, 857.0]), tos_ms, np.full(3, 0.18), np.zeros(3), 70)).max() < 0.01


def test_scar_hardly_shortens_whenever_it_begins():
    times = np.arange(1.0, 600.0)
    curves = strain_curves(times, np.array([30.0, 30, 110]), np.full(3, 0.18), np.array([0, 0.95, 0.95]), 70)
    assert curves.min(axis=1)[0] < -0.17
    assert curves[1:].min() > -0.02
    assert 0 < curves[1:].max() < 0.06


@pytest.mark.parametrize("seed", range(4))
def test_displacement_of_a_moving_annulus_has_the_strain_of_the_matrix(seed):
    one = strain_phantom(seed)
    field = moving_annulus(one.clean, one.measured.frame_ms, twist=0.15, shift_mm=(5, -3))
    found = displacement_strain(field).circumferential
    # strain is averaged over a window of three pixels of 1.5 mm; sectors are 1.4 mm wide and regions end over 7°
    assert np.abs(found - one.clean).max() < 0.012
    assert (found - one.clean).std() < 0.002


def test_noise_of_the_displacement_is_that_of_the_matrix():
    one = strain_phantom(5)
    clean = moving_annulus(one.clean, one.measured.frame_ms)
    noisy = moving_annulus(one.clean, one.measured.frame_ms, noise_px=0.1, seed=1)
    assert (noisy.displacement - clean.displacement)[:, clean.mask].std() == pytest.approx(0.1, rel=0.02)
    assert 0.005 < (displacement_strain(noisy).circumferential - one.clean).std() < 0.025


def test_classes_and_spikes():
    onsets = np.array([20.0] * 10 + [59, 60, 100, 100])
    scarred = np.zeros(14, dtype=bool)
    scarred[13] = True
    assert sector_classes(onsets, scarred)[-4:].tolist() == [0, 1, 1, 2]
    assert sector_classes(onsets, np.ones(14, dtype=bool)).tolist() == [2] * 14
    mask = np.zeros(126, dtype=bool)
    mask[[0, 1, 2, 3, 4, 5, 125, 124, 60, 61]] = True
    found = without_spikes(mask)
    assert found[[124, 125, 0, 5]].all()  # closed around
    assert not found[55:65].any()
    assert not without_spikes(~mask)[[124, 0]].any()
    assert without_spikes(np.ones(126, dtype=bool)).all()


def test_impossible_ranges_are_refused():
    with pytest.raises(ConfigError, match="noise: expected a range from low to high, 0 and more"):
        StrainPhantomConfig(noise=(0.1, 0.05))
    with pytest.raises(ConfigError, match="strain phantom: expected 12 sectors and more, and shares of 0 to 1"):
        StrainPhantomConfig(scar=1.5)
