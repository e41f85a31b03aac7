from __future__ import annotations

import logging

import numpy as np
import pytest

from cardioscar.activation.formats.place_files import places_of
from cardioscar.activation.formats.strain_files import read_strain
from tests.activation.drawn_strain import beat

PLACE = {"long_axis": np.array([0.0, 0, 1]), "septum_direction": np.array([1.0, 0, 0]), "radius_mm": 25.0}


def write(path, key="strain", **more):
    one = beat()
    np.savez(path, **{key: one.circumferential, "frame_ms": one.frame_ms}, **more)


@pytest.mark.parametrize("key", ["strain", "circumferential", "ecc"])
@pytest.mark.parametrize("placed", [True, False])
def test_an_archive_has_its_place_under_each_name_of_strain(key, placed, tmp_path):
    write(tmp_path / "slice.npz", key, **({"center_mm": np.array([1.0, 2, 3])} | PLACE if placed else {}))
    slices = read_strain(tmp_path / "slice.npz")
    [place] = places_of(tmp_path / "slice.npz", slices)
    assert (place.axes is not None, place.radius_mm) == ((True, 25.0) if placed else (False, None))


def test_other_files_of_a_folder_of_slices_take_no_place_away(tmp_path, caplog):
    for number in range(3):
        write(tmp_path / f"s{number}.npz", center_mm=np.array([0, 0, 10.0 * number]), **PLACE)
    for name in ("readme.txt", ".hidden.npz"):
        (tmp_path / name).write_text("x")
    found = places_of(tmp_path, read_strain(tmp_path))
    assert [place.axes.center_mm[2] for place in found if place.axes] == [0.0, 10.0, 20.0]
    assert not caplog.records


def test_places_that_cannot_be_told_apart_are_warned_of(tmp_path, caplog):
    write(tmp_path / "s0.npz", center_mm=np.zeros(3), **PLACE)
    slices = read_strain(tmp_path) * 2
    with caplog.at_level(logging.WARNING):
        found = places_of(tmp_path, slices)
    assert [place.axes for place in found] == [None, None]
    assert "places are stated of 1 slices, strain of 2" in caplog.text
