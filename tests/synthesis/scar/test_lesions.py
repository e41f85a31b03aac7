from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.synthesis.anatomy.harmonics import Harmonics
from cardioscar.synthesis.anatomy.pattern import Pattern
from cardioscar.synthesis.anatomy.ventricle import Ventricle
from cardioscar.synthesis.scar.burden import ScarBurden, draw_burden
from cardioscar.synthesis.scar.lesion import Lesion

NONE = Harmonics(np.zeros(1, complex), np.zeros(1, complex))
LEFT = Ventricle(
    length_mm=80, cavity_mm=22, wall_mm=12, apex_mm=8, widest=0.7, narrowing=0.0, roundness=2.0, outline=NONE,
    thickness=NONE, bend_mm=(0.0, 0.0), base_slope=(0.0, 0.0),
)  # fmt: skip
FLAT = Pattern(np.zeros((4, 4, 4), np.float32), 1.0)
INFARCT = Lesion("subendocardial", 0.0, 0.6, 0.8, 0.4, depth=0.5, border_mm=0.5, ragged=0.0)
AT = np.arange(-40, 40, 0.5, dtype=np.float32)
X, Y = np.meshgrid(AT, AT, indexing="ij")
Z = np.full_like(X, 48.0)
PLACES = LEFT.places(X, Y, Z)
WALL = PLACES.in_muscle


def _shares(lesion: Lesion) -> tuple[np.ndarray, np.ndarray]:
    dead, core = lesion.shares(PLACES, X, Y, Z, coarse=FLAT, fine=FLAT)
    return np.where(WALL, dead, 0), np.where(WALL, core, 0)


def test_a_subendocardial_scar_reaches_as_deep_as_said_and_no_further():
    dead, core = _shares(INFARCT)
    middle = np.abs(Y) < 0.6
    inner, outer = PLACES.transmural < 0.45, PLACES.transmural > 0.7
    assert (dead[WALL & middle & (X > 0) & inner] > 0.9).all()
    assert (dead[WALL & outer] < 0.1).all()
    assert (dead[X < 0] == 0).all()
    assert not core.any()


def test_a_transmural_scar_fills_the_wall():
    dead, _ = _shares(dataclasses.replace(INFARCT, depth=1.2))
    assert (dead[WALL & (np.abs(Y) < 4) & (X > 0)] == 1).all()


def test_where_in_the_wall_other_scars_lie():
    near = WALL & (np.abs(Y) < 0.6) & (X > 0)
    depth = PLACES.transmural[near]
    stripe, _ = _shares(dataclasses.replace(INFARCT, kind="midwall", depth=0.4))
    assert np.average(depth, weights=stripe[near]) == pytest.approx(0.5, abs=0.03)
    assert stripe[near][depth < 0.15].max() < 0.1
    outer, _ = _shares(dataclasses.replace(INFARCT, kind="subepicardial", depth=0.4))
    assert np.average(depth, weights=outer[near]) > 0.7
    assert outer[near][depth < 0.3].max() < 0.1


def test_a_core_lies_in_the_scar_with_a_rim_around_it():
    dead, core = _shares(dataclasses.replace(INFARCT, depth=1.2, core=0.8))
    assert core.max() > 0.9
    assert (core <= dead).all()
    assert core[WALL & (PLACES.transmural * PLACES.thickness_mm < 0.2)].max() < 0.1
    assert core[WALL & (PLACES.transmural > 0.98)].max() < 0.1


def test_a_wider_border_zone_holds_more_mixed_tissue():
    mixed = [((s > 0.05) & (s < 0.95)).sum() for s in (
        _shares(dataclasses.replace(INFARCT, border_mm=one))[0] for one in (0.5, 2.0, 5.0)
    )]  # fmt: skip
    assert mixed[0] < mixed[1] < mixed[2]


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_shares_are_shares(seed):
    burden = draw_burden(np.random.default_rng(seed))
    dead, core = burden.shares(PLACES, X, Y, Z)
    assert dead.min() >= 0
    assert dead.max() <= 1
    assert (core <= dead).all()
    assert len(burden.remodelled) <= len(burden.lesions)


def test_hearts_without_scar_are_as_many_as_said():
    free = [not draw_burden(np.random.default_rng(seed), scar_free=0.3).lesions for seed in range(300)]
    assert np.mean(free) == pytest.approx(0.3, abs=0.08)  # three deviations of 0.0265


def test_no_lesion_is_no_scar():
    dead, core = ScarBurden((), FLAT, FLAT).shares(PLACES, X, Y, Z)
    assert not dead.any()
    assert not core.any()
