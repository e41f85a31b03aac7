from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardioscar.activation.strain.denoising import denoise
from cardioscar.activation.strain.resampling import resample_frames, resample_sectors
from cardioscar.activation.strain.sectors import (
    heading_by_insertions,
    heading_in_picture,
    heading_in_space,
    renumbered,
    rotational_coordinates,
    sector_centers,
    sector_of,
)
from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.coordinates.aha import SIXTHS
from tests.activation.drawn_strain import beat

values = arrays(np.float64, st.tuples(st.integers(2, 40), st.just(3)), elements=st.floats(-1, 1))


@given(values=values, sectors=st.integers(1, 200))
def test_other_numbers_of_sectors_keep_the_mean_and_the_range(values, sectors):
    found = resample_sectors(values, sectors)
    assert found.shape == (sectors, 3)
    np.testing.assert_allclose(found.mean(axis=0), values.mean(axis=0), atol=1e-9)
    assert found.min() >= values.min() - 1e-9
    assert found.max() <= values.max() + 1e-9


@given(values=values, shift=st.integers(0, 40))
def test_the_circumference_is_closed(values, shift):
    turned = resample_sectors(np.roll(values, shift, axis=0), 7 * len(values))
    np.testing.assert_allclose(turned, np.roll(resample_sectors(values, 7 * len(values)), 7 * shift, axis=0), atol=1e-9)


def test_a_wave_survives_from_18_sectors_to_126():
    wave = np.cos(sector_centers(18))
    # a chord of 20° lies under its arc by 1.5 %
    np.testing.assert_allclose(resample_sectors(wave, 126), np.cos(sector_centers(126)), atol=0.02)


def test_frames_at_other_times():
    one = beat(frames=20, interval_ms=30)
    finer = one.with_frames(np.arange(30.0, 601.0, 10))
    np.testing.assert_allclose(finer.circumferential[:, ::3], one.circumferential, atol=1e-12)
    assert finer.circumferential.min() >= one.circumferential.min() - 1e-12
    with pytest.raises(InputError, match="drawn: expected times within its frames, 30 to 600 ms, found 0 to 600 ms"):
        one.with_frames(np.array([0.0, 600.0]))
    with pytest.raises(InputError, match="frame_ms: expected times within its frames"):
        resample_frames(one.circumferential, one.frame_ms, np.array([700.0]))


def test_a_slice_takes_all_it_knows_along():
    one = beat(tos_ms=np.arange(18.0), scarred=np.arange(18) < 6, radial=np.ones((18, 20)))
    found = one.with_sectors(126)
    assert (found.sectors, found.radial.shape, found.tos_ms.shape) == (126, (126, 20), (126,))
    assert found.scarred.dtype == bool
    assert 40 <= found.scarred.sum() <= 44
    turned = one.turned(6)
    assert turned.tos_ms[0] == 6
    assert not turned.scarred[:12].any()
    assert turned.scarred[12:].all()
    np.testing.assert_array_equal(turned.circumferential[0], one.circumferential[6])
    np.testing.assert_array_equal(renumbered(np.arange(5), 0, reverse=True), [0, 4, 3, 2, 1])


def test_sectors_are_the_segments_of_the_aha_in_the_stated_order():
    degrees = np.degrees(rotational_coordinates(6))
    basal = SIXTHS[np.floor((degrees + 180) / 60).astype(int)]  # 1 anterior, 2 anteroseptal ... 6 anterolateral
    np.testing.assert_array_equal(basal, [3, 4, 5, 6, 1, 2])


@given(seed=st.integers(0, 999))
def test_headings_in_space_agree_with_insertion_points(seed):
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    base, septum = turn[:, 2], turn[:, 0]
    anterior = np.cross(base, septum)
    center = random.uniform(-50, 50, 3)
    points = [center + 25 * (np.cos(np.pi / 3) * septum + side * np.sin(np.pi / 3) * anterior) for side in (1, -1)]
    one, other = heading_in_space(base, septum + 0.3 * base), heading_by_insertions(*points, center)
    np.testing.assert_allclose(one.septum, other.septum, atol=1e-9)
    np.testing.assert_allclose(one.inferior, other.inferior, atol=1e-9)
    # insertion points end the septum, a third of the circumference
    np.testing.assert_array_equal(sector_of(one.angles((points - center) * 1.0 + 1e-3 * septum), 6), [5, 0])


def test_a_picture_has_its_septum_at_the_left_and_its_inferior_wall_below():
    heading = heading_in_picture()
    offsets = np.array([[-1.0, 0.1], [0.0, 1.0], [1.0, 0.0], [0.0, -1.0]])
    np.testing.assert_array_equal(sector_of(heading.angles(offsets), 126), [1, 31, 63, 94])


def test_directions_that_tell_nothing_are_refused():
    with pytest.raises(GeometryError, match="a vector of some length"):
        heading_in_picture(np.zeros(2))
    with pytest.raises(GeometryError, match="insertion points: expected two insertion points apart"):
        heading_by_insertions(np.array([1.0, 0]), np.array([-1.0, 0]), np.zeros(2))


def test_denoising_finds_the_two_patterns_under_the_noise():
    random = np.random.default_rng(0)
    sectors, frames = np.arange(126) / 126, np.arange(40) / 40
    clean = -0.15 * np.outer(1 + 0.3 * np.cos(2 * np.pi * sectors), np.sin(np.pi * frames))
    clean += 0.05 * np.outer(np.sin(2 * np.pi * sectors), np.sin(2 * np.pi * frames))
    noisy = clean + random.normal(0, 0.02, clean.shape)
    found = denoise(noisy)
    assert np.linalg.matrix_rank(found, tol=1e-6) == 2
    # of 126 × 40 numbers of noise, those that two patterns of 126 and 40 can hold stay: 2 × 166 / 5040 of the square
    assert (found - clean).std() < 0.02 * np.sqrt(2 * 166 / 5040) * 1.15
    assert np.linalg.matrix_rank(denoise(noisy, rank=1), tol=1e-6) == 1
    np.testing.assert_allclose(denoise(noisy, rank=40), noisy, atol=1e-12)
    with pytest.raises(InputError, match="rank: expected 1 and more, found 0"):
        denoise(noisy, rank=0)
