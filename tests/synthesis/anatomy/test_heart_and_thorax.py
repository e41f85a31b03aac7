from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from cardioscar.synthesis.anatomy.heart import OUTSIDE, draw_heart
from cardioscar.synthesis.anatomy.pattern import NODES, draw_pattern
from cardioscar.synthesis.anatomy.thorax import draw_thorax
from cardioscar.synthesis.anatomy.tissue import Tissue


def _plane(z_mm: float, half_mm: float = 90.0, step: float = 2.0) -> tuple[np.ndarray, ...]:
    at = np.arange(-half_mm, half_mm, step, dtype=np.float32)
    x, y = np.meshgrid(at, at, indexing="ij")
    return x, y, np.full_like(x, z_mm)


@settings(max_examples=25)
@given(st.integers(0, 500))
def test_a_heart_is_one_piece_with_its_right_side_at_the_septum(seed):
    heart = draw_heart(np.random.default_rng(seed))
    found, at = heart.tissues(*_plane(0.7 * heart.left.length_mm))
    wall = found == Tissue.WALL
    assert wall.any()
    # below the base a wall is a ring: one piece that holds the cavity
    assert at.below_base[wall].all()
    left = np.isin(found, (Tissue.WALL, Tissue.LV_BLOOD, Tissue.PAPILLARY))
    pieces, _ = label(left)
    sizes = np.bincount(pieces.ravel())[1:]
    assert sizes.max() / sizes.sum() > 0.95
    right = found == Tissue.RV_BLOOD
    assert right.any()
    assert _plane(0)[0][right].mean() > 0
    assert not (right & (at.radius_mm < at.epi_mm) & at.below_base).any()


def test_no_heart_beyond_its_reach_and_no_wall_outside_of_the_ventricle():
    for seed in range(8):
        heart = draw_heart(np.random.default_rng(seed))
        for height in (-0.05, 0.3, 0.9, 1.2):
            x, y, z = _plane(height * heart.left.length_mm, 160)
            found, at = heart.tissues(x, y, z)
            assert (found[np.hypot(x, y) > heart.reach_mm] == OUTSIDE).all()
            assert at.in_muscle[found == Tissue.WALL].all()


def test_papillary_muscle_stands_in_the_cavity():
    shown = 0
    for seed in range(10):
        heart = draw_heart(np.random.default_rng(seed))
        found, at = heart.tissues(*_plane(0.5 * heart.left.length_mm, step=1.0))
        muscle = found == Tissue.PAPILLARY
        assert at.in_cavity[muscle].all()
        shown += bool(muscle.any())
    assert shown >= 8


def test_a_pattern_repeats_itself_and_is_smooth():
    pattern = draw_pattern(np.random.default_rng(0), length_mm=4.0)
    x, y, z = np.random.default_rng(1).uniform(-50, 50, (3, 5000)).astype(np.float32)
    period = NODES * pattern.step_mm
    np.testing.assert_allclose(pattern(x, y, z), pattern(x + period, y - period, z), atol=1e-3)
    assert np.abs(pattern(x + 0.1, y, z) - pattern(x, y, z)).max() < 0.2
    at_nodes = np.arange(NODES, dtype=np.float32) * pattern.step_mm
    zero = np.zeros_like(at_nodes)
    np.testing.assert_allclose(pattern(at_nodes, zero, zero), pattern.values[:, 0, 0], atol=1e-4)


def test_a_chest_has_air_outside_and_fat_under_the_skin():
    x, y, _ = _plane(0, 260, 4.0)
    seen = set()
    for seed in range(6):
        thorax = draw_thorax(np.random.default_rng(seed), heart_mm=35, height=0.4)
        found = thorax.tissues(np.random.default_rng(seed), x, y, 4.0)
        inside = thorax.body.depth_mm(x, y)
        assert (found[inside < -1] == Tissue.AIR).all()
        under_skin = (inside > 0) & (inside < 0.3 * thorax.fat_mm)
        assert (found[under_skin] == Tissue.FAT).mean() > 0.6
        seen |= set(np.unique(found))
    assert {Tissue.AIR, Tissue.FAT, Tissue.MUSCLE, Tissue.LIVER, Tissue.BONE} <= seen


def test_the_same_chest_again():
    x, y, _ = _plane(0)
    first, again = (
        draw_thorax(np.random.default_rng(3), heart_mm=30, height=0.5).tissues(np.random.default_rng(4), x, y, 2.0)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("tissue", list(Tissue))
def test_tissues_fit_in_a_byte_beside_the_mark_of_the_outside(tissue):
    assert tissue < OUTSIDE
