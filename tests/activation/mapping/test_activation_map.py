from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.activation.mapping.activation_map import GRID, activation_map
from cardioscar.activation.mapping.kernel import MapConfig, covariance, places_at
from cardioscar.activation.mapping.measured import slice_heights
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.sectors import sector_centers
from cardioscar.errors import ConfigError, InputError

HEIGHTS = (0.25, 0.4, 0.55, 0.7)
STEADY = MapConfig(fit=False)


def wave(height, angle):
    """Onset of a block: late opposite of the septum, a little more so at the base."""
    return 60 - (30 + 10 * np.asarray(height)) * np.cos(angle) + 10 * np.sin(angle)


def ring(height: float, half_ms: float = 8.0, sectors: int = 126) -> SectorOnsets:
    tos_ms = wave(height, sector_centers(sectors))
    return SectorOnsets(tos_ms, tos_ms - half_ms, tos_ms + half_ms, np.zeros(sectors, dtype=np.int64))


def test_slices_come_back_and_the_wall_between_them_follows():
    found = activation_map([ring(height, 1.0) for height in HEIGHTS], HEIGHTS)
    random = np.random.default_rng(0)
    angle = random.uniform(-np.pi, np.pi, 300)
    at = random.choice(HEIGHTS, 300)
    # what 6° of the grid and intervals of ± 1 ms leave, in a wave of 50 ms
    np.testing.assert_allclose(found.tos_ms(at, -angle), wave(at, angle), atol=1.5)
    between = random.uniform(0.25, 0.7, 300)
    np.testing.assert_allclose(found.tos_ms(between, -angle), wave(between, angle), atol=2)


def test_doubt_grows_where_no_slice_is_near():
    found = activation_map([ring(height) for height in HEIGHTS], HEIGHTS, STEADY)
    height = np.linspace(0.7, 1, 13)
    sd_ms = found.sd_ms(height, np.full(13, 1.0))
    assert (np.diff(sd_ms) > 0).all()
    assert sd_ms[-1] > 1.5 * sd_ms[0]
    with_gap = activation_map([ring(height) for height in (0.25, 0.7)], (0.25, 0.7), STEADY)
    middle = np.array([0.475])
    assert with_gap.sd_ms(middle, np.zeros(1)) > 1.5 * found.sd_ms(middle, np.zeros(1))
    np.testing.assert_allclose(with_gap.distance_mm(middle), 0.225 * STEADY.length_mm)


def test_doubt_grows_with_the_intervals():
    at = np.full(5, 0.5), np.linspace(-3, 3, 5)
    sure, unsure = (activation_map([ring(height, half) for height in HEIGHTS], HEIGHTS, STEADY) for half in (4.0, 30.0))
    assert (unsure.sd_ms(*at) > 1.5 * sure.sd_ms(*at)).all()


def test_the_map_is_closed_around_and_at_the_apex():
    found = activation_map([ring(height) for height in HEIGHTS], HEIGHTS)
    around = np.array([np.pi - 1e-6, -np.pi + 1e-6])
    np.testing.assert_allclose(*found.tos_ms(np.full(2, 0.6), around), atol=1e-3)
    apex = found.draws_ms(np.zeros(8), np.linspace(-3, 3, 8), draws=20)
    # one place: the draws differ by what keeps their covariance steady, 0.03 ms
    assert np.ptp(apex, axis=1).max() < 0.5
    assert apex[:, 0].std() > 1


def test_draws_have_the_map_for_mean_and_its_doubt_for_spread():
    found = activation_map([ring(height) for height in HEIGHTS], HEIGHTS)
    height, angle = np.full(6, 0.9), np.linspace(-3, 2, 6)
    draws = found.draws_ms(height, angle, draws=1000)
    sd_ms = found.sd_ms(height, angle)
    # four standard errors of 1,000 draws; between places of the grid draws are means of two, and less apart
    np.testing.assert_allclose(draws.mean(axis=0), found.tos_ms(height, angle), atol=4 * sd_ms.max() / np.sqrt(1000))
    np.testing.assert_allclose(draws.std(axis=0), sd_ms, rtol=0.1)
    np.testing.assert_array_equal(draws, found.draws_ms(height, angle, draws=1000))
    assert (draws >= 0).all()


