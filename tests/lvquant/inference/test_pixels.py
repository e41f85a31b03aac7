from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.cine import Cine
from cardioscar.lvquant.inference.pixels import wanted_pixel_mm, window_around, with_pixels
from tests.lvquant.drawn_rings import Ring


def cine(pixel_mm: tuple[float, float]) -> Cine:
    cavity, _ = Ring(center_mm=(61.0, 55.0)).shares(pixel_mm, size=int(130 / min(pixel_mm)), fine=4)
    affine = np.array([[0, pixel_mm[1], 0, 3.0], [pixel_mm[0], 0, 0, -20], [0, 0, 8, 5], [0, 0, 0, 1]])
    return Cine(np.repeat(cavity[:, :, None, None], 2, axis=3), affine)


@pytest.mark.parametrize(("own", "new"), [((0.6, 0.6), (1.0, 1.0)), ((2.5, 2.2), (1.9, 1.9)), ((0.5, 1.2), (1.3, 1.2))])
def test_areas_and_places_remain(own: tuple[float, float], new: tuple[float, float]) -> None:
    before = cine(own)
    after = with_pixels(before, np.array(new))
    np.testing.assert_allclose(after.pixel_mm, new)
    areas = [one.values[..., 0].sum() * np.prod(one.pixel_mm) for one in (before, after)]
    assert areas[1] == pytest.approx(areas[0], rel=0.002)  # interpolation keeps sums but for where samples fall
    middles = [one.grid.index_to_mm(np.argwhere(one.values[..., 0] > 0.5)).mean(axis=0) for one in (before, after)]
    np.testing.assert_allclose(middles[1], middles[0], atol=0.15)  # of whole pixels


def test_pixels_within_the_range_stay() -> None:
    np.testing.assert_array_equal(wanted_pixel_mm(cine((1.3, 1.7)), (0.9, 1.9)), [1.3, 1.7])
    np.testing.assert_array_equal(wanted_pixel_mm(cine((0.5, 2.5)), (0.9, 1.9)), [0.9, 1.9])
    same = cine((1.3, 1.7))
    assert with_pixels(same, np.asarray(same.pixel_mm)) is same


def test_a_window_is_cut_and_pasted_at_its_place() -> None:
    whole = cine((2.0, 2.0))
    window = window_around(np.array([60.0, 20.0]), (30, 24), (65, 65))
    part = window.cut(whole)
    assert part.values.shape[:2] == (30, 24)
    index = np.array([[2, 3, 0]])
    shifted = index + np.array([window.rows.start, window.columns.start, 0])
    np.testing.assert_allclose(part.grid.index_to_mm(index), whole.grid.index_to_mm(shifted))
    back = window.pasted(part.values, (65, 65))
    np.testing.assert_array_equal(back[window.rows, window.columns], part.values)
    assert back.sum() == pytest.approx(part.values.sum())
    assert window_around(np.array([5.0, 5.0]), (80, 80), (65, 65)).rows == slice(0, 65)
