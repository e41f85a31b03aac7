"""A heart on a small grid for pictures."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.report import wall_volume as module
from cardioscar.report.wall_volume import wall_volume


def _of(shell, **values):
    channels = {name: (array, 0.0, 1.0) for name, array in values.items()}
    return wall_volume(shell, channels, np.array([0.0, 0, 1]), np.array([-1.0, 0, 0]))


def _places(volume):
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    local = index * volume.voxel_mm + volume.low_mm
    return local @ volume.axes + volume.centre_mm


def test_the_distance_tells_the_wall_from_what_is_beside_it(shell):
    volume = _of(shell)
    inside = volume.channels["distance"] < 127.5
    assert inside.sum() * volume.voxel_mm**3 / 1000 == pytest.approx(shell.cell_volumes_ml.sum(), rel=0.03)
    places = _places(volume)
    outer = np.hypot(np.hypot(places[..., 0], places[..., 1]) / 32, places[..., 2] / 61)
    assert (volume.channels["distance"][outer > 1.15] > 127.5).all()
    middle = (np.abs(np.hypot(places[..., 0], places[..., 1]) - 27) < 1) & (np.abs(places[..., 2]) < 1)
    # the middle of a wall of 10 mm lies 5 mm from its surface
    told = (volume.channels["distance"][middle] / 255 * 2 - 1) * volume.reach_mm
    assert np.median(told) == pytest.approx(-min(5.0, volume.reach_mm), abs=0.7)


@pytest.mark.parametrize("dense", [False, True])
def test_values_are_those_of_the_nodes(shell, scar, dense, monkeypatch):
    if dense:
        monkeypatch.setattr(module, "_DENSE_NODES", 0)
    volume = _of(shell, scar=scar)
    inside = volume.channels["distance"] < 127.5
    places = _places(volume)[inside]
    from tests.report.conftest import septal_scar

    wanted = septal_scar(places)
    found = volume.channels["scar"][inside] / 255
    assert np.abs(found - wanted).mean() < (0.06 if dense else 0.02)


def test_a_large_heart_takes_no_more_room(shell):
    from cardioscar.imaging.lvmesh import LVMesh

    grid = shell.grid.copy()
    grid.points = np.asarray(grid.points) * 1.6
    assert np.prod(_of(LVMesh(grid)).shape) < 1.9 * module.MOST_VOXELS
    assert np.prod(_of(shell).shape) < 1.9 * module.MOST_VOXELS
