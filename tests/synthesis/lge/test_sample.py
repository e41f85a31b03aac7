from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.labels import Label
from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.lge.contrast import CORE, SCAR, draw_contrast, inversion_recovery
from cardioscar.synthesis.lge.planes import HEART_IN_PATIENT, draw_planes
from cardioscar.synthesis.lge.sample import draw_sample
from cardioscar.synthesis.lge.settings import LgeConfig

SMALL = LgeConfig(pixels=(64, 56), pixel_mm=(2.0, 2.4))


@settings(max_examples=20)
@given(st.integers(0, 2**40))
def test_a_sample_is_finite_and_labelled_as_the_project_does(seed):
    sample = draw_sample(seed, SMALL)
    assert sample.image.shape == sample.labels.shape == (64, 56, 1)
    assert sample.image.dtype == np.float32
    assert np.isfinite(sample.image).all()
    assert set(np.unique(sample.labels)) <= {0, 1, 2, 3}
    assert np.ptp(sample.image) > 0
    if not sample.psir:
        assert sample.image.min() >= 0


def test_the_same_seed_gives_the_same_examination_and_another_one_another():
    first, again, other = (draw_sample(seed, SMALL) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert not np.array_equal(first.image, other.image)


def test_a_stack_runs_from_apex_to_base_on_the_grid_that_it_states():
    sample = draw_sample(11, replace(SMALL, slices=9, stack=True, thickness_mm=(8.0, 8.0), gap_mm=(2.0, 2.0)))
    frame = Affine(sample.affine)
    np.testing.assert_allclose(frame.spacing_mm[2], 10.0)
    assert sample.thickness_mm == 8.0
    wall = (sample.labels == Label.MYOCARDIUM) | (sample.labels == Label.SCAR)
    areas = wall.sum(axis=(0, 1))
    assert (areas > 0).sum() >= 5
    # the step from slice to slice goes from apex to base: right, back and up in the patient
    step = frame.matrix[:3, 2] / 10
    assert step @ HEART_IN_PATIENT[:, 2] == pytest.approx(1, abs=0.1)


def test_all_kinds_of_slices_and_labels_come_up():
    drawn = [draw_sample(seed, SMALL) for seed in range(36)]
    assert 0.3 < np.mean([one.psir for one in drawn]) < 0.9
    # a fifth lie beyond apex or base: four deviations of 36 draws
    assert 0.02 < np.mean([not one.labels.any() for one in drawn]) < 0.47
    assert np.mean([(one.labels == Label.SCAR).any() for one in drawn]) > 0.25


def test_hearts_without_scar_have_none():
    assert not any((draw_sample(seed, replace(SMALL, scar_free=1.0)).labels == Label.SCAR).any() for seed in range(10))


def test_scar_is_brighter_than_the_wall_where_contrast_is_realistic():
    differences = []
    for seed in range(24):
        sample = draw_sample(seed, replace(SMALL, beyond=0.0))
        scar, wall = (sample.image[sample.labels == one] for one in (Label.SCAR, Label.MYOCARDIUM))
        if len(scar) > 30 and len(wall) > 30:
            differences.append(np.median(scar) > np.median(wall))
    assert len(differences) >= 3
    # a scar that is mostly core without contrast may be dark
    assert np.mean(differences) > 0.8


def test_a_slice_is_drawn_in_less_than_its_share_of_a_second():
    draw_sample(0)
    began = time.process_time()
    for seed in range(8):
        draw_sample(seed, LgeConfig(pixels=(144, 144)))
    assert (time.process_time() - began) / 8 < 0.15  # CPU-seconds, three times what it takes


@given(st.integers(0, 300))
def test_a_magnitude_shows_scar_and_blood_brighter_than_the_wall(seed):
    contrast = draw_contrast(np.random.default_rng(seed), signed=False, beyond=0.5)
    shown = np.abs(contrast.inversion)
    assert shown[SCAR] > shown[Tissue.WALL]
    assert shown[Tissue.LV_BLOOD] > shown[Tissue.WALL]


@given(st.integers(0, 300))
def test_signals_of_physics_and_beyond_keep_scar_and_blood_over_the_wall(seed):
    contrast = draw_contrast(np.random.default_rng(seed), beyond=0.5)
    wall = contrast.inversion[Tissue.WALL]
    assert contrast.inversion[SCAR] > wall
    assert contrast.inversion[Tissue.LV_BLOOD] > wall
    assert contrast.reference.min() >= 0
    assert contrast.inversion[Tissue.AIR] == 0
    assert contrast.reference[CORE] == contrast.reference[Tissue.WALL]


def test_longer_t1_is_darker_after_an_inversion():
    signal = inversion_recovery(np.array([250.0, 400.0, 900.0]), ti_ms=280, tr_ms=1600)
    assert signal[0] > signal[1] > signal[2]


@given(st.integers(0, 100))
def test_pixels_through_the_slice_lie_where_the_affine_says(seed):
    planes = draw_planes(
        np.random.default_rng(seed), shape=(20, 30, 3), spacing_mm=(2.0, 1.5, 10.0), thickness_mm=8.0, middle_mm=40.0,
        off_center_mm=5.0,
    )  # fmt: skip
    x, y, z = planes.points_mm(2, 0.25)
    moved = planes.shifts_mm[2] / (2.0, 1.5)
    expected = planes.frame.index_to_mm(np.array([[7 + moved[0], 11 + moved[1], 2 + 0.25 * 0.8]]))[0]
    np.testing.assert_allclose([x[7, 11], y[7, 11], z[7, 11]], expected, atol=1e-3)
    part = planes.points_mm(2, 0.25, slice(3, 9), slice(5, 12))
    np.testing.assert_allclose(part[0], x[3:9, 5:12], atol=1e-4)
    # the axis of the heart crosses the middle of the slices where it was asked to
    assert abs(planes.frame.mm_to_index(np.array([[0, 0, 40.0]]))[0, 2] - 1) < 1e-6


@pytest.mark.parametrize(
    ("name", "value"),
    [("slices", 0), ("samples", 0), ("pixels", (8, 64)), ("pixel_mm", (2.0, 1.0)), ("gap_mm", (-1.0, 2.0)),
     ("scar_free", 1.5), ("beyond", -0.1), ("psir", 2.0), ("off_center_mm", float("nan"))],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        LgeConfig(**{name: value})


def test_in_every_third_heart_blood_is_as_bright_as_scar() -> None:
    drawn = [draw_contrast(np.random.default_rng(seed), beyond=0.0).inversion for seed in range(200)]
    over = [(one[Tissue.LV_BLOOD] - one[Tissue.WALL]) / (one[SCAR] - one[Tissue.WALL]) for one in drawn]
    assert np.mean(np.abs(np.array(over) - 1) < 0.12) > 0.33
