"""The common frame of hearts, found from slices through a ventricle whose axes are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.scar3d.observation.lv_frame import RADIUS_MM, LVFrame, lv_frame
from tests.scar3d.placed_hearts import AXES, heart


def frame(seed: int = 0, **pose: object) -> LVFrame:
    one = heart(seed, **pose)  # type: ignore[arg-type]
    assert one.slice_number is not None
    return lv_frame(one.nodes_mm, one.group_offsets, one.slice_number)


def test_the_axes_are_those_of_the_heart_whatever_the_tilt_of_its_slices() -> None:
    found = np.array(frame(tilt_deg=10.0).axes)
    # the slice that the base cuts off pulls the line a little; the normal of the slices would be 10° off
    assert np.degrees(np.arccos(found[2] @ AXES[2])) < 5.0
    assert np.degrees(np.arccos(found[0] @ AXES[0])) < 5.0
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-8)
    assert np.linalg.det(found) == pytest.approx(1.0)


def test_the_base_is_up_also_where_slices_are_numbered_from_it() -> None:
    one = heart(0)
    assert one.slice_number is not None
    turned = lv_frame(one.nodes_mm, one.group_offsets, one.slice_number.max() - one.slice_number)
    assert np.array(turned.axes)[2] @ AXES[2] > 0.99


def test_hearts_of_any_place_and_size_become_the_reference_heart() -> None:
    placed = []
    for size, shift in ((1.0, 0.0), (1.3, 70.0)):
        one = heart(0, size=size, shift_mm=shift)
        assert one.slice_number is not None
        found = lv_frame(one.nodes_mm, one.group_offsets, one.slice_number)
        placed.append(found.place(one.nodes_mm))
    np.testing.assert_allclose(placed[0], placed[1], atol=1e-4)
    away = np.linalg.norm(placed[0][:, :2], axis=1)
    assert np.sqrt((away[placed[0][:, 2] > 0] ** 2).mean()) == pytest.approx(RADIUS_MM, rel=0.1)


def test_a_heart_that_is_turned_about_its_axis_keeps_the_septum_right_anterior() -> None:
    turn = Rotation.from_rotvec(np.radians(40) * AXES[2])
    found = np.array(frame(turn=turn).axes)
    assert found[0] @ AXES[0] > 0.99


@pytest.mark.parametrize("slices", [1, 0])
def test_slices_that_tell_no_axis_are_refused(slices: int) -> None:
    one = heart(0)
    assert one.slice_number is not None
    if slices:
        with pytest.raises(GeometryError, match="at least two slices"):
            lv_frame(one.nodes_mm, one.group_offsets, np.zeros_like(one.slice_number))
    else:
        point = np.tile(one.nodes_mm[:1], (len(one.nodes_mm), 1))
        with pytest.raises(GeometryError, match="slices apart from each other"):
            lv_frame(point, one.group_offsets, one.slice_number)
