"""MetaImage: every type and spelling, and contradictions refused."""

from __future__ import annotations

import gzip
import logging
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.metaimage_files import read_metaimage
from cardioscar.imaging.formats.volume_files import read_volume
from tests.imaging.formats.text_images import AFFINE, STORED, VALUES, meta


def write(folder: Path, data: bytes, name: str = "lge.mha") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def assert_read(path: Path, affine: np.ndarray = AFFINE) -> None:
    volume = read_metaimage(path)
    np.testing.assert_array_equal(volume.values, VALUES)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-12)
    assert volume.values.dtype.isnative


@pytest.mark.parametrize(
    ("name", "kind"),
    [("MET_CHAR", "i1"), ("MET_UCHAR", "u1"), ("MET_SHORT", "i2"), ("MET_USHORT", "u2"), ("MET_INT", "i4"),
     ("MET_UINT", "u4"), ("MET_LONG", "i4"), ("MET_ULONG", "u4"), ("MET_LONG_LONG", "i8"), ("MET_ULONG_LONG", "u8"),
     ("MET_FLOAT", "f4"), ("MET_DOUBLE", "f8")],
)  # fmt: skip
@pytest.mark.parametrize(("msb", "order"), [("False", "<"), ("True", ">")])
def test_every_type(name: str, kind: str, msb: str, order: str, tmp_path: Path) -> None:
    data = VALUES.astype(order + kind).tobytes(order="F")
    path = write(tmp_path, meta({"ElementType": name, "BinaryDataByteOrderMSB": msb}, data))
    assert_read(path)
    assert read_metaimage(path).values.dtype == np.dtype(kind)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
@pytest.mark.parametrize("sized", [False, True])
@pytest.mark.parametrize("detached", [False, True])
def test_packed_voxels(pack, sized: bool, detached: bool, tmp_path: Path) -> None:
    data = pack(STORED)
    changes = {"CompressedData": "True", "CompressedDataSize": str(len(data)) if sized else None}
    if detached:
        (tmp_path / "lge.zraw").write_bytes(data)
        assert_read(write(tmp_path, meta(changes, b"", file="lge.zraw"), "lge.mhd"))
    else:
        assert_read(write(tmp_path, meta(changes, data)))


def test_numbers_as_text(tmp_path: Path) -> None:
    text = " ".join(map(str, np.frombuffer(STORED, "<i2"))).encode()
    assert_read(write(tmp_path, meta({"BinaryData": "False"}, text)))


