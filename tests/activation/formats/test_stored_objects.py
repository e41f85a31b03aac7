from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.activation.formats.stored_objects import read_objects
from cardioscar.errors import InputError


def stored(path: Path, program: bytes, shape: tuple[int, ...] = (1,)) -> Path:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": shape})
    path.write_bytes(stream.getvalue() + program)
    return path


def records() -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    return [
        {
            "strain": random.normal(size=(1, 1, 18, 30)),
            "fortran": np.asfortranarray(random.normal(size=(3, 4)).astype(">f4")),
            "number": np.float32(2.5),
            "counts": [1, 2**40, 10**30, -7, True, None, 2.5, "text"],
            "nested": {"a": {"b": np.arange(3)}, "pair": (1, 2)},
            "names": np.array(["base", "apex"]),
            "mixed": np.array([1, "a", None], dtype=object),
            "ordered": OrderedDict(a=1),
        }
        for _ in range(2)
    ]


@pytest.mark.parametrize("protocol", range(6))
def test_what_programs_store_is_read_whatever_the_version(protocol, tmp_path):
    held = records()
    path = stored(tmp_path / "a.npy", pickle.dumps(np.array(held, dtype=object), protocol=protocol), (2,))
    found = read_objects(path)
    for one, truth in zip(found, held, strict=True):
        np.testing.assert_array_equal(one["strain"], truth["strain"])
        np.testing.assert_array_equal(one["fortran"], truth["fortran"])
        assert one["number"] == 2.5
        assert one["counts"] == truth["counts"]
        np.testing.assert_array_equal(one["nested"]["a"]["b"], [0, 1, 2])
        assert one["nested"]["pair"] == [1, 2]
        assert one["names"].tolist() == ["base", "apex"]
        assert one["mixed"] == [1, "a", None]
        assert one["ordered"] == {"a": 1}


def test_what_numpy_saves_is_read(tmp_path):
    np.save(tmp_path / "a.npy", records(), allow_pickle=True)
    assert len(read_objects(tmp_path / "a.npy")) == 2
    np.save(tmp_path / "b.npy", {"a": np.arange(2)}, allow_pickle=True)
    assert read_objects(tmp_path / "b.npy")["a"].tolist() == [0, 1]


class _Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, exec, print, getattr, np.load, np.fromfile, np.ones])
def test_a_file_that_calls_anything_is_refused_and_calls_nothing(function, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argument = "open('called', 'w')" if function in (eval, exec) else "touch called"
    held = np.array([{"strain": _Calls(function, argument)}], dtype=object)
    path = stored(tmp_path / "a.npy", pickle.dumps(held, protocol=protocol))
    with pytest.raises(
        InputError, match="a.npy: expected lists and dictionaries of arrays, numbers and texts, found the name"
    ):
        read_objects(path)
    assert not (tmp_path / "called").exists()


ARRAY = pickle.dumps(np.array([{"a": np.arange(4.0)}], dtype=object), protocol=2)


@pytest.mark.parametrize(
    "program",
    [
        b"",
        b".",
        b"garbage",
        ARRAY[:-20],
        b"cos\nsystem\n(S'touch called'\ntR.",
        b"(S'touch called'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'touch called'\no.",  # OBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",  # STACK_GLOBAL
        b"cnumpy\nndarray\n(I1000000000000\ntR.",  # named, not called
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(lb.",
        b"cnumpy\nf2py\n.",
        b"cnumpy.core.multiarray\n_reconstruct.__class__\n.",
        b"Pa name\n.",  # PERSID
        b"\x82\x01.",  # EXT1
        b"\x80\x05\x97.",  # NEXT_BUFFER
        b"}q\x00h\x07.",  # a memory that was never filled
        b"a.",
        b"(((((.",
        b"}(]K\x01u.",  # a list as a key
        b"\x8e" + struct.pack("<Q", 1 << 50) + b"a.",  # bytes that are not there
        b"\x96" + struct.pack("<Q", 1 << 40) + b"a.",
        b"r" + struct.pack("<I", 0xFFFFFFFF) + b".",
        b"]" * 2000 + b"a" * 1999 + b".",  # deep
        b"]q\x00h\x00a.",  # a list in itself
    ],
)
def test_programs_of_other_kinds_are_refused(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="a.npy: expected "):
        read_objects(stored(tmp_path / "a.npy", program))
    assert not (tmp_path / "called").exists()


def test_a_list_of_lists_of_the_same_list_costs_nothing(tmp_path):
    level = b"]" + b"(" + b"K\x01" * 100 + b"e"
    for number in range(9):
        level = level + b"q" + bytes([number]) + b"0" + b"]" + b"(" + (b"h" + bytes([number])) * 100 + b"e"
    with pytest.raises(InputError, match="a list of 1 records, found another"):
        read_objects(stored(tmp_path / "a.npy", level + b"."))


@given(at=st.integers(0, 10_000), change=st.integers(1, 255))
def test_damaged_files_raise_nothing_else(at, change, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "a.npy"
    np.save(path, records(), allow_pickle=True)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= change
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        read_objects(path)


def test_arrays_of_numbers_are_none(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(InputError, match="a.npy: expected a .npy file of a list of records, found another array"):
        read_objects(tmp_path / "a.npy")
