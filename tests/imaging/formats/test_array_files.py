from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.imaging.formats.array_files import read_npy, read_npz


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<i2", "|b1", "|u1"])
def test_numbers_come_back_as_they_were(kind, order, tmp_path):
    values = np.asarray(np.arange(24).reshape(2, 3, 4) % 2, dtype=kind, order=order)
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", a=values, b=np.array(3.0))
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), values)
    found = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["a"], values)
    assert found["a"].dtype.isnative
    assert found["b"] == 3.0
    assert set(read_npz(tmp_path / "a.npz", {"b", "c"})) == {"b"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a .npy file, found an empty file"),
        (b"hello, this is text", "an array as numpy stores it, found no header of that format"),
        (header("(3,)") + bytes(16), "24 bytes of an array of shape .*, found 16"),
        (header("(3,)") + bytes(32), "24 bytes of an array of shape .*, found 32"),
        (header("(1000000, 1000000, 1000)") + bytes(16), "8,000,000,000,000,000 bytes of an array"),
        (header("(-1,)"), "an impossible shape"),
        (header("(2,)", "'|O'") + bytes(16), "an array of numbers, found one of objects, texts or records"),
        (header("(2,)", "[('a', '<f8')]") + bytes(16), "an array of numbers, found one of objects, texts or records"),
        (header("(" * 3000 + ")" * 3000), "an array as numpy stores it"),
        (header("(9" + "9" * 5000 + ",)"), "an array as numpy stores it"),
        (header("(2,)", "'<U4'") + bytes(32), "an array of numbers, found one of objects, texts or records"),
    ],
)
def test_other_files_are_refused(data, message, tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_npy(path)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", data)
    with pytest.raises(InputError):
        read_npz(tmp_path / "a.npz")
    with pytest.raises(InputError, match="a .npy file, found none of that name"):
        read_npy(tmp_path / "b.npy")


def test_an_archive_that_claims_gigabytes_is_refused_before_memory_is_asked_for(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header("(10,)") + bytes(80))
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    for claim, message in ((1 << 28, "larger than its bytes can hold"), (3 << 30, "arrays of at most")):
        data[at + 24 : at + 28] = struct.pack("<I", claim)
        path.write_bytes(data)
        with pytest.raises(InputError, match=message):
            read_npz(path)


@given(at=st.integers(0, 2000), change=st.integers(1, 255))
def test_damaged_archives_are_refused_or_read_right(at, change, tmp_path_factory):
    values = np.random.default_rng(0).normal(size=(20, 10))
    stream = io.BytesIO()
    np.savez_compressed(stream, a=values)
    data = bytearray(stream.getvalue())
    data[at % len(data)] ^= change
    path = Path(tmp_path_factory.mktemp("damaged")) / "a.npz"
    path.write_bytes(data)
    try:
        found = read_npz(path)
    except InputError:
        return
    for value in found.values():
        np.testing.assert_array_equal(value, values)
