"""NRRD: every encoding and spelling that the format has, and contradictions refused."""

from __future__ import annotations

import bz2
import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.nrrd_files import read_nrrd
from cardioscar.imaging.formats.volume_files import read_volume
from tests.imaging.formats.text_images import AFFINE, NRRD, STORED, VALUES, nrrd


def write(folder: Path, data: bytes, name: str = "lge.nrrd") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def assert_read(path: Path, values: np.ndarray = VALUES, affine: np.ndarray = AFFINE) -> None:
    volume = read_nrrd(path)
    np.testing.assert_array_equal(volume.values, values)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-12)
    assert volume.values.dtype.isnative


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "raw": ("raw", bytes),
    "gzip": ("gzip", gzip.compress),
    "gz": ("gz", gzip.compress),
    "bzip2": ("bzip2", bz2.compress),
    "bz2": ("BZ2", bz2.compress),
    "hex": ("hex", lambda data: data.hex().upper().encode()),
    "hex in lines": ("hex", lambda data: data.hex("\n").encode()),
    "text": ("text", lambda data: b" ".join(str(x).encode() for x in np.frombuffer(data, "<i2"))),
    "ascii": ("ascii", lambda data: b"\n".join(str(x).encode() for x in np.frombuffer(data, "<i2")) + b"\n"),
    "txt": ("txt", lambda data: b", ".join(str(x).encode() for x in np.frombuffer(data, "<i2"))),
}


@pytest.mark.parametrize("case", ENCODINGS)
@pytest.mark.parametrize("detached", [False, True])
def test_every_encoding(case: str, detached: bool, tmp_path: Path) -> None:
    encoding, pack = ENCODINGS[case]
    data = pack(STORED)
    if detached:
        (tmp_path / "voxels").write_bytes(data)
        assert_read(write(tmp_path, nrrd({"encoding": encoding, "data file": "voxels"}, b""), "lge.nhdr"))
    else:
        assert_read(write(tmp_path, nrrd({"encoding": encoding}, data)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("signed char", "i1"), ("uchar", "u1"), ("uint8_t", "u1"), ("short int", "i2"), ("unsigned short", "u2"),
     ("int32", "i4"), ("unsigned int", "u4"), ("long long int", "i8"), ("uint64_t", "u8"), ("float", "f4"),
     ("double", "f8")],
)  # fmt: skip
@pytest.mark.parametrize(("endian", "order"), [("little", "<"), ("big", ">")])
def test_every_type(name: str, kind: str, endian: str, order: str, tmp_path: Path) -> None:
    data = VALUES.astype(order + kind).tobytes(order="F")
    path = write(tmp_path, nrrd({"type": name, "endian": endian}, data))
    assert_read(path)
    assert read_nrrd(path).values.dtype == np.dtype(kind)


def test_what_itk_writes_is_read_as_itk_reads_it(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(VALUES.transpose().astype("f4"))
    image.SetSpacing((1.5, 2, 8))
    image.SetOrigin((1, 2, 3))
    image.SetDirection((0, 0.6, 0.8, 1, 0, 0, 0, 0.8, -0.6))
    image.SetMetaData("a key", "a value: of text")
    for name in ("a.nrrd", "a.nhdr"):
        for packed in (False, True):
            SimpleITK.WriteImage(image, str(tmp_path / name), useCompression=packed)
            volume = read_nrrd(tmp_path / name)
            np.testing.assert_array_equal(volume.values, VALUES)
            for index in np.ndindex(2, 2, 2):
                place = image.TransformIndexToPhysicalPoint([int(x) for x in index])
                np.testing.assert_allclose(volume.index_to_mm(np.array([index]))[0], place, atol=1e-9)


SPELLINGS = {
    "capitals": nrrd().replace(b"sizes: ", b"SIZES: ").replace(b"space directions", b"Space Directions"),
    "without blanks": nrrd().replace(b"space directions", b"spacedirections").replace(b"space origin", b"spaceorigin"),
    "no blank after the colon": nrrd().replace(b"sizes: ", b"sizes:"),
    "CR LF": nrrd(data=b"").replace(b"\n", b"\r\n") + STORED,
    "comments and keys": nrrd(tail="# data file: x\ndata file:=/etc/passwd\nsizes:=1 1 1\n0:=1\nA: b:=c\n"),
    "short names": nrrd({"space": "LPS", "type": "int16"}),
    "blanks about vectors": nrrd({"space directions": "(1.5, 0, 0)  (0, 2, 0) (0 ,0,8)"}),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_spellings_of_one_header(case: str, tmp_path: Path) -> None:
    assert_read(write(tmp_path, SPELLINGS[case]))


@pytest.mark.parametrize(
    ("space", "signs"),
    [("right-anterior-superior", (-1, -1, 1)), ("RAS", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1))],
)
def test_spaces(space: str, signs: tuple[int, int, int], tmp_path: Path) -> None:
    assert_read(write(tmp_path, nrrd({"space": space})), affine=np.diag([*signs, 1]) @ AFFINE)


def test_axes_of_one_that_are_none_in_space_are_left_out(tmp_path: Path) -> None:
    changes = {"dimension": "4", "sizes": "1 4 3 2", "kinds": "list domain domain domain"}
    assert_read(write(tmp_path, nrrd(changes | {"space directions": f"none {NRRD['space directions']}"})))


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("cm", 10), ("m", 1000), ("um", 0.001)])
def test_units(unit: str, factor: float, tmp_path: Path) -> None:
    path = write(tmp_path, nrrd({"space units": f'"{unit}" "{unit}" "{unit}"'}))
    assert_read(path, affine=np.diag([factor, factor, factor, 1]) @ AFFINE)


