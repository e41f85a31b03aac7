"""Bytes are counted before they are asked for, and packed ones are whole or refused."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.voxel_bytes import (
    MAX_VOXELS,
    check_dimensions,
    check_finite,
    count_voxels,
    read_beginning,
    read_exactly,
)

DATA = np.random.default_rng(0).integers(0, 9, 30_000).astype("u1").tobytes()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "raw": bytes,
}


def packed(folder: Path, packing: str, data: bytes = DATA, before: bytes = b"") -> Path:
    path = folder / "voxels"
    path.write_bytes(before + PACKERS[packing](data))
    return path


@pytest.mark.parametrize("packing", PACKERS)
def test_what_is_promised_is_read(packing, tmp_path: Path) -> None:
    assert read_exactly(packed(tmp_path, packing, before=b"head"), 4, len(DATA), packing, where="v") == DATA


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("more", [-1, 1, 1000])
def test_more_and_less_is_refused(packing, more: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"truncated|more than described"):
        read_exactly(packed(tmp_path, packing), 0, len(DATA) + more, packing, where="v")


@pytest.mark.parametrize("packing", ["gzip", "zlib", "bzip2"])
def test_every_flipped_bit_of_the_packed_data_is_noticed(packing, tmp_path: Path) -> None:
    """But for those of gzip's header that say nothing about the data: time, system, flags of the level."""
    path = packed(tmp_path, packing)
    whole = path.read_bytes()
    chance = np.random.default_rng(1)
    places = [*range(10 if packing == "gzip" else 0, 40), *range(len(whole) - 12, len(whole))]
    places += chance.integers(40, len(whole) - 12, 300).tolist()
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(chance.integers(8))
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            assert read_exactly(path, 0, len(DATA), packing, where="v") == DATA, f"byte {place} of {len(whole)}"


@pytest.mark.parametrize("packing", ["gzip", "zlib", "bzip2"])
def test_a_cut_stream_and_one_that_goes_on_are_refused(packing, tmp_path: Path) -> None:
    path = packed(tmp_path, packing)
    whole = path.read_bytes()
    for size in (0, 1, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError):
            read_exactly(path, 0, len(DATA), packing, where="v")
    path.write_bytes(whole + b"something else")
    with pytest.raises(InputError, match=f"compressed by {packing}, found"):
        read_exactly(path, 0, len(DATA), packing, where="v")


@pytest.mark.parametrize("packing", ["gzip", "zlib", "bzip2"])
def test_a_stream_of_another_kind_is_refused(packing, tmp_path: Path) -> None:
    path = tmp_path / "voxels"
    path.write_bytes(b"these are no packed data" * 9)
    with pytest.raises(
        InputError, match=f"^v: expected voxels compressed by {packing}, found (no|damaged) {packing} data$"
    ):
        read_exactly(path, 0, 10, packing, where="v")


@pytest.mark.parametrize("packing", ["gzip", "zlib", "bzip2"])
def test_unpacking_ends_at_the_promise(packing, tmp_path: Path) -> None:
    path = packed(tmp_path, packing, bytes(1 << 27))
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="expected 1000 bytes, as its header says, found more than described"):
            read_exactly(path, 0, 1000, packing, where="v")
        assert read_beginning(path, 10, "gzip", where="v") == bytes(10) if packing == "gzip" else True
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for packing in ("raw", "gzip"):
        with pytest.raises(InputError, match="^v: expected a readable file, found No such file or directory$"):
            read_exactly(tmp_path / "none", 0, 1, packing, where="v")  # type: ignore[arg-type]


def test_counting() -> None:
    assert count_voxels("v", (4, 3, 2)) == 24
    assert count_voxels("v", (MAX_VOXELS,)) == MAX_VOXELS
    for shape in ((MAX_VOXELS + 1,), (65535, 65535, 65535, 65535), (2**62, 2**62)):
        with pytest.raises(InputError, match="expected an image of at most"):
            count_voxels("v", shape)
    for shape in ((), (0, 4), (4, -1)):
        with pytest.raises(InputError, match="axes of positive length"):
            count_voxels("v", shape)


def test_three_axes() -> None:
    assert check_dimensions("v", (4, 3, 1, 1, 1)) == (4, 3, 1)
    with pytest.raises(InputError, match="expected a 3D image, found 2 axes, 4×3"):
        check_dimensions("v", (4, 3))
    with pytest.raises(
        InputError, match=r"expected a 3D image \(one phase of a cine, not all\), found 4 axes, 4×3×2×5"
    ):
        check_dimensions("v", (4, 3, 2, 5))


def test_finite() -> None:
    check_finite("v", np.arange(3))
    check_finite("v", np.arange(3.0))
    with pytest.raises(InputError, match="found 1 NaN and 2 infinite of 4 voxels"):
        check_finite("v", np.array([np.nan, np.inf, 0, -np.inf], np.float32))
