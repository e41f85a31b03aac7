from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.pacing import pacing_sites
from cardioscar.activation.sites.score import Draws, lateness_ms
from cardioscar.activation.sites.segments import segment_rows
from cardioscar.errors import ConfigError, InputError
from tests.activation.sites.drawn_wall import drawn_wall

WALL = drawn_wall()
NONE = np.zeros((1, len(WALL.nodes_mm)))


def hill(height: float, deg: float, size_ms: float, width_mm: float = 15.0) -> np.ndarray:
    """Lateness about a place of the epicardium."""
    epicardium = np.flatnonzero(WALL.transmural == 1)
    apart = np.hypot(WALL.apicobasal - height, (np.degrees(WALL.rotational) - deg) / 360)
    peak = WALL.nodes_mm[epicardium[np.argmin(apart[epicardium])]]
    return size_ms * np.exp(-0.5 * (np.linalg.norm(WALL.nodes_mm - peak, axis=1) / width_mm) ** 2)


def scar_at(place: np.ndarray, radius_mm: float) -> np.ndarray:
    return (np.linalg.norm(WALL.nodes_mm - place, axis=1) <= radius_mm).astype(float)


TWO_HILLS = 30 + np.maximum(hill(0.6, -150, 80), hill(0.7, 110, 60))


def test_the_latest_living_wall_is_first_and_the_next_one_apart():
    first, second, third = pacing_sites(WALL, Draws(TWO_HILLS[None], NONE))
    assert first.segment_name == "mid inferolateral"
    assert first.rotational_deg == pytest.approx(-150, abs=6)  # a step between nodes
    assert second.rotational_deg == pytest.approx(110, abs=6)
    assert first.lateness_ms > second.lateness_ms > third.lateness_ms
    places = np.array([one.position_mm for one in (first, second, third)])
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(3, 1)]
    assert apart.min() >= 20
    assert first.scar_distance_mm is None
    assert first.confidence == 1
    np.testing.assert_allclose(first.position_mm, WALL.nodes_mm[first.node])
    assert first.transmural == 1


def test_scar_takes_the_first_place_away():
    late = pacing_sites(WALL, Draws(TWO_HILLS[None], NONE))[0]
    scar = scar_at(np.array(late.position_mm), 18)[None]
    found = pacing_sites(WALL, Draws(TWO_HILLS[None], scar))
    assert found[0].rotational_deg == pytest.approx(110, abs=6)
    assert found[0].scar_probability == 0
    assert found[0].scar_distance_mm > 10
    np.testing.assert_allclose(found[0].score_ms, found[0].lateness_ms)


def test_the_score_is_expected_lateness_times_probability_of_no_scar():
    random = np.random.default_rng(0)
    count = len(WALL.nodes_mm)
    tos_ms = random.uniform(0, 100, (7, count))
    scar = (random.uniform(size=(4, count)) < 0.3).astype(float)
    draws = Draws(tos_ms, scar)
    late = np.mean([np.maximum(one - np.quantile(one, 0.1), 0) for one in tos_ms], axis=0)
    np.testing.assert_allclose(draws.score_ms, late * (1 - scar.mean(axis=0)))
    # every draw of one map with every draw of the other, since they are independent
    pairs = [lateness_ms(one) * (1 - other) for one in tos_ms for other in scar]
    np.testing.assert_allclose(draws.score_ms, np.mean(pairs, axis=0))
    assert draws.pairs == 7
    one, free = draws.pair(5)
    np.testing.assert_array_equal(one, lateness_ms(tos_ms[5]))
    np.testing.assert_array_equal(free, 1 - scar[1])


def test_confidence_is_the_share_of_draws_that_agree():
    one, other = 30 + hill(0.6, -150, 80, 10), 30 + hill(0.7, 110, 80, 10)
    tos_ms = np.array([one, one, one, other])
    first, second, *_ = pacing_sites(WALL, Draws(tos_ms, NONE))
    assert (first.confidence, second.confidence) == (0.75, 0.25)
    assert first.tos_low_ms < first.tos_ms < first.tos_high_ms


def test_rules_can_be_switched_off():
    septal = Draws((30 + hill(0.2, 10, 80))[None], NONE)
    kept = pacing_sites(WALL, septal)[0]
    assert abs(kept.rotational_deg) >= 60
    assert kept.apicobasal >= 1 / 3
    anywhere = SiteConfig(away_from_septum=False, away_from_apex=False)
    free = pacing_sites(WALL, septal, anywhere)[0]
    assert abs(free.rotational_deg - 10) <= 6
    assert free.apicobasal == pytest.approx(0.2, abs=0.06)
    assert pacing_sites(WALL, septal, replace(anywhere, surface="endocardium"))[0].transmural == 0
    apex_alone = pacing_sites(WALL, septal, replace(anywhere, away_from_septum=True))[0]
    assert apex_alone.apicobasal < 1 / 3
    assert abs(apex_alone.rotational_deg) >= 60
    cut = replace(WALL, cavity_apex=0.4)
    assert pacing_sites(cut, septal)[0].apicobasal >= 0.4 + 0.6 / 3 - 1e-9


def test_no_wall_left_gives_no_site_and_says_so(caplog):
    assert pacing_sites(WALL, Draws(TWO_HILLS[None], NONE), SiteConfig(septum_deg=180)) == []
    assert "no place for a lead" in caplog.text
    few = pacing_sites(WALL, Draws(TWO_HILLS[None], NONE), SiteConfig(apart_mm=150))
    assert len(few) == 1


def test_segments_have_means_by_volume():
    scar = (WALL.segments == 5).astype(float)[None]
    rows = {row["segment"]: row for row in segment_rows(WALL, Draws(TWO_HILLS[None], scar))}
    assert set(rows) == set(range(1, 17))
    here = WALL.segments == 11
    assert rows[11]["tos_ms"] == pytest.approx(np.average(TWO_HILLS[here], weights=WALL.volumes_ml[here]), abs=1e-3)
    assert rows[5]["scar_probability"] == 1
    assert rows[5]["score_ms"] == 0
    assert rows[11]["score_ms"] == max(row["score_ms"] for row in rows.values())
    assert rows[9]["allowed"] == 0  # mid inferoseptal
    assert rows[14]["allowed"] == 0  # apical septal
    assert rows[11]["allowed"] == 1
    assert rows[11]["name"] == "mid inferolateral"


def test_rows_are_plain_numbers():
    row = pacing_sites(WALL, Draws(TWO_HILLS[None], NONE))[0].row()
    assert row["rank"] == 1
    assert all(isinstance(one, (int, float, str, list, type(None))) for one in row.values())
    assert len(row["position_mm"]) == 3


def test_what_are_no_draws():
    tos_ms = TWO_HILLS[None]
    with pytest.raises(InputError, match="scar: expected draws of the same nodes"):
        Draws(tos_ms, np.zeros((2, 5)))
    with pytest.raises(InputError, match="scar: expected scar of 0 to 1"):
        Draws(tos_ms, NONE + 2)
    with pytest.raises(InputError, match="scar: expected scar of 0 to 1"):
        Draws(tos_ms, NONE + np.nan)
    with pytest.raises(InputError, match="tos_ms: expected onsets that are finite"):
        Draws(tos_ms * np.nan, NONE)
    with pytest.raises(InputError, match="tos_ms: expected one draw and more"):
        Draws(np.zeros((0, 4)), NONE)
    with pytest.raises(InputError, match="transmural: expected a finite value of each of"):
        replace(WALL, transmural=WALL.transmural * np.nan)
    with pytest.raises(ConfigError, match="count: expected 1 to 100, found 0"):
        SiteConfig(count=0)
