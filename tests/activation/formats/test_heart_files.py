from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.errors import InputError
from tests.activation.drawn_strain import beat


@pytest.mark.parametrize("others", [{}, {"frames": 16}, {"interval_ms": 25.0}])
def test_the_slices_of_a_heart_come_back_as_they_were(others, tmp_path):
    slices = [beat(location_mm=10.0), beat(location_mm=30.0, **others)]
    slices = [replace(one, radial=-one.circumferential) for one in slices]
    write_heart(tmp_path / "strain.npz", slices)
    found = read_strain(tmp_path / "strain.npz", sectors=18)
    assert [one.location_mm for one in found] == [10.0, 30.0]
    assert [one.source for one in found] == ["strain.npz: slice 1", "strain.npz: slice 2"]
    for one, other in zip(found, slices, strict=True):
        for name in ("circumferential", "radial", "frame_ms"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.longitudinal is None
    first = (tmp_path / "strain.npz").read_bytes()
    write_heart(tmp_path / "strain.npz", slices)
    assert (tmp_path / "strain.npz").read_bytes() == first


def test_one_slice_is_a_plain_matrix_and_a_place_may_be_unknown(tmp_path):
    write_heart(tmp_path / "strain.npz", [beat()])
    with np.load(tmp_path / "strain.npz") as stored:
        assert stored["strain"].shape == (18, 20)
    write_heart(tmp_path / "strain.npz", [beat(location_mm=5.0), beat()])
    assert [one.location_mm for one in read_strain(tmp_path / "strain.npz")] == [5.0, None]


def test_slices_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="as many sectors each"):
        write_heart(tmp_path / "strain.npz", [beat(), beat(24)])
    strain, times = np.stack([beat().circumferential] * 2), beat().frame_ms
    np.savez(tmp_path / "a.npz", strain=strain, frame_ms=times, location_mm=np.zeros(3))
    with pytest.raises(InputError, match=r"a.npz: expected a location in mm for each of 2 slices, found shape \(3,\)"):
        read_strain(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", strain=strain)
    with pytest.raises(InputError, match="a.npz: slice 1: expected frame times in ms"):
        read_strain(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", strain=np.swapaxes(strain, 1, 2), frame_ms=times)
    with pytest.raises(InputError, match="20 × 18: frames × sectors"):
        read_strain(tmp_path / "a.npz")
