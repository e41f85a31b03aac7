from __future__ import annotations

import numpy as np
import pytest

from cardioscar.lvquant.network.views import VIEWS, View
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.slice_indices import slice_indices
from tests.lvquant.drawn_rings import Ring


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_undone(view: View) -> None:
    image = np.random.default_rng(0).random((2, 5, 8))
    np.testing.assert_array_equal(view.undone(view.seen(image)), image)
    assert view.seen(image).shape[1:] == ((8, 5) if view.turns % 2 else (5, 8))
    np.testing.assert_array_equal(view.reordered(view.reordered(image)), image)


@pytest.mark.parametrize("view", VIEWS)
def test_indices_of_a_view_are_those_of_the_slice_in_their_new_places(view: View) -> None:
    """The septum is turned with the picture; the sense in which sectors are counted is not."""
    pixel_mm = np.array([1.2, 1.5])
    cavity, wall = Ring(apart_mm=(4.0, 2.0)).shares((1.2, 1.5))
    septum = SeptumFrame(0.4, 1)
    found = slice_indices(cavity, wall, pixel_mm, septum)
    # rot90 takes the axis of i to that of j: (i, j) goes to (-j, i); mirroring then reverses j
    angle = septum.septum_rad + view.turns * np.pi / 2
    seen = slice_indices(
        view.seen(cavity), view.seen(wall), view.pixel_mm(pixel_mm), SeptumFrame(-angle if view.mirrored else angle, 1)
    )
    np.testing.assert_allclose(seen.thickness_mm, view.reordered(found.thickness_mm), atol=0.02)
    np.testing.assert_allclose(seen.dimensions_mm, view.reordered(found.dimensions_mm), atol=0.02)
    assert seen.cavity_mm2 == pytest.approx(found.cavity_mm2)
    assert found.thickness_mm[1] != pytest.approx(found.thickness_mm[4], abs=0.5)  # or nothing would be shown
