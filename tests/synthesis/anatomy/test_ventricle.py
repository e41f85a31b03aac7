from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.synthesis.anatomy.harmonics import Harmonics, draw_harmonics
from cardioscar.synthesis.anatomy.ventricle import THINNEST_MM, Margins, Remodelling, Ventricle, draw_ventricle

NONE = Harmonics(np.zeros(1, complex), np.zeros(1, complex))
ROUND = Ventricle(
    length_mm=80, cavity_mm=20, wall_mm=10, apex_mm=8, widest=1.0, narrowing=0.0, roundness=2.0, outline=NONE,
    thickness=NONE, bend_mm=(0.0, 0.0), base_slope=(0.0, 0.0),
)  # fmt: skip
INFARCT = Remodelling(angle=0.0, height=0.6, half_angle=0.8, half_height=0.4, thinning=0.6, bulge_mm=5.0)


def _grid(z_mm: float) -> tuple[np.ndarray, ...]:
    at = np.arange(-60, 60, 0.5, dtype=np.float32)
    x, y = np.meshgrid(at, at, indexing="ij")
    return x, y, np.full_like(x, z_mm)


def test_a_round_ventricle_has_the_areas_of_its_ellipsoids():
    at = ROUND.places(*_grid(50.0))
    # radius of an ellipse that is widest at the base, at the height of the plane
    outer = 30 * np.sqrt(1 - (1 - 50 / 80) ** 2)
    inner = 20 * np.sqrt(1 - (1 - (50 - 8) / 72) ** 2)
    # pixels of 0.5 mm: areas are known to about their circumference times a tenth of a pixel
    assert at.in_cavity.sum() / 4 == pytest.approx(np.pi * inner**2, rel=0.01)
    assert at.in_muscle.sum() / 4 == pytest.approx(np.pi * (outer**2 - inner**2), rel=0.01)
    assert not ROUND.places(*_grid(-1.0)).in_muscle.any()
    assert not ROUND.places(*_grid(81.0)).in_muscle.any()


def test_below_the_cavity_there_is_muscle_alone():
    at = ROUND.places(*_grid(4.0))
    assert at.in_muscle.any()
    assert not at.in_cavity.any()


@settings(max_examples=20)
@given(st.integers(0, 300), st.floats(0.0, 1.1))
def test_wall_and_cavity_never_overlap_and_the_wall_is_never_thinner_than_a_scar(seed, height):
    drawn = draw_ventricle(np.random.default_rng(seed), (INFARCT,))
    around = np.exp(1j * np.linspace(0, 6, 40)).astype(np.complex64)
    endo, epi = drawn.radii_mm(around, np.full(40, height, dtype=np.float32))
    assert (endo >= 0).all()
    assert (epi >= endo).all()
    if height > 0.35:
        assert (epi - endo).min() >= min(THINNEST_MM, 0.29 * drawn.wall_mm)
    at = drawn.places(*_grid(height * drawn.length_mm))
    assert not (at.in_cavity & at.in_muscle).any()


def test_an_infarct_thins_the_wall_in_its_middle_and_pushes_it_out():
    changed = dataclasses.replace(ROUND, remodelled=(INFARCT,))
    middle = np.array([1.0, -1.0], dtype=np.complex64)
    height = np.full(2, INFARCT.height, dtype=np.float32)
    before, after = ROUND.radii_mm(middle, height), changed.radii_mm(middle, height)
    assert (after[1] - after[0])[0] == pytest.approx(0.4 * (before[1] - before[0])[0], rel=1e-4)
    assert ((after[0] + after[1]) / 2)[0] == pytest.approx(((before[0] + before[1]) / 2)[0] + 5, rel=1e-4)
    np.testing.assert_allclose([one[1] for one in after], [one[1] for one in before])


def test_the_share_of_the_ring_falls_where_the_base_is_met():
    slanted = dataclasses.replace(ROUND, base_slope=(-0.4, 0.0))
    assert slanted.ring_share(50.0) == 1
    shares = [slanted.ring_share(z) for z in (70.0, 80.0, 86.0, 95.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[1] == pytest.approx(0.5, abs=0.05)  # a plane through the axis at the base
    assert shares[-1] == 0


@given(st.integers(0, 50))
def test_waves_repeat_after_a_turn_and_hold_beyond_the_ends(seed):
    wave = draw_harmonics(np.random.default_rng(seed), (0.1, 0.2, 0.05))
    angle = np.linspace(0, 2, 9)
    at = np.full(9, 0.3)
    np.testing.assert_allclose(wave(np.exp(1j * angle), at), wave(np.exp(1j * (angle + 2 * np.pi)), at), atol=1e-12)
    turn = np.exp(1j * angle)
    np.testing.assert_allclose(wave(turn, np.full(9, 1.0)), wave(turn, np.full(9, 3.0)))
    expected = sum(
        ((wave.even[k] + (0.3 - 0.5) * wave.slope[k]) * np.exp(-1j * (k + 1) * angle)).real for k in range(3)
    )
    np.testing.assert_allclose(wave(turn, at), expected, atol=1e-12)


def test_readers_draw_the_dark_part_of_the_wall():
    at = ROUND.places(*_grid(50.0))
    ring = at.in_muscle
    outline = at.in_drawn_outline & ~at.in_drawn_cavity
    radii = at.radius_mm[outline]
    assert radii.min() == pytest.approx(float(at.endo_mm[ring][0]) + Margins.endocardium_mm, abs=0.4)
    assert radii.max() == pytest.approx(float(at.epi_mm[ring][0]) - Margins.epicardium_mm, abs=0.4)


def test_of_a_thin_wall_most_is_left():
    thin = dataclasses.replace(ROUND, wall_mm=3.0, apex_mm=3.0)
    at = thin.places(*_grid(50.0))
    left = (at.in_drawn_outline & ~at.in_drawn_cavity).sum() / at.in_muscle.sum()
    assert left == pytest.approx(1 - Margins.of_endocardium - Margins.of_epicardium, abs=0.05)


def test_below_the_cavity_readers_draw_none():
    at = ROUND.places(*_grid(4.0))
    assert not at.in_drawn_cavity.any()
    assert at.in_drawn_outline.any()