def test_what_itk_writes_is_read_as_itk_reads_it(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(VALUES.transpose().astype("f4"))
    image.SetSpacing((1.5, 2, 8))
    image.SetOrigin((1, 2, 3))
    image.SetDirection((0, 0.6, 0.8, 1, 0, 0, 0, 0.8, -0.6))
    image.SetMetaData("a key", "a value: of text")
    for name in ("a.mha", "a.mhd"):
        for packed in (False, True):
            SimpleITK.WriteImage(image, str(tmp_path / name), useCompression=packed)
            volume = read_metaimage(tmp_path / name)
            np.testing.assert_array_equal(volume.values, VALUES)
            for index in np.ndindex(2, 2, 2):
                place = image.TransformIndexToPhysicalPoint([int(x) for x in index])
                np.testing.assert_allclose(volume.index_to_mm(np.array([index]))[0], place, atol=1e-9)


WHOLE = meta()
SPELLINGS = {
    "colons": WHOLE.replace(b" = ", b": ", 99),
    "no blanks": WHOLE.replace(b" = ", b"=", 99),
    "blanks before": WHOLE.replace(b"ElementSpacing", b"   ElementSpacing").replace(b"ElementData", b"\tElementData"),
    "other case": WHOLE.replace(b"ElementSpacing", b"elementspacing").replace(b"LOCAL", b"Local"),
    "CR LF": meta(data=b"").replace(b"\n", b"\r\n") + STORED,
    "other keys": meta(tail="Comment = ElementDataFile = /etc/passwd\nMy key = 1\nMy key = 2\n\n"),
    "other names": meta(
        {"Offset": None, "Position": "1 2 3", "TransformMatrix": None, "Rotation": "1 0 0 0 1 0 0 0 1"}
    ),
    "names that say the same": meta({"Origin": "1 2 3", "Orientation": "1 0 0 0 1 0 0 0 1"}),
    "own size as distance": meta({"ElementSpacing": None, "ElementSize": "1.5 2 8"}),
    "bytes before": meta({"HeaderSize": "7"}, b"before " + STORED),
    "voxels at the end": meta({"HeaderSize": "-1"}, b"whatever" + STORED),
    "both byte orders": meta({"ElementByteOrderMSB": "False"}),
    "little said": meta(
        {"ObjectType": None, "BinaryData": None, "CompressedData": None, "BinaryDataByteOrderMSB": None}
    ),
    "a fourth axis": meta(
        {"NDims": "4", "DimSize": "4 3 2 1", "ElementSpacing": "1.5 2 8 1", "Offset": "1 2 3 0",
         "TransformMatrix": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLINGS)
def test_spellings_of_one_header(case: str, tmp_path: Path) -> None:
    assert_read(write(tmp_path, SPELLINGS[case]))


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("um", 0.001), ("cm", 10)])
def test_units(unit: str, factor: float, tmp_path: Path) -> None:
    path = write(tmp_path, meta({"DistanceUnits": unit}))
    assert_read(path, affine=np.diag([factor, factor, factor, 1]) @ AFFINE)


def agree(names: str) -> str:
    return f"{names} that agree (header_trust: sform or pixdim says which one counts)"


BAD: dict[str, tuple[bytes, type[InputError], str]] = {
    "no header": (b"hello\n" * 99, InputError, "a MetaImage, found no MetaImage header"),
    "nothing of it known": (b"a = b\n" * 99, InputError, "a MetaImage, found no MetaImage header"),
    "no end": (WHOLE.split(b"ElementDataFile")[0], InputError, "a header without ElementDataFile"),
    "a line that is none": (meta(tail="hello\n"), InputError, "found a line that is no 'key = value'"),
    "a field twice": (
        meta(tail="elementspacing = 7 7 7\n"),
        InputError,
        "the field 'ElementSpacing' once, found twice",
    ),
    "a field behind the last": (
        meta(data=b"", file="x.raw") + b"ElementSpacing = 1 1 1\n",
        InputError,
        "ElementDataFile as the last field, found others behind it",
    ),
    "another object": (meta({"ObjectType": "Mesh"}), InputError, "an object of type Image, found another"),
    "negative dimensions": (meta({"NDims": "-13"}), InputError, "as many sizes in DimSize as NDims says, found 3"),
    "no dimensions": (meta({"NDims": None}), InputError, "a whole number in NDims"),
    "no sizes": (meta({"DimSize": None}), InputError, "whole numbers in DimSize, found none"),
    "huge": (meta({"DimSize": "99999 99999 9999"}), InputError, "an image of at most 134217728 voxels"),
    "vectors": (meta({"ElementNumberOfChannels": "3"}), InputError, "one number a voxel, found 3"),
    "arrays": (meta({"ElementType": "MET_SHORT_ARRAY"}), InputError, "an ElementType of one number"),
    "two byte orders": (meta({"ElementByteOrderMSB": "True"}), InputError, "one byte order, found two that contradict"),
    "neither true nor false": (meta({"CompressedData": "perhaps"}), InputError, "True or False in CompressedData"),
    "cut": (WHOLE[:-1], InputError, "(truncated)"),
    "too long": (WHOLE + b"x", InputError, "more than described"),
    "other packed size": (
        meta({"CompressedData": "True", "CompressedDataSize": "5"}, zlib.compress(STORED)),
        InputError,
        "5 bytes of packed voxels, as its header says",
    ),
    "bytes before packed ones": (
        meta({"CompressedData": "True", "HeaderSize": "-1"}, zlib.compress(STORED)),
        InputError,
        "a HeaderSize of zero or more, found -1",
    ),
    "no voxel size": (meta({"ElementSpacing": None}), GeometryError, "a voxel size (ElementSpacing), found none"),
    "a size of NaN": (meta({"ElementSpacing": "nan 1 1"}), GeometryError, "3 numbers in ElementSpacing"),
    "a size of nothing": (meta({"ElementSpacing": "0 1 1"}), GeometryError, "an invertible affine"),
    "two places": (meta({"Origin": "7 7 7"}), GeometryError, "Offset, Position, Origin that say the same"),
    "two other places": (meta({"Position": "7 7 7"}), GeometryError, "Offset, Position, Origin that say the same"),
    "two matrices": (
        meta({"Rotation": "0 1 0 1 0 0 0 0 1"}),
        GeometryError,
        "TransformMatrix, Rotation, Orientation that say the same",
    ),
    "another unit": (meta({"DistanceUnits": "inch"}), GeometryError, "DistanceUnits mm, cm or um, found another"),
    "a matrix with sizes": (
        meta({"TransformMatrix": "1.5 0 0 0 2 0 0 0 8"}),
        GeometryError,
        f"{agree('TransformMatrix and ElementSpacing')}, found voxels of 1.5×2×8 mm against 1.5×2×8 mm",
    ),
    "a matrix with other sizes": (
        meta({"TransformMatrix": "2 0 0 0 2 0 0 0 2"}),
        GeometryError,
        f"{agree('TransformMatrix and ElementSpacing')}, found voxels of 2×2×2 mm against 1.5×2×8 mm",
    ),
    "pixels of another size": (
        meta({"ElementSize": "1 1 1"}),
        GeometryError,
        f"{agree('ElementSpacing and ElementSize')}, found voxels of 1.5×2×8 mm against 1×1×1 mm",
    ),
    "sheared": (meta({"TransformMatrix": "1 0 0 0.5 1 0 0 0 1"}), GeometryError, "orthogonal image axes"),
    "singular": (meta({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}), GeometryError, "an invertible affine"),
    "a matrix of words": (meta({"TransformMatrix": "a b c"}), GeometryError, "9 numbers in TransformMatrix"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_headers(case: str, tmp_path: Path, capfd) -> None:
    data, kind, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_metaimage(write(tmp_path, data))
    assert type(caught.value) is kind
    assert str(caught.value).startswith("lge.mha: expected ")
    assert message in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_contradicting_sizes_are_settled_by_trust(tmp_path: Path) -> None:
    path = write(tmp_path, meta({"TransformMatrix": "2 0 0 0 2 0 0 0 2"}))
    np.testing.assert_allclose(read_volume(path, "sform").spacing_mm, [2, 2, 2])
    np.testing.assert_allclose(read_volume(path, "pixdim").spacing_mm, [1.5, 2, 8])
    with pytest.raises(GeometryError):
        read_volume(path, "qform")
    path = write(tmp_path, meta({"ElementSize": "1 1 1"}))
    for trust in ("sform", "pixdim"):
        volume = read_volume(path, trust)  # type: ignore[arg-type]
        np.testing.assert_allclose(volume.spacing_mm, [1.5, 2, 8])
        assert volume.slice_thickness_mm is None


def test_the_slices_have_the_stated_thickness(tmp_path: Path) -> None:
    assert read_volume(write(tmp_path, meta({"ElementSize": "1.5 2 6"}))).slice_thickness_mm == 6
    assert read_volume(write(tmp_path, WHOLE)).slice_thickness_mm is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Offset": None}, "lge.mha states no place (Offset)"),
        ({"TransformMatrix": None}, "lge.mha states no axes (TransformMatrix)"),
        ({"AnatomicalOrientation": "AIR"}, "lge.mha names other axes in AnatomicalOrientation"),
        ({"ElementToIntensityFunctionSlope": "2"}, "lge.mha scales its voxels by a slope and an offset"),
    ],
)
def test_what_is_doubtful_is_said(changes: dict[str, str | None], said: str, tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        volume = read_volume(write(tmp_path, meta(changes)))
    assert said in caplog.text
    scale = 2 if "ElementToIntensityFunctionSlope" in changes else 1
    np.testing.assert_array_equal(volume.values, VALUES * scale)


@pytest.mark.parametrize("letters", ["RAI", "LPS", "???", ""])
def test_orientations_in_letters_that_fit_or_say_nothing(letters: str, tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        read_volume(write(tmp_path, meta({"AnatomicalOrientation": letters})))
    assert not caplog.records