def test_intervals_of_the_map_hold_the_truth():
    """Hearts drawn from the process itself, measured with the errors that it knows: 90 % lie within."""
    config = replace(STEADY, slice_ms=3.0)
    places = places_at(GRID.height, GRID.angle, config)
    prior = covariance(places, places, config, config.size_ms, config.around_mm, config.along_mm)
    factor = np.linalg.cholesky(prior + 1e-3 * np.eye(len(prior)))
    sectors = sector_centers(36)
    inside = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        truth = 300 + factor @ random.normal(size=len(prior))
        alike = np.exp(-2 * (np.sin((sectors[:, None] - sectors) / 2) / np.radians(config.error_deg)) ** 2)
        shared = np.linalg.cholesky(alike + 1e-6 * np.eye(36))
        slices = []
        for height in HEIGHTS:
            tos_ms = GRID.weights(np.full(36, height), sectors) @ truth + 3 * random.normal()
            tos_ms = tos_ms + 8 * shared @ random.normal(size=36)
            slices.append(SectorOnsets(tos_ms, tos_ms - 8 * 1.645, tos_ms + 8 * 1.645, np.zeros(36, dtype=np.int64)))
        found = activation_map(slices, HEIGHTS, config)
        sd_ms = np.sqrt(np.diag(found.covariance_ms2))
        inside.append((np.abs(truth - found.mean_ms) <= 1.645 * sd_ms).mean())
    # a heart's share spreads by about 0.1, as its places go together: two and a half standard errors of eight
    assert np.mean(inside) == pytest.approx(0.9, abs=0.09)


@settings(max_examples=20)
@given(st.floats(5, 80), st.floats(5, 80), st.integers(0, 100))
def test_the_covariance_is_one(around_mm, along_mm, seed):
    random = np.random.default_rng(seed)
    places = places_at(random.uniform(0, 1, 40), random.uniform(-9, 9, 40), STEADY)
    matrix = covariance(places, places, STEADY, 20.0, around_mm, along_mm)
    np.testing.assert_allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9 * np.trace(matrix)


def test_what_a_mesh_is_to_hold():
    found = activation_map([ring(height) for height in HEIGHTS], HEIGHTS)
    data = found.point_data(np.array([0.1, 0.5]), np.array([0.0, 1.0]))
    assert set(data) == {"tos_ms", "tos_sd_ms", "slice_distance_mm"}
    assert all(one.dtype == np.float32 and one.shape == (2,) for one in data.values())


def test_what_is_no_set_of_slices():
    two = [ring(0.3), ring(0.6)]
    with pytest.raises(InputError, match="slices: expected two slices and more, each with its height, found 1 with 1"):
        activation_map(two[:1], [0.3])
    with pytest.raises(InputError, match="heights: expected heights of 0 .apex. to 1 .base."):
        activation_map(two, [0.3, 6.0])
    with pytest.raises(InputError, match="slices at different heights"):
        activation_map(two, [0.3, 0.3])
    with pytest.raises(InputError, match="onsets and intervals that are finite"):
        activation_map([replace(two[0], tos_ms=np.full(126, np.nan)), two[1]], [0.3, 0.6])
    with pytest.raises(InputError, match=r"a location of each slice \(location_mm\), found one without"):
        slice_heights([10.0, None], 0.0, 80.0)
    with pytest.raises(InputError, match="slices between apex and base, found 1 slice outside"):
        slice_heights([10.0, 90.0], 0.0, 80.0)
    with pytest.raises(InputError, match="a base that lies above the apex"):
        slice_heights([10.0, 20.0], 80.0, 0.0)
    with pytest.raises(ConfigError, match="around_mm: expected a size above 0"):
        MapConfig(around_mm=0)
    with pytest.raises(ConfigError, match="slice_ms: expected 0 ms and more"):
        MapConfig(slice_ms=-1)
