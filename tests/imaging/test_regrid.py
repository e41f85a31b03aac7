"""Labels on another grid than the image: brought onto it where they show the same slices, refused where not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.regrid import onto_grid, resampled_image, same_grid
from cardioscar.imaging.volume import Volume
from tests.imaging import drawn_hearts as drawn
from tests.imaging.stored_orders import ORDERS, stored

OBLIQUE = Rotation.from_euler("xyz", [25, -40, 15], degrees=True)


def labels_at(rotation: Rotation = OBLIQUE) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = rotation.as_matrix() * (drawn.PIXEL_MM, drawn.PIXEL_MM, drawn.APART_MM)
    affine[:3, 3] = (-40.0, 12.0, 77.0)
    return canonical(Volume(drawn.heart(), affine, "labels.nii.gz"))


def grid(
    labels: Volume,
    first: tuple[float, float, float],
    shape: tuple[int, int, int],
    *,
    scale: tuple[float, float, float] = (1, 1, 1),
    turn_deg: float = 0.0,
) -> Volume:
    """An image that begins at an index of the labels, in voxels `scale` times as large, turned in its plane."""
    affine = labels.affine.copy()
    affine[:3, 3] = labels.index_to_mm(np.array([first], dtype=float))[0]
    turn = Rotation.from_euler("z", turn_deg, degrees=True).as_matrix()
    affine[:3, :3] = affine[:3, :3] @ turn * np.array(scale)
    return Volume(np.zeros(shape, np.float32), affine, "lge.nii.gz", 6.0)


@given(cut=st.tuples(*[st.integers(-4, 8)] * 2), before=st.integers(-3, 1), after=st.integers(-1, 3))
def test_a_crop_loses_nothing(cut: tuple[int, int], before: int, after: int) -> None:
    labels = labels_at()
    nx, ny, nz = labels.values.shape
    image = grid(labels, (*cut, before), (nx - cut[0] + 6, ny - cut[1] + 6, nz - before + after))
    found = onto_grid(labels, image)
    assert found.kept == 1.0
    assert found.after_ml == pytest.approx(found.before_ml, rel=1e-9)
    assert found.labels.values.shape == image.values.shape
    index = np.argwhere(found.labels.values > 0)
    np.testing.assert_array_equal(
        found.labels.values[tuple(index.T)], labels.values[tuple((index + np.array([*cut, before])).T)]
    )
    assert found.labels.slice_numbers == tuple(range(image.values.shape[2]))


@pytest.mark.parametrize(
    ("scale", "shape", "turn_deg"),
    [
        ((0.5, 0.5, 1.0), (170, 170, 11), 0.0),
        ((1.3, 0.8, 1.0), (66, 100, 11), 0.0),
        ((1.0, 1.0, 1.0), (110, 110, 11), 30.0),
        ((0.7, 0.7, 2.0), (130, 130, 6), 0.0),
    ],
    ids=["finer", "other pixels", "turned in the plane", "every second slice"],
)
def test_pixels_of_another_size_keep_the_wall(
    scale: tuple[float, float, float], shape: tuple[int, int, int], turn_deg: float
) -> None:
    labels = labels_at()
    first = (24, -16, 0) if turn_deg else (-6, -6, 0)
    found = onto_grid(labels, grid(labels, first, shape, scale=scale, turn_deg=turn_deg))
    # a pixel more or less along each outline; where slices are left out, their wall lies beside that of the next
    assert found.after_ml == pytest.approx(found.before_ml, rel=0.08)
    assert found.kept > (0.75 if scale[2] > 1 else 0.85)


@given(order=st.sampled_from(ORDERS))
def test_another_order_of_storage_is_the_same_grid(order: object) -> None:
    labels = labels_at()
    assert same_grid(labels, canonical(stored(labels, order)))


def test_the_same_grid_ends_at_a_hundredth_of_a_voxel() -> None:
    labels = labels_at()
    near, far = labels.affine.copy(), labels.affine.copy()
    near[:3, 3] += 0.009 * labels.affine[:3, 0]
    far[:3, 3] += 0.011 * labels.affine[:3, 0]
    assert same_grid(labels, replace(labels, affine=near))
    assert not same_grid(labels, replace(labels, affine=far))
    # the far corner counts: steps that are off by little each
    steps = labels.affine.copy()
    steps[:3, 0] *= 1.0005
    assert not same_grid(labels, replace(labels, affine=steps))
    assert not same_grid(labels, Volume(labels.values[1:], labels.affine, "labels.nii.gz"))


@pytest.mark.parametrize(
    ("first", "shape", "scale", "rule", "finding"),
    [
        ((300, 0, 0), (80, 80, 11), (1, 1, 1), "that holds the wall", "no wall in it: the nearest lies"),
        ((0, 0, 0.5), (80, 80, 11), (1, 1, 1), r"with slices in its planes \(within 0.8 mm\)", "4.0 mm off"),
        ((0, 0, 0), (80, 80, 9), (1, 1, 1.25), "with slices in its planes", r"4\.0 mm off"),
        ((0, 40, 0), (80, 80, 11), (1, 1, 1), "that keeps the volume of the wall", r"ml of .* ml"),
        ((0, 0, 4), (80, 80, 11), (1, 1, 1), "that keeps the volume of the wall", r"ml of .* ml"),
    ],
    ids=["elsewhere", "between the planes", "other distance", "half of it", "some slices"],
)  # fmt: skip
def test_other_slices_are_refused(
    first: tuple[float, float, float],
    shape: tuple[int, int, int],
    scale: tuple[float, float, float],
    rule: str,
    finding: str,
) -> None:
    labels = labels_at()
    with pytest.raises(
        GeometryError, match=rf"lge.nii.gz: expected the grid of labels.nii.gz, or one {rule}"
    ) as caught:
        onto_grid(labels, grid(labels, first, shape, scale=scale))
    message = str(caught.value)
    assert re.search(finding, message)
    assert f"{'×'.join(map(str, labels.values.shape))} voxels of 1.4×1.4×8 mm" in message
    assert "×".join(map(str, shape)) in message
    assert "resample them onto it" in message


def test_planes_that_are_tilted_are_refused() -> None:
    labels = labels_at()
    image = grid(labels, (0, 0, 0), labels.values.shape)
    middle = labels.index_to_mm(np.array([[40, 38, 5]]))[0]
    tilt = Rotation.from_rotvec(np.radians(5) * labels.affine[:3, 0] / drawn.PIXEL_MM).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = tilt @ image.affine[:3, :3]
    affine[:3, 3] = tilt @ (image.affine[:3, 3] - middle) + middle
    with pytest.raises(GeometryError, match="with slices in its planes"):
        onto_grid(labels, replace(image, affine=affine))


def test_labels_of_cubic_voxels_lie_in_any_plane() -> None:
    thin = np.repeat(drawn.heart(), 8, axis=2)
    labels = canonical(Volume(thin, np.diag([1.4, 1.4, 1.0, 1.0]), "labels.nii.gz"))
    image = Volume(np.zeros((80, 76, 11), np.float32), np.diag([1.4, 1.4, 8.0, 1.0]), "lge.nii.gz")
    image.affine[2, 3] = 3.2
    found = onto_grid(labels, canonical(image))
    assert found.after_ml == pytest.approx(found.before_ml, rel=1e-9)


def test_an_image_for_pictures() -> None:
    labels = labels_at()
    image = grid(labels, (-5, -5, 0), (200, 200, 11), scale=(0.5, 0.5, 1))
    index = np.indices(image.values.shape).reshape(3, -1).T
    image.values[...] = (image.index_to_mm(index) @ (1.0, 2.0, -1.0)).reshape(image.values.shape)
    shown = resampled_image(image, labels)
    assert shown is not None
    assert shown.values.shape == labels.values.shape
    heart = np.argwhere(labels.values > 0)
    # linear interpolation of a linear image
    np.testing.assert_allclose(shown.values[tuple(heart.T)], labels.index_to_mm(heart) @ (1.0, 2.0, -1.0), atol=1e-3)
    assert resampled_image(grid(labels, (500, 0, 0), (9, 9, 9)), labels) is None
