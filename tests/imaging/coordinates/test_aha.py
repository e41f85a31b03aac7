from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS, aha_segments
from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates, lv_coordinates
from tests.imaging.lv_shells import ConfocalShell


def coords_at(apicobasal, degrees, *, cavity_apex=0.1, apex_closed=True) -> LVCoordinates:
    apicobasal, degrees = np.broadcast_arrays(np.asarray(apicobasal, dtype=float), np.asarray(degrees, dtype=float))
    return LVCoordinates(
        apicobasal=apicobasal,
        transmural=np.full(apicobasal.shape, 0.5),
        rotational=np.radians(degrees),
        long_axis=np.array([0.0, 0, 1]),
        septum_direction=np.array([1.0, 0, 0]),
        orientation="given",
        cavity_apex=cavity_apex,
        apex_closed=apex_closed,
    )


def test_six_basal_and_mid_segments():
    middle = [90, 30, -30, -90, -150, 150]  # of segments 1 to 6
    assert aha_segments(coords_at(0.9, middle)).tolist() == [1, 2, 3, 4, 5, 6]
    assert aha_segments(coords_at(0.5, middle)).tolist() == [7, 8, 9, 10, 11, 12]


def test_four_apical_segments_and_the_cap():
    assert aha_segments(coords_at(0.2, [90, 0, -90, 180, -180])).tolist() == [13, 14, 15, 16, 16]
    assert aha_segments(coords_at(0.05, [0, 90, 180])).tolist() == [17, 17, 17]


def test_limits_of_angle():
    assert aha_segments(coords_at(0.9, [0, 59.9, 60.1, 119.9, 120.1, 180, -180, -0.1])).tolist() == [
        2, 2, 1, 1, 6, 5, 5, 3,
    ]  # fmt: skip
    assert aha_segments(coords_at(0.2, [-45.1, -44.9, 44.9, 45.1, 134.9, 135.1])).tolist() == [15, 14, 14, 13, 13, 16]


def test_thirds_are_of_the_cavity():
    levels = 0.1 + 0.9 * np.array([0.01, 0.33, 0.34, 0.66, 0.67, 1.0])
    assert aha_segments(coords_at(levels, 90)).tolist() == [13, 13, 7, 7, 1, 1]


def test_cut_apex_has_no_cap():
    assert 17 not in aha_segments(coords_at(np.linspace(0, 1, 50), 0.0, cavity_apex=0.0, apex_closed=False))


@pytest.mark.parametrize("cut_nu", [0.0, 0.5])
def test_symmetric_heart_has_segments_of_equal_volume(cut_nu):
    # The septum is turned by a fraction of a sector, so that no row of nodes lies on a limit between segments.
    shell = ConfocalShell(layers=3, rings=32, sectors=180, cut_nu=cut_nu)
    mesh = shell.mesh()
    segments = aha_segments(lv_coordinates(mesh, septum_direction=np.array([1.0, 0.004, 0.0])))
    volumes = np.bincount(segments, weights=mesh.node_volumes_ml, minlength=18)[1:]
    assert volumes.sum() == pytest.approx(mesh.volume_ml)
    for level in (volumes[:6], volumes[6:12], volumes[12:16]):
        assert level.max() < 1.06 * level.min()
    assert (volumes[16] > 0) == (cut_nu == 0)
    if cut_nu == 0:
        # The cap is the wall below the tip of the cavity: an ellipsoid cap of 5 mm, cut by the level set.
        tip = mesh.nodes_mm[segments == 17, 2].max()
        cavity_tip = -shell.focus_mm * np.cosh(shell.endo)
        assert tip < cavity_tip + 2


def test_names():
    assert len(AHA_SEGMENTS) == 17
    assert AHA_SEGMENTS[1 - 1] == "basal anterior"
    assert AHA_SEGMENTS[16 - 1] == "apical lateral"
    assert AHA_SEGMENTS[17 - 1] == "apex"
