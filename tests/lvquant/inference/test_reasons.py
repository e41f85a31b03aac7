"""What the two ways to every index differ by, and when that is a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cardioscar.imaging.cine import Cine
from cardioscar.lvquant.cine_indices import CineIndices
from cardioscar.lvquant.inference.reasons import reasons_of
from cardioscar.lvquant.inference.result import Disagreement
from cardioscar.lvquant.wall_thickness import RAYS

APART = Disagreement(areas_mm2=10.0, areas_percent=2.0, dimensions_mm=1.0, thickness_mm=0.5, phase_percent=45.0)
SLICE = Cine(np.ones((8, 8, 1, 4), dtype=np.float32), np.eye(4), None, "cine")


def indices() -> CineIndices:
    one = np.ones((1, 4))
    return CineIndices(
        500 * one, 300 * one, np.ones((1, 4, 3)), np.ones((1, 4, 6)), np.ones((1, 4, RAYS)), np.ones(4, bool), 8.0
    )


def test_heads_that_know_a_phase_are_witnesses_and_those_that_do_not_are_none() -> None:
    for errors in ({}, {"phase_percent": 8.0}):
        [reason] = reasons_of(SLICE, indices(), APART, {}, 0, regressed_errors=errors)
        assert reason == "the phase regressed and measured from the segmentation differ by 45.0 % of the frames"
    assert reasons_of(SLICE, indices(), APART, {}, 0, regressed_errors={"phase_percent": 38.0}) == ()


def test_thickening_that_heads_see_otherwise_is_a_reason_unless_they_do_not_know_thicknesses() -> None:
    apart = replace(APART, phase_percent=0.0, thickening_points=41.0)
    for errors in ({}, {"thickness_mm": 1.4}):
        [reason] = reasons_of(SLICE, indices(), apart, {}, 0, regressed_errors=errors)
        assert reason == "thickening of the segments regressed and measured from the segmentation differ by 41.0 points"
    assert reasons_of(SLICE, indices(), apart, {}, 0, regressed_errors={"thickness_mm": 2.8}) == ()
