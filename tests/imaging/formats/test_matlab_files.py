from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from cardioscar.errors import InputError
from cardioscar.imaging.formats.matlab_files import read_matlab


def test_structures_are_flattened_and_texts_passed_over(tmp_path):
    path = tmp_path / "a.mat"
    cells = np.empty((1, 2), dtype=object)
    cells[0, 0], cells[0, 1] = np.arange(3), "a name"
    places = np.array([(1.0, "x"), (2.0, "y")], dtype=[("Place", object), ("Name", object)])
    content = {"Info": {"Ecc": {"mid": np.eye(2)}, "Name": "somebody"}, "Slices": places, "Cells": cells, "n": 4}
    scipy.io.savemat(path, content, do_compression=True)
    found = read_matlab(path)
    assert set(found) == {"Info.Ecc.mid", "Slices[0].Place", "Slices[1].Place", "Cells[0]", "n"}
    np.testing.assert_array_equal(found["Info.Ecc.mid"], np.eye(2))
    assert found["Slices[1].Place"].item() == 2
    assert set(read_matlab(path, {"n", "m"})) == {"n"}


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.mat"
    with pytest.raises(InputError, match="a.mat: expected a MATLAB file, found none of that name"):
        read_matlab(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(500))
    with pytest.raises(InputError, match=r"version 7 or earlier \(save -v7\), found one of version 7.3 \(HDF5\)"):
        read_matlab(path)
    scipy.io.savemat(path, {"a": np.random.default_rng(0).normal(size=(50, 50))}, do_compression=True)
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"a text that is none" * 30, bytes(1000)):
        path.write_bytes(data)
        with pytest.raises(InputError, match="a complete MATLAB file, found a truncated or damaged one, or another"):
            read_matlab(path)
