"""The search sees what it must: a search that is blind would find every output clean."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
import zlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.formats.vtk_files import write_vtk
from tests.privacy.hidden_bytes import holds

MARK = "Jane Doe"


def png() -> bytes:
    stream = io.BytesIO()
    plt.figure(figsize=(1, 1)).savefig(stream, metadata={"Author": MARK})
    plt.close("all")
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, names=np.array([MARK]))
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{MARK}.txt", b"nothing")
    return stream.getvalue()


PACKED = {
    "plain": MARK.encode(),
    "other case": b"JANE DOE",
    "16 bits": MARK.encode("utf-16-le"),
    "gzip": gzip.compress(MARK.encode()),
    "archive in gzip": gzip.compress(npz()),
    "name in an archive": zipped(),
    "npz, whose text is of 32 bits": npz(),
    "PNG in HTML": b"<img src='data:image/png;base64," + base64.b64encode(png()) + b"'>",
    "zlib within": b"\0" * 100 + zlib.compress(b"x" * 100 + MARK.encode()) + b"\0" * 100,
}


@pytest.mark.parametrize("how", PACKED)
def test_the_search_sees_text_that_is_packed(how: str) -> None:
    assert holds(PACKED[how], (MARK, "someone else")) == [MARK]


def test_the_search_sees_text_in_the_arrays_of_a_mesh(tmp_path) -> None:
    grid = pv.ImageData(dimensions=(3, 3, 3)).cast_to_unstructured_grid()
    grid.point_data["letters"] = np.resize(np.frombuffer(MARK.encode() * 4, dtype=np.uint8), grid.n_points)
    write_vtk(tmp_path / "a.vtu", grid)
    assert MARK.encode() not in (tmp_path / "a.vtu").read_bytes()
    assert holds((tmp_path / "a.vtu").read_bytes(), (MARK,)) == [MARK]


def test_what_is_clean_is_clean() -> None:
    assert holds(gzip.compress(b"nobody"), (MARK,)) == []
    assert holds(png(), ("John Smith",)) == []
