"""Voxels that lie in other files than their header: in its own folder or nowhere, and every one of them known."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.imaging.formats.voxel_files import read_header, voxel_files
from tests.imaging.formats.text_images import STORED, VALUES, meta, nrrd

SLABS = [STORED[:24], STORED[24:]]
FORMS = {
    "NRRD": ("lge.nhdr", lambda name: nrrd({"data file": name}, b"")),
    "NRRD in one": ("lge.nrrd", lambda name: nrrd({"datafile": name}, b"")),
    "NRRD behind a long comment": (
        "lge.nhdr",
        lambda name: nrrd({"data file": name}, b"", tail=("#" * 80 + "\n") * 2000),
    ),
    "NRRD with decoys": (
        "lge.nhdr",
        lambda name: nrrd({"Data File": name}, b"", tail="data file:=decoy\n# data file: d\n"),
    ),
    "MetaImage": ("lge.mhd", lambda name: meta(None, b"", file=name)),
    "MetaImage in one": ("lge.mha", lambda name: meta(None, b"", file=name)),
    "MetaImage with a colon": (
        "lge.mhd",
        lambda name: meta(None, b"", file=name).replace(b"ElementDataFile = ", b"  elementdatafile:"),
    ),
    "a list in NRRD": ("lge.nhdr", lambda name: nrrd({"sizes": "4 3 1"}, b"", tail=f"data file: LIST\n{name}\n")[:-1]),
    "a list in MetaImage": ("lge.mhd", lambda name: meta({"DimSize": "4 3 1"}, b"", file=f"LIST\n{name}")),
}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The same voxels outside of the subject's folder."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "all.raw").write_bytes(STORED)
    (tmp_path / "subject").mkdir()
    return tmp_path / "other" / "all.raw"


def write(folder: Path, form: str, name: str) -> Path:
    file, make = FORMS[form]
    (folder / file).write_bytes(make(name))
    return folder / file


@pytest.mark.parametrize("form", [form for form in FORMS if "list" not in form])
@pytest.mark.parametrize("name", ["lge.raw", "./lge.raw", "deep/lge.raw", "deep/../lge.raw", "with blanks.raw"])
def test_voxels_in_the_own_folder_are_read_and_known(form: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for place in ("lge.raw", "deep/lge.raw", "with blanks.raw"):
        (tmp_path / place).write_bytes(STORED)
    path = write(tmp_path, form, name)
    np.testing.assert_array_equal(read_volume(path).values, VALUES)
    assert voxel_files(path, where="P001", called="lge") == [(tmp_path / name).resolve()]


@pytest.mark.parametrize("form", FORMS)
def test_no_other_file_is_read(form: str, elsewhere: Path, tmp_path: Path) -> None:
    subject = tmp_path / "subject"
    (subject / "link.raw").symlink_to(elsewhere)
    os.link(elsewhere, tmp_path / "hard.raw")
    for name in (
        str(elsewhere),
        "../other/all.raw",
        "a/../../other/all.raw",
        "link.raw",
        "/proc/self/environ",
        "../hard.raw",
    ):
        path = write(subject, form, name)
        for read in (read_volume, lambda path: voxel_files(path, where="P001", called="lge")):
            with pytest.raises(
                InputError, match="expected a path of the voxels of .* in its folder, found one that leads"
            ):
                read(path)


@pytest.mark.parametrize("form", [form for form in FORMS if "list" not in form])
@pytest.mark.parametrize("name", ["none.raw", "C:\\data\\lge.raw", "folder", "pipe", "~/lge.raw", "file:///etc/passwd"])
def test_files_that_are_not_there_are_said(form: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="expected the file that holds its voxels, found none of that name"):
        read_volume(write(tmp_path, form, name))


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_names_that_are_no_path(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, "NRRD", name)
    with pytest.raises(InputError, match="found (no path|none of that name)"):
        read_volume(path)


@pytest.mark.parametrize(("form", "itself"), [("NRRD", "lge.nhdr"), ("MetaImage", "lge.mhd")])
def test_a_header_is_not_its_own_voxels(form: str, itself: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected different files of voxels, found the same one again"):
        read_volume(write(tmp_path, form, itself))


SEVERAL = {
    "list": ("lge.nhdr", nrrd(None, b"", tail="data file: LIST\ns1.raw\ns2.raw\n")[:-1]),
    "list with axes": ("lge.nhdr", nrrd(None, b"", tail="data file: LIST 2\ns1.raw\ns2.raw\n")[:-1]),
    "pattern": ("lge.nhdr", nrrd({"data file": "s%d.raw 1 2 1"}, b"")),
    "pattern with axes": ("lge.nhdr", nrrd({"data file": "s%01d.raw 1 2 1 2"}, b"")),
    "MetaImage list": ("lge.mhd", meta(None, b"", file="LIST\ns1.raw\ns2.raw")),
    "MetaImage list with axes": ("lge.mhd", meta(None, b"", file="LIST 2\ns1.raw\ns2.raw")),
    "MetaImage pattern": ("lge.mhd", meta(None, b"", file="s%d.raw 1 2 1")),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_voxels_in_a_file_for_each_slice(case: str, tmp_path: Path) -> None:
    name, header = SEVERAL[case]
    path = tmp_path / name
    path.write_bytes(header)
    for number, data in enumerate(SLABS, start=1):
        (tmp_path / f"s{number}.raw").write_bytes(data)
    np.testing.assert_array_equal(read_volume(path).values, VALUES)
    assert voxel_files(path, where="P001", called="lge") == [tmp_path.resolve() / f"s{n}.raw" for n in (1, 2)]
    (tmp_path / "s2.raw").write_bytes(SLABS[1][:-1])
    with pytest.raises(InputError, match=r"expected a complete file of 24 bytes, found 23 \(truncated\)"):
        read_volume(path)


def test_a_file_for_each_slice_may_be_packed(tmp_path: Path) -> None:
    for number, data in enumerate(SLABS, start=1):
        (tmp_path / f"s{number}.gz").write_bytes(gzip.compress(data))
    (tmp_path / "lge.nhdr").write_bytes(nrrd({"encoding": "gzip", "data file": "s%d.gz 1 2 1"}, b""))
    np.testing.assert_array_equal(read_volume(tmp_path / "lge.nhdr").values, VALUES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s%d.raw 1 3 1", "expected the file that holds its voxels"),
        ("s%d.raw 1 1 1 2", "expected 2 files of voxels, found 1"),
        ("s%d.raw 1 9999999 1", "expected at most 4096 files of voxels, found more"),
        ("s%d.raw 1 2 0", "expected at most 4096 files of voxels, found more"),
        ("s%d.raw 1 0 1", "expected 1 to 4096 files of voxels, found 0"),
        ("s%s.raw 1 2 1", "expected a pattern of file names with one %d, first, last and step, found another one"),
        ("s%d%d.raw 1 2 1", "found another one"),
        ("%n%d.raw 1 2 1", "found another one"),
        ("s%999999999d.raw 1 2 1", "found another one"),
        ("s%d.raw", "found another one"),
        ("%d" + " " * 100_000 + "x", "expected a path of at most 4096 characters, found 100003"),
    ],
)
def test_patterns_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    for number, data in enumerate(SLABS, start=1):
        (tmp_path / f"s{number}.raw").write_bytes(data)
    (tmp_path / "lge.mhd").write_bytes(meta(None, b"", file=text))
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path / "lge.mhd")
    assert message in str(caught.value)


def test_images_in_one_file_have_no_others(tmp_path: Path) -> None:
    for name, data in {
        "a.nrrd": nrrd(),
        "a.mha": meta(),
        "a.nii.gz": b"",
        "b.nrrd": b"",
        "c.mha": b"no header",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert voxel_files(tmp_path / name, where="P001", called="lge") == []


@pytest.mark.parametrize("size", [0, 60_000, 65_520, 65_536, 70_000, 3_000_000])
@pytest.mark.parametrize("form", ["NRRD", "NRRD in one", "MetaImage", "MetaImage in one", "a list in NRRD"])
def test_a_header_of_any_length_is_read_to_its_end(form: str, size: int, tmp_path: Path) -> None:
    """Short ones from a short piece of the file, so that a cohort of large files is looked at in no time."""
    (tmp_path / "lge.raw").write_bytes(STORED[:24] if "list" in form else STORED)
    path = write(tmp_path, form, "lge.raw")
    data = path.read_bytes()
    first, _, rest = data.partition(b"\n")
    filler = b"#" if data.startswith(b"NRRD") else b"Comment = "
    path.write_bytes(first + b"\n" + filler + b"x" * size + b"\n" + rest)
    np.testing.assert_array_equal(read_volume(path).values, VALUES[:, :, :1] if "list" in form else VALUES)
    assert voxel_files(path, where="P001", called="lge") == [tmp_path.resolve() / "lge.raw"]


@pytest.mark.parametrize("make", [nrrd, meta])
def test_no_more_of_an_image_is_read_than_its_header_needs(make, tmp_path: Path) -> None:
    path = tmp_path / f"lge.{'nrrd' if make is nrrd else 'mha'}"
    path.write_bytes(make(None, bytes(1 << 23)))
    assert len(read_header(path)) == 1 << 16
