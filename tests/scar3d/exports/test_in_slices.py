"""The map seen through slices, against the formula that it is."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.errors import GeometryError
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.exports.in_slices import map_in_slices
from tests.scar3d.exports.maps import INNER, OUTER, image_of, pixel_centres, probability, series, tube


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    return image_of(series(tmp_path_factory.mktemp("series") / "lge"))


def test_a_pixel_in_the_wall_holds_the_mean_of_the_map(image: Volume) -> None:
    seen = map_in_slices(tube(), image)
    places = pixel_centres(image)
    wall = seen.wall.values
    radius = np.hypot(places[..., 0], places[..., 1])
    sure = (radius > INNER + 3) & (radius < OUTER - 3) & (np.abs(places[..., 2]) < 24)
    assert wall[sure].all()
    assert not wall[(radius < INNER - 3) | (radius > OUTER + 3)].any()
    # of a linear field the mean through the slab is the value in its middle
    np.testing.assert_allclose(seen.probability.values[sure], probability(places)[sure], atol=1e-5)
    assert seen.uncertainty is not None
    np.testing.assert_allclose(seen.uncertainty.values[sure], 0.1 + 0.001 * places[sure][:, 0], atol=1e-5)
    assert (seen.probability.values[~wall] == 0).all()
    np.testing.assert_array_equal(seen.scar(0.5), wall & (seen.probability.values >= 0.5))
    np.testing.assert_array_equal(seen.probability.affine, image.affine)


def test_a_slice_that_was_moved_is_seen_where_the_heart_lay(image: Volume) -> None:
    still, moved = map_in_slices(tube(), image), map_in_slices(tube(), image, shifts_mm={2: np.array([3.2, 0.0])})
    # 3.2 mm are two pixels along i: the heart lies two pixels farther in the picture
    np.testing.assert_array_equal(moved.wall.values[2:, :, 2], still.wall.values[:-2, :, 2])
    np.testing.assert_allclose(moved.probability.values[2:, :, 2], still.probability.values[:-2, :, 2], atol=1e-6)
    np.testing.assert_array_equal(moved.wall.values[..., 1], still.wall.values[..., 1])


def test_another_place_or_a_mesh_without_map_is_refused(image: Volume) -> None:
    far = image.affine.copy()
    far[:3, 3] += 500
    with pytest.raises(GeometryError, match=r"far: expected an image of the mapped wall, found none of its pixels"):
        map_in_slices(tube(), Volume(image.values, far, "far"))
    bare = tube()
    del bare.grid.point_data["scar_probability"]
    with pytest.raises(GeometryError, match=r"scar\.vtu: expected point data 'scar_probability'"):
        map_in_slices(bare, image)