def test_bytes_and_lines_before_the_voxels(tmp_path: Path) -> None:
    assert_read(write(tmp_path, nrrd({"byte skip": "5"}, b"12345" + STORED)))
    assert_read(write(tmp_path, nrrd({"byteskip": "-1"}, b"whatever" + STORED)))
    assert_read(write(tmp_path, nrrd({"line skip": "2", "byte skip": "1"}, b"one\ntwo\n3" + STORED)))
    packed = gzip.compress(b"12345" + STORED)
    assert_read(write(tmp_path, nrrd({"byte skip": "5", "encoding": "gzip"}, packed)))


BAD: dict[str, tuple[bytes, type[InputError], str]] = {
    "another magic": (nrrd().replace(b"NRRD0005", b"NRRD00.01"), InputError, "an NRRD image, found no NRRD header"),
    "an unknown field": (nrrd(tail="datafiles: x\n"), InputError, "lines of known NRRD fields, found another line"),
    "a line that is none": (nrrd(tail="hello\n"), InputError, "lines of known NRRD fields, found another line"),
    "a field twice": (nrrd(tail="Sizes: 4 3 2\n"), InputError, "the field 'sizes' once, found twice"),
    "another encoding": (
        nrrd({"encoding": "zrl"}),
        InputError,
        "an encoding bzip2, gzip, hex, raw, text, found another",
    ),
    "no encoding": (nrrd({"encoding": None}), InputError, "an encoding bzip2, gzip, hex, raw, text, found another"),
    "no byte order": (nrrd({"endian": None}), InputError, "endian: little or big, found neither"),
    "no type": (nrrd({"type": None}), InputError, "voxels of whole or floating-point numbers, found another type"),
    "blocks": (nrrd({"type": "block"}), InputError, "voxels of whole or floating-point numbers, found another type"),
    "other dimension": (nrrd({"dimension": "4"}), InputError, "as many sizes as dimension says, found 3"),
    "huge": (nrrd({"sizes": "99999 99999 9999"}), InputError, "an image of at most 134217728 voxels"),
    "negative": (nrrd({"sizes": "4 -3 2"}), InputError, "image axes of positive length"),
    "several numbers a voxel": (
        nrrd({"dimension": "4", "sizes": "2 4 3 2", "space directions": f"none {NRRD['space directions']}"}),
        InputError,
        "one number a voxel, found 2",
    ),
    "a cine": (
        nrrd({"dimension": "4", "sizes": "4 3 2 5", "space directions": f"{NRRD['space directions']} (0,0,1)"}),
        InputError,
        "a 3D image (one phase of a cine, not all), found 4 axes, 4×3×2×5",
    ),
    "cut": (nrrd()[:-1], InputError, "(truncated)"),
    "too long": (nrrd() + b"x", InputError, "more than described"),
    "text too short": (nrrd({"encoding": "text"}, b"1 2 3"), InputError, "24 numbers, found 3"),
    "text of words": (
        nrrd({"encoding": "text"}, b"1 x " * 12),
        InputError,
        "numbers of the voxels' type, found something",
    ),
    "text beyond the type": (nrrd({"encoding": "text"}, b"99999 " * 24), InputError, "found one beyond its range"),
    "a long text": (
        nrrd({"encoding": "text"}, b"1 " * 9999),
        InputError,
        "24 numbers written out, found a longer file",
    ),
    "a text of many": (
        nrrd({"encoding": "text", "sizes": "512 512 64"}),
        InputError,
        "at most 8388608 voxels written out, found 16777216",
    ),
    "hex that is none": (nrrd({"encoding": "hex"}, b"0g" * 48), InputError, "96 hexadecimal digits"),
    "no space": (nrrd({"space": None}), GeometryError, "a patient space"),
    "a scanner's space": (nrrd({"space": "scanner-xyz"}), GeometryError, "a patient space"),
    "no directions": (nrrd({"space directions": None, "spacings": "1 2 8"}), GeometryError, "a patient space"),
    "too few directions": (nrrd({"space directions": "(1,0,0) (0,1,0)"}), GeometryError, "3 space directions, found 2"),
    "directions of words": (nrrd({"space directions": "a b c"}), GeometryError, "vectors of three numbers"),
    "a direction of NaN": (nrrd({"space directions": "(nan,0,0) (0,1,0) (0,0,1)"}), GeometryError, "vectors of three"),
    "sheared": (nrrd({"space directions": "(1,0,0) (1,1,0) (0,0,1)"}), GeometryError, "orthogonal image axes"),
    "singular": (nrrd({"space directions": "(1,0,0) (1,0,0) (0,0,1)"}), GeometryError, "an invertible affine"),
    "an origin of two numbers": (nrrd({"space origin": "(1,2)"}), GeometryError, "vectors of three numbers"),
    "another unit": (nrrd({"space units": '"inch" "inch" "inch"'}), GeometryError, "one unit of length"),
    "two units": (nrrd({"space units": '"mm" "mm" "cm"'}), GeometryError, "one unit of length"),
    "other spacings": (
        nrrd({"spacings": "1.5 2 10"}),
        GeometryError,
        "space directions and spacings that agree (header_trust: sform or pixdim says which one counts), "
        "found voxels of 1.5×2×8 mm against 1.5×2×10 mm",
    ),
    "other thicknesses": (
        nrrd({"thicknesses": "1.5 1 8"}),
        GeometryError,
        "space directions and thicknesses that agree",
    ),
    "other ends": (
        nrrd({"axis mins": "0 0 0", "axis maxs": "4 4 8"}),
        GeometryError,
        "space directions and axis mins and maxs that agree",
    ),
    "a longer header than any": (
        nrrd(tail="# " + "x" * 5_000_000 + "\n"),
        InputError,
        "a header of at most 4194304 bytes, found a longer one",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_headers(case: str, tmp_path: Path, capfd) -> None:
    data, kind, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_nrrd(write(tmp_path, data))
    assert type(caught.value) is kind
    assert str(caught.value).startswith("lge.nrrd: expected ")
    assert message in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("spacings", ["1.5 2 8", "1.5 NaN 8.01", "nan nan nan"])
def test_spacings_that_say_the_same(spacings: str, tmp_path: Path) -> None:
    assert_read(write(tmp_path, nrrd({"spacings": spacings, "axis mins": "0 0 0", "axis maxs": "4.5 4 8"})))
    assert_read(write(tmp_path, nrrd({"spacings": spacings, "axis mins": "-3 -3 -8", "axis maxs": "3 3 8"})))


def test_contradicting_spacings_are_settled_by_trust(tmp_path: Path) -> None:
    path = write(tmp_path, nrrd({"spacings": "1.5 2 10"}))
    np.testing.assert_allclose(read_volume(path, "sform").spacing_mm, [1.5, 2, 8])
    np.testing.assert_allclose(read_volume(path, "pixdim").spacing_mm, [1.5, 2, 10])
    with pytest.raises(GeometryError):
        read_volume(path, "qform")


def test_the_slices_have_the_stated_thickness(tmp_path: Path, caplog) -> None:
    assert read_volume(write(tmp_path, nrrd({"thicknesses": "NaN NaN 6"}))).slice_thickness_mm == 6
    assert read_volume(write(tmp_path, nrrd())).slice_thickness_mm is None
    assert not caplog.records
    read_volume(write(tmp_path, nrrd({"thicknesses": "1.5 2 1"})))
    assert "states slices of 1 mm that lie 8 mm apart" in caplog.text


def test_a_place_that_is_not_stated_is_doubtful(tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        volume = read_volume(write(tmp_path, nrrd({"space origin": None})))
    np.testing.assert_array_equal(volume.affine[:3, 3], 0)
    assert "lge.nrrd states no place (space origin)" in caplog.text


def test_messages_do_not_quote_the_header(tmp_path: Path) -> None:
    name = "Quixotewitz"
    for changes in ({"space": name}, {"encoding": name}, {"type": name}, {name: "1"}, {"space units": f'"{name}"'},
                    {"space directions": name}, {"sizes": f"{name} 1 1"}, {"endian": name}):  # fmt: skip
        with pytest.raises(InputError) as caught:
            read_nrrd(write(tmp_path, nrrd(changes)))
        assert name.lower() not in str(caught.value).lower()
