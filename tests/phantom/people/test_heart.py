"""Hearts that are like people's: figures within stated bounds, a truth that the drawing follows but never repeats."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.heart_figures import BOUNDS, PEOPLE, heart_figures, percentiles, pooled
from cardioscar.imaging.labels import WALL, Label
from cardioscar.phantom.people.heart import DrawnHeart, make_heart

HEARTS = 80
FEWER = np.sqrt(200 / HEARTS)
"""The bounds are those of 200 hearts; percentiles of fewer scatter by so much more."""


@pytest.fixture(scope="module")
def hearts() -> list[DrawnHeart]:
    return [make_heart(0, index) for index in range(HEARTS)]


@pytest.fixture(scope="module")
def found(hearts: list[DrawnHeart]) -> dict[str, np.ndarray]:
    return percentiles(pooled(heart_figures(heart.labels) for heart in hearts))


@pytest.mark.parametrize("figure", list(PEOPLE))
def test_a_figure_is_distributed_as_in_people(found: dict[str, np.ndarray], figure: str) -> None:
    np.testing.assert_allclose(found[figure], PEOPLE[figure], rtol=0, atol=BOUNDS[figure] * FEWER)


def test_a_heart_is_its_seed_and_index(hearts: list[DrawnHeart]) -> None:
    again = make_heart(0, 3)
    np.testing.assert_array_equal(again.labels.values, hearts[3].labels.values)
    assert again.parameters == hearts[3].parameters
    assert not np.array_equal(make_heart(1, 3).labels.values, hearts[3].labels.values)


def test_a_stack_is_one_that_people_have(hearts: list[DrawnHeart]) -> None:
    for heart in hearts:
        labels, about = heart.labels, heart.parameters
        assert 6 <= labels.values.shape[2] == about["slices"] <= 11
        assert 8 <= about["spacing_mm"] <= 13
        np.testing.assert_allclose(labels.spacing_mm, [about["pixel_mm"]] * 2 + [about["spacing_mm"]])
        assert np.linalg.det(labels.affine[:3, :3]) > 0
        np.testing.assert_allclose(labels.affine[:3, 2] / about["spacing_mm"], heart.apex_to_base)
        assert np.dot(heart.septum_direction, heart.apex_to_base) == pytest.approx(0, abs=1e-12)
        for number in range(about["slices"]):  # every slice is a closed ring around a cavity, away from the edge
            plane = labels.values[:, :, number]
            assert (plane == Label.BLOOD_POOL).any()
            assert np.isin(plane, WALL).any()
            assert not plane[[0, -1]].any()
            assert not plane[:, [0, -1]].any()


def test_the_drawing_follows_the_truth_and_errs(hearts: list[DrawnHeart]) -> None:
    overlaps = []
    for heart in hearts:
        drawn, true = heart.labels.values == Label.SCAR, heart.scar_fraction.values >= 0.5
        wall = np.isin(heart.labels.values, WALL)
        assert not heart.scar_fraction.values[~wall].any()
        overlaps.append(2 * (drawn & true).sum() / max((drawn.sum() + true.sum()), 1))
    # no reader repeats another one exactly, and none of them draws something else than the scar
    assert 0.6 < np.median(overlaps) < 0.9


def test_true_scar_is_of_the_share_that_was_drawn() -> None:
    heart = make_heart(4, 1)
    level, share = heart.scar.level, heart.scar.share
    heights = np.arange(level.shape[0]) * 2.0
    inside = (heights >= heart.parameters["apex_mm"] - 4) & (
        heights <= heart.parameters["apex_mm"] + (heart.parameters["slices"] - 1) * heart.parameters["spacing_mm"] + 4
    )
    ring = (heart.anatomy.outer_mm**2 - heart.anatomy.inner_mm**2)[inside]
    found = ((level[inside] > 0).mean(axis=2) * ring).sum() / ring.sum()
    # the wall was thinned after the share was met, by a third at most and where there is scar
    assert share * 2 / 3 < found < share * 1.01


def test_a_heart_takes_little_time(hearts: list[DrawnHeart]) -> None:
    import time

    clock = time.process_time()
    make_heart(9, 0)
    assert time.process_time() - clock < 1
