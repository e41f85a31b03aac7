"""Interpolation along the wall: a heart that leans is followed, a scar that stays at its angle and depth is kept."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.imaging.slices import SliceStack
from cardioscar.metrics.overlap import dice
from cardioscar.scar3d.observation.along_wall import (
    WallBlur,
    along_wall,
    neighbours_along_wall,
    unrolled,
)
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.wall_prior.ventricle import Ventricle
from tests.scar3d.wall_prior.conftest import axial_stack

LEANING = Ventricle((24.0, 33.0), (88.0, 96.0), 0.55 * np.pi, np.zeros((2, 3)), bend_per_mm=0.004)
"""Its centre moves by about 2 mm between neighbouring slices, and by more near the apex."""


def nodes(number: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    at = np.column_stack([rng.random(number), rng.uniform(-np.pi, np.pi, number), rng.random(number)])
    return LEANING.place(at), at


def in_sector(at: np.ndarray) -> np.ndarray:
    """Inner half of the wall over a sixth of its circumference, across the seam of the angle."""
    return (np.abs(np.abs(at[:, 1]) - np.pi) < 0.5) & (at[:, 2] < 0.5)


def every_third(stack: SliceStack) -> SliceStack:
    return stack.only({piece.number for piece in stack if piece.number % 3 == 0})


def test_a_scar_at_one_angle_and_depth_is_followed_through_a_leaning_heart() -> None:
    places, at = nodes()
    stack = every_third(axial_stack(LEANING, in_sector))
    between = (at[:, 0] > 0.15) & (at[:, 0] < 0.85)
    true = in_sector(at)[between]
    found = {
        name: dice(true, values[between] >= 0.5)
        for name, values in {
            "wall": along_wall(stack, places, at),
            "log-odds": log_odds(stack, places),
            "outline": signed_distance(stack, places),
        }.items()
    }
    assert found["wall"] > 0.9
    assert found["wall"] > max(found["log-odds"], found["outline"]) + 0.05


def test_what_all_slices_agree_on_is_answered_everywhere() -> None:
    places, at = nodes(3_000)
    stack = axial_stack(LEANING, lambda at: np.ones(len(at), dtype=bool))
    everywhere = along_wall(stack, places, at)
    assert everywhere == pytest.approx(1.0, abs=1e-9)
    assert everywhere.max() <= 1  # what lies a hair beyond is no probability
    none = axial_stack(LEANING, lambda at: np.zeros(len(at), dtype=bool))
    assert not along_wall(none, places, at).any()


def test_it_moves_with_the_heart() -> None:
    places, at = nodes(4_000)
    stack = every_third(axial_stack(LEANING, in_sector))
    turn, shift = Rotation.from_euler("xyz", [0.5, -0.4, 2.0]).as_matrix(), np.array([10.0, -300.0, 55.0])

    def moved(affine: np.ndarray) -> np.ndarray:
        new = affine.copy()
        new[:3] = turn @ affine[:3]
        new[:3, 3] += shift
        return new

    pieces = tuple(dataclasses.replace(piece, affine=moved(piece.affine)) for piece in stack)
    turned = along_wall(SliceStack(pieces, stack.source), places @ turn.T + shift, at)
    # the nearest nodes of a pixel are the same but for rounding
    assert np.abs(turned - along_wall(stack, places, at)).max() < 1e-6


def test_the_order_of_slices_and_slices_without_wall_say_nothing() -> None:
    places, at = nodes(3_000)
    stack = every_third(axial_stack(LEANING, in_sector))
    empty = dataclasses.replace(stack.slices[0], observed=np.zeros_like(stack.slices[0].observed), number=99)
    other = SliceStack((*stack.slices[::-1], empty), stack.source)
    assert along_wall(other, places, at) == pytest.approx(along_wall(stack, places, at), abs=1e-12)


def test_beyond_the_outermost_slice_it_holds_and_is_blurred() -> None:
    places, at = nodes()
    stack = axial_stack(LEANING, in_sector)
    chosen = stack.only({stack.slices[3].number, stack.slices[4].number})
    slices = unrolled(chosen, places, at, WallBlur())
    found = neighbours_along_wall(slices, places, at)
    above = ~np.isfinite(found.distance_mm[1])
    assert above.any()
    assert np.array_equal(found.fraction[1, above], found.fraction[0, above])
    sharp = found.fraction[0, above & (found.distance_mm[0] < 2)]
    blurred = found.fraction[0, above & (found.distance_mm[0] > 20)]
    assert np.mean(sharp * (1 - sharp)) < np.mean(blurred * (1 - blurred))


def test_a_slice_at_hand_is_nearly_itself() -> None:
    places, at = nodes()
    stack = axial_stack(LEANING, in_sector)
    values = along_wall(stack, places, at, blur=WallBlur(0.5, 0.3, 0.0, 0.0))
    seen = np.concatenate([np.abs(places[:, 2:] - piece.affine[2, 3]) < 1.0 for piece in stack], axis=1).any(axis=1)
    assert dice(in_sector(at)[seen], values[seen] >= 0.5) > 0.93
