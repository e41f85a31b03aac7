from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.synthesis.anatomy.heart import draw_heart
from cardioscar.synthesis.cine.motion import Beat, draw_beat


def beating(seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    heart = draw_heart(rng)
    return heart, replace(draw_beat(rng, heart), sway_mm=(0.0, 0.0))


def around(heart, height: float, share_of_wall: float, beat: Beat, share: float) -> tuple[np.ndarray, ...]:
    """Places in the wall now: found by moving along rays until the place at rest is the one that is wanted."""
    angle = np.linspace(-np.pi, np.pi, 24, endpoint=False)
    kept = 1 - beat.shortening * share
    z = np.full(24, height * heart.left.length_mm * kept)
    axis = heart.left.axis_mm(np.full(24, height))
    low, high = np.full(24, 0.5), np.full(24, 120.0)
    for _ in range(40):
        radius = (low + high) / 2
        x, y = axis[0] + radius * np.cos(angle), axis[1] + radius * np.sin(angle)
        at = heart.left.places(*beat.to_reference(heart, x, y, z, share))
        inside = at.radius_mm < at.endo_mm + share_of_wall * (at.epi_mm - at.endo_mm)
        low, high = np.where(inside, radius, low), np.where(inside, high, radius)
    return x, y, z


@pytest.mark.parametrize("seed", range(4))
def test_nothing_has_moved_at_end_diastole(seed: int) -> None:
    heart, beat = beating(seed)
    x, y, z = np.random.default_rng(seed).normal(0, 30, (3, 50))
    for found, given_mm in zip(beat.to_reference(heart, x, y, z, 0.0), (x, y, z), strict=True):
        np.testing.assert_array_equal(found, given_mm)


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), height=st.floats(0.35, 0.85), share=st.floats(0.1, 1.0))
def test_muscle_keeps_its_volume(seed: int, height: float, share: float) -> None:
    """The map to the place at rest has a Jacobian of 1 in the wall, by differences of 0.05 mm in single precision."""
    heart, beat = beating(seed)
    x, y, z = around(heart, height, 0.5, beat, share)
    step = 0.25
    columns = []
    for axis in range(3):
        moved = [np.array([x, y, z]), np.array([x, y, z])]
        moved[0][axis] += step
        moved[1][axis] -= step
        ahead, back = (np.array(beat.to_reference(heart, *places, share), dtype=float) for places in moved)
        columns.append((ahead - back) / (2 * step))
    jacobian = np.linalg.det(np.stack(columns, axis=-1).transpose(1, 0, 2))
    np.testing.assert_allclose(jacobian, 1, atol=0.03)


@pytest.mark.parametrize("seed", range(6))
def test_the_endocardium_comes_in_by_the_narrowing_and_the_wall_thickens(seed: int) -> None:
    heart, beat = beating(seed)
    beat = replace(beat, narrowing=0.3, towards_apex=0.0, diseased=(), uneven=beat.uneven.scaled(0), twist_rad=0.0)
    height = 0.6
    rest, now = (np.hypot(*around(heart, height, 0.0, beat, share)[:2]) for share in (1e-6, 1.0))
    axis = np.hypot(*heart.left.axis_mm(np.array(height)))
    assert now.mean() / rest.mean() == pytest.approx(0.7, abs=0.02 + 0.02 * axis)
    outer = [np.hypot(*around(heart, height, 1.0, beat, share)[:2]) for share in (1e-6, 1.0)]
    assert (outer[1] - now).mean() > 1.15 * (outer[0] - rest).mean()


def test_the_base_comes_down_and_what_is_above_follows() -> None:
    heart, beat = beating(3)
    length = heart.left.length_mm
    beat = replace(beat, shortening=0.2)
    z = np.array([-5.0, 0.0, 0.4 * length, 0.8 * length, 0.9 * length])
    found = beat.reference_height(z, length, 1.0)
    np.testing.assert_allclose(found, [-5, 0, 0.5 * length, length, 1.1 * length])


@pytest.mark.parametrize("seed", range(5))
def test_far_from_the_heart_nothing_moves(seed: int) -> None:
    heart, beat = beating(seed)
    reach = beat.reach_mm(heart)
    angle = np.linspace(0, 2 * np.pi, 40)
    x, y, z = reach * np.cos(angle), reach * np.sin(angle), np.full(40, 0.5 * heart.left.length_mm)
    found = beat.to_reference(heart, x, y, z, 1.0)
    assert np.hypot(found[0] - x, found[1] - y).max() < 1.5


def test_diseased_parts_move_less() -> None:
    heart, beat = beating(1)
    from cardioscar.synthesis.anatomy.ventricle import Remodelling
    from cardioscar.synthesis.cine.motion import Diseased

    where = Remodelling(1.0, 0.6, 0.8, 0.5, 0.0, 0.0)
    even = replace(beat, narrowing=0.35, diseased=(), uneven=beat.uneven.scaled(0), twist_rad=0.0, towards_apex=0.0)
    ill = replace(even, diseased=(Diseased(where, 1.0),))
    inward = []
    for one in (even, ill):
        now = np.hypot(*around(heart, 0.6, 0.0, one, 1.0)[:2])
        inward.append(now)
    angle = np.linspace(-np.pi, np.pi, 24, endpoint=False)
    there, across = np.abs(angle - 1.0) < 0.2, np.abs(angle - 1.0) > 2
    assert (inward[1][there] > 1.2 * inward[0][there]).all()
    np.testing.assert_allclose(inward[1][across], inward[0][across], rtol=0.01)
