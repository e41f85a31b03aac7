from __future__ import annotations

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.cine import Cine, canonical_cine, check_same_grid
from cardioscar.imaging.short_axis import check_short_axis

AFFINE = np.array([[1.4, 0, 0, 3], [0, 1.2, 0, -5], [0, 0, 9, 20], [0, 0, 0, 1.0]])
VALUES = np.random.default_rng(0).normal(size=(5, 4, 3, 6))


def test_frames_keep_their_frame_and_times() -> None:
    cine = Cine(VALUES, AFFINE, np.arange(6) * 100.0, slice_thickness_mm=8.0)
    assert (cine.frames, cine.slices, cine.distance_mm, cine.beat_ms) == (6, 3, 9, 600)
    np.testing.assert_allclose(cine.pixel_mm, [1.4, 1.2])
    frame = cine.frame(2)
    np.testing.assert_array_equal(frame.values, VALUES[..., 2])
    np.testing.assert_array_equal(frame.affine, AFFINE)
    assert frame.slice_thickness_mm == 8


@pytest.mark.parametrize(
    ("values", "times", "finding"),
    [
        (VALUES[..., :1], None, "at least two frames of a beat, found one"),
        (VALUES[..., 0], None, "rows, columns, slices and frames"),
        (VALUES, np.arange(5.0), "6 ascending frame times"),
        (VALUES, np.array([0, 1, 2, 2, 3, 4.0]), "6 ascending frame times"),
        (VALUES, np.array([0, 1, 2, np.nan, 3, 4]), "6 ascending frame times"),
    ],
)
def test_what_is_no_cine(values: np.ndarray, times: np.ndarray | None, finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        Cine(values, AFFINE, times)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, -1)])
def test_any_order_of_storage_becomes_one(axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    first = canonical_cine(Cine(VALUES, AFFINE))
    last = np.array(VALUES.shape[:3]) - 1
    corner = np.where(np.array(signs) < 0, last, 0)
    turned = VALUES[tuple(slice(None, None, s) for s in signs)].transpose([*axes, 3])
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ corner
    affine[:3, :3] = (AFFINE[:3, :3] * signs)[:, list(axes)]
    other = canonical_cine(Cine(turned, affine))
    np.testing.assert_array_equal(other.values, first.values)
    np.testing.assert_allclose(other.affine, first.affine, atol=1e-9)


def test_a_single_slice_thinner_than_its_pixels_is_still_the_slice() -> None:
    affine = AFFINE.copy()
    affine[2, 2] = 1.0
    cine = canonical_cine(Cine(VALUES[:, :, :1], affine))
    assert cine.values.shape == (5, 4, 1, 6)
    assert cine.distance_mm == pytest.approx(1.0)
    np.testing.assert_allclose(cine.affine, affine, atol=1e-3 * 1.4)  # to a thousandth of a pixel


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda c: Cine(c.values[:4], c.affine), "labels of the 5×4 pixels of cine"),
        (lambda c: Cine(c.values[:, :, :2], c.affine), "labels of the 3 slices of cine"),
        (lambda c: Cine(c.values[..., :4], c.affine), "labels of the 6 frames of cine"),
        (lambda c: Cine(c.values, c.affine + 9 * np.eye(4)[[3, 3, 2, 3]].T[:, [3, 3, 3, 2]]), "labels at the place of"),
    ],
)
def test_labels_of_another_grid_are_refused(change, rule: str) -> None:
    cine = Cine(VALUES, AFFINE)
    check_same_grid(cine, Cine(VALUES > 0, AFFINE + 1e-4 * np.eye(4)[:, [3, 0, 1, 2]]))
    with pytest.raises(GeometryError, match=rule):
        check_same_grid(cine, change(cine))


LONG_AXIS = np.array(
    [
        [(0.9954, 0, 0.0958), (0.0788, -0.5693, -0.8183)],
        [(0.1983, 0.966, 0.1658), (0.6414, 0, -0.7672)],
        [(-0.6214, 0.7835, -0.0047), (0.0391, 0.025, -0.9989)],
        [(0.747, -0.6648, 0.0046), (0.1495, 0.1612, -0.9755)],
    ]
)
"""Rows and columns of two-, three- and four-chamber slices of one heart (the guide points of `bivme_patient1`)."""


@pytest.mark.parametrize("axes", LONG_AXIS)
def test_long_axis_slices_of_a_real_heart_are_refused(axes: np.ndarray) -> None:
    for slices in (1, 5):
        with pytest.raises(GeometryError, match="expected short-axis slices, found slices along the long axis"):
            check_short_axis("cine", np.cross(*axes), slices=slices)


def test_its_short_axis_and_slices_across_the_body_are_not() -> None:
    check_short_axis("cine", np.cross((0.792067, 0, 0.610434), (0.377686, 0.785613, -0.490067)), slices=1)
    check_short_axis("cine", np.array([0, 0, -1.0]), slices=1)
