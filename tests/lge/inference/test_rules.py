from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.imaging.labels import WALL, Label
from cardioscar.lge.inference.config import RulesConfig
from cardioscar.lge.inference.rules import mended, ring_is_closed
from tests.lge.inference.stand_in import RULES, heart

SPACING = np.array([1.5, 1.5, 8.0])
ONLY = {name: {other: other == name for other in RULES} for name in RULES}
BG, MUSCLE, POOL, SCAR = (np.uint8(one) for one in Label)


def ring(slices: int = 3) -> np.ndarray:
    return heart((60, 60, slices), center=(30, 30))


def by(rule: str, labels: np.ndarray):
    found, reports = mended(labels, SPACING, RulesConfig(**ONLY[rule]))
    assert [one.rule for one in reports] == [rule]
    assert reports[0].pixels == (found != labels).sum()
    assert set(reports[0].slices) == set(np.flatnonzero((found != labels).any(axis=(0, 1))))
    return found


def test_a_whole_heart_stays_as_it_is() -> None:
    found, reports = mended(ring(), SPACING, RulesConfig())
    np.testing.assert_array_equal(found, ring())
    assert [one.pixels for one in reports] == [0] * len(RULES)


def test_a_second_heart_and_holes_of_a_closed_ring_are_mended() -> None:
    truth = ring()
    labels = truth.copy()
    labels[2:8, 2:8, 1] = MUSCLE
    labels[29:32, 29:32, 1] = BG
    labels[26, 30, 1] = MUSCLE  # a papillary muscle, drawn as wall
    np.testing.assert_array_equal(by("one_ring", labels), truth)


def test_an_open_ring_is_left_as_it_is() -> None:
    labels = ring(1)
    labels[30:, 26:34][labels[30:, 26:34] != POOL] = BG
    labels[34:37, 28:33, 0] = POOL
    assert ring_is_closed(ring(1)[..., 0])
    assert not ring_is_closed(labels[..., 0])
    np.testing.assert_array_equal(by("one_ring", labels), labels)


def test_scar_in_the_midst_of_blood_is_blood_and_scar_of_no_wall_is_nothing() -> None:
    truth = ring()
    labels = truth.copy()
    labels[30:32, 30:32, 0] = SCAR
    labels[2:5, 2:5, 1] = SCAR
    labels[42:59, 30:33, 2] = np.where(labels[42:59, 30:33, 2] == BG, SCAR, labels[42:59, 30:33, 2])
    found = by("scar_in_wall", labels)
    np.testing.assert_array_equal(found[..., :2], truth[..., :2])
    # scar that grows out of the wall is cut at one and a half times its reach: 8 mm, 9 from pixel to pixel
    scar = np.argwhere(found[..., 2] == SCAR)
    pool = np.argwhere(found[..., 2] == POOL)
    far = max(np.hypot(*((pool - one) * 1.5).T).min() for one in scar)
    assert 8 < far <= 13.5 + 1e-9


@pytest.mark.parametrize(("side", "kept"), [(2, False), (3, True)])
def test_islands_are_judged_by_their_area(side: int, kept: bool) -> None:
    """Of 9 mm² against 20.25 mm², about the limit of 10."""
    labels = heart((60, 60, 1), center=(30, 30), scar=0)
    labels[19 : 19 + side, 29 : 29 + side, 0] = SCAR
    assert (by("islands", labels) == SCAR).sum() == (side**2 if kept else 0)


def test_a_hole_in_scar_is_scar_and_a_core_stays() -> None:
    labels = heart((60, 60, 1), center=(30, 30), scar=1.0)
    labels[19, 30, 0] = MUSCLE
    found = by("islands", labels)
    assert found[19, 30, 0] == SCAR


def test_one_run_of_slices_is_kept_and_small_scar_of_one_slice_alone_is_not() -> None:
    labels = heart((60, 60, 6), center=(30, 30), scar=0)
    labels[..., 4] = BG
    labels[..., 5] = heart((60, 60, 1), center=(20, 20))[..., 0]
    labels[18:22, 28:32, 1] = SCAR  # 36 mm², alone
    labels[38:42, 28:32, 2] = SCAR  # the same, continued in the next slice
    labels[38:42, 30:34, 3] = SCAR
    found = by("continuity", labels)
    assert not found[..., 5].any()
    assert (found[..., 1] == SCAR).sum() == 0
    assert (found[..., 1] == MUSCLE).sum() == (heart((60, 60, 1), center=(30, 30), scar=0) == MUSCLE).sum()
    assert [(found[..., k] == SCAR).sum() for k in (2, 3)] == [16, 16]


def test_specks_do_not_join_runs_of_slices() -> None:
    labels = heart((60, 60, 4), center=(30, 30))
    labels[..., 1:3] = BG
    labels[10:12, 10:12, 1:3] = MUSCLE
    labels[..., 3] = heart((60, 60, 1), center=(30, 30), radii_mm=(12, 24))[..., 0]
    found = by("continuity", labels)
    assert [bool(found[..., k].any()) for k in range(4)] == [False, False, False, True]


def test_large_scar_of_one_slice_stays_and_a_single_slice_has_none_to_ask() -> None:
    labels = heart((60, 60, 3), center=(30, 30), scar=0)
    labels[..., 1] = heart((60, 60, 1), center=(30, 30), scar=0.3)[..., 0]
    np.testing.assert_array_equal(by("continuity", labels), labels)
    lone = heart((60, 60, 1), center=(30, 30), scar=0)
    lone[18:22, 28:32, 0] = SCAR
    np.testing.assert_array_equal(by("continuity", lone), lone)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rules_make_no_new_regions_and_settle(seed: int) -> None:
    """Whatever a network says, the wall lies within what it said or its holes, and mending again changes little."""
    rng = np.random.default_rng(seed)
    labels = ring(2)
    noise = rng.random(labels.shape) < 0.03
    labels[noise] = rng.integers(0, 4, int(noise.sum()))
    found, _ = mended(labels, SPACING, RulesConfig())
    assert found.shape == labels.shape
    assert set(np.unique(found)) <= set(range(4))
    wall = np.isin(found, WALL)
    assert wall.sum() <= np.isin(labels, WALL).sum() + (labels == POOL).sum() + noise.sum()
    again, _ = mended(found, SPACING, RulesConfig())
    assert (again != found).sum() <= 0.02 * (found > 0).sum()
