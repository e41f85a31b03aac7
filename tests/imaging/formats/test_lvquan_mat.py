"""Files in the layout of LVQuan 2018, in several spellings, and broken ones."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.lvquan_mat import read_lvquan
from cardioscar.imaging.labels import Label

FRAMES, SIDE, PIXEL = 20, 80, 1.3


def arrays(scale: float = PIXEL) -> dict[str, np.ndarray]:
    """A ring that contracts, its cavity higher than wide so that rows and columns are told apart; `scale` is the unit
    of its indices in pixels' sides."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    radius = 14 + 5 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)
    distance = np.hypot((y - 44) * 0.8, x - 36)[..., None]
    endo, epi = distance < radius, distance < radius + 9
    area = np.pi * np.stack([radius**2, (radius + 9) ** 2 - radius**2]) / 0.8 * scale**2
    return {
        "image": rng.integers(0, 255, (SIDE, SIDE, FRAMES)).astype(np.uint8),
        "endo": endo.astype(np.uint8),
        "epi": epi.astype(np.uint8),
        "areas": area,
        "dims": np.stack([2 * radius] * 3) * scale,
        "rwt": np.full((6, FRAMES), 9.0) * scale,
        "lv_phase": (np.arange(FRAMES) < 10).astype(float)[None],
        "pix_spa": np.array([[PIXEL]]),
    }


def write(folder: Path, *, drop: tuple[str, ...] = (), packed: bool = True, **changes) -> Path:
    path = folder / "patient1.mat"
    found = {name: values for name, values in {**arrays(), **changes}.items() if name not in drop}
    savemat(path, found, do_compression=packed)
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_everything_of_a_subject(packed: bool, tmp_path: Path) -> None:
    subject = read_lvquan(write(tmp_path, packed=packed))
    assert subject.cine.values.shape == (SIDE, SIDE, 1, FRAMES)
    np.testing.assert_allclose(subject.cine.pixel_mm, PIXEL)
    assert subject.cine.times_ms is None
    wanted = arrays()
    np.testing.assert_array_equal(subject.cine.values[12, 34, 0], wanted["image"][34, 12])  # i runs along a row
    blood = subject.labels.values == Label.BLOOD_POOL
    np.testing.assert_array_equal(blood[:, :, 0, 3].T, wanted["endo"][..., 3])
    assert ((subject.labels.values == Label.MYOCARDIUM).sum(axis=(0, 1, 2)) > 500).all()
    np.testing.assert_allclose(subject.areas_mm2, wanted["areas"])
    np.testing.assert_allclose(subject.dimensions_mm, wanted["dims"])
    np.testing.assert_allclose(subject.thickness_mm, wanted["rwt"])
    np.testing.assert_array_equal(subject.systole, np.arange(FRAMES) < 10)


@pytest.mark.parametrize(("unit", "scale"), [("pixels", 1.0), ("shares of the image's side", 1 / SIDE), ("mm", PIXEL)])
def test_the_unit_is_told_by_the_masks(unit: str, scale: float, tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.INFO):
        subject = read_lvquan(write(tmp_path, **arrays(scale)))
    np.testing.assert_allclose(subject.areas_mm2, arrays()["areas"])
    np.testing.assert_allclose(subject.thickness_mm, 9 * PIXEL)
    assert f"indices are in {unit}" in caplog.text


def test_other_names_and_turned_tables_are_told_by_shape(tmp_path: Path, caplog) -> None:
    plain = arrays()
    renamed = {
        "images_LV": plain["image"], "endo_LV": plain["endo"], "epi_LV": plain["epi"], "areas_LV": plain["areas"].T,
        "D": plain["dims"], "rwt_LV": plain["rwt"].T, "lv_phase": plain["lv_phase"].T, "PixelSpacing": [PIXEL, PIXEL],
        "patient": "somebody",
    }  # fmt: skip
    path = tmp_path / "p.mat"
    savemat(path, renamed)
    with caplog.at_level(logging.INFO):
        subject = read_lvquan(path)
    np.testing.assert_allclose(subject.dimensions_mm, plain["dims"])
    np.testing.assert_allclose(subject.areas_mm2, plain["areas"])
    assert subject.read_as["dims"] == "D"
    assert "D read as dims" in caplog.text
    assert "somebody" not in caplog.text


def test_images_alone(tmp_path: Path) -> None:
    path = write(tmp_path, drop=("endo", "epi", "areas", "dims", "rwt", "lv_phase"), pix_spa=np.array([1.2, 1.5]))
    subject = read_lvquan(path, needs="images")
    assert (subject.labels, subject.areas_mm2, subject.systole) == (None, None, None)
    np.testing.assert_allclose(subject.cine.pixel_mm, [1.5, 1.2])  # rows first in the file
    with pytest.raises(InputError, match="expected endocardial masks of the images' shape, epicardial masks"):
        read_lvquan(path)


FULL = arrays()
BROKEN = {
    "no thickness": ({"drop": ("rwt",)}, "expected regional wall thicknesses, 6 a frame, found none of that name"),
    "wrong rwt": ({"rwt": FULL["rwt"][:5]}, "thicknesses, 6 a frame (20 frames), found shape 5×20"),
    "wrong areas": ({"areas": FULL["areas"][:, :19]}, "expected areas, 2 a frame (20 frames), found shape 2×19"),
    "no spacing": ({"drop": ("pix_spa",)}, "expected one pixel spacing in mm (a name with 'pix' or 'spac', 1 or 2"),
    "spacings": ({"pix_spa": np.ones((1, 145))}, "found numbers of another shape"),
    "spacing in m": ({"pix_spa": np.array([0.0013])}, "expected pixels of 0.01 to 100 mm, found others"),
    "no images": ({"drop": ("image",)}, "expected one array of images [row, column, frame], found none"),
    "one frame": ({"image": FULL["image"][..., 0]}, "expected at least two frames of a beat, found one image"),
    "collection": ({"image": np.zeros((20, 20, 290)) + np.eye(20)[..., None]}, "found 20×20×290"),
    "masks": ({"endo": FULL["endo"][:70]}, "expected endocardial masks of 80×80×20, found 70×80×20"),
    "mask values": ({"epi": FULL["epi"] * FULL["image"]}, "expected epicardial masks of 0 and one other number"),
    "other contours": ({"endo": np.roll(FULL["endo"], 25, 0)}, "found 20 frames where much of it is outside"),
    "other areas": ({"areas": FULL["areas"] * 1.4}, "expected cavity areas (first of two) as large as their masks"),
    "swapped areas": ({"areas": FULL["areas"][::-1]}, "expected cavity areas (first of two) as large as their masks"),
    "phase": ({"lv_phase": np.arange(20.0)}, "expected a phase of 0 (diastole) or 1 (systole) for each frame"),
    "NaN": ({"dims": FULL["dims"] * np.nan}, "expected finite voxel values, found 60 NaN"),
    "negative": ({"rwt": -FULL["rwt"]}, "expected areas, dimensions and thicknesses of at least 0, found negative"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_subjects(name: str, tmp_path: Path) -> None:
    options, message = BROKEN[name]
    with pytest.raises(InputError) as caught:
        read_lvquan(write(tmp_path, **options))
    assert message in str(caught.value)
    assert str(caught.value).startswith("patient1.mat: expected")


def test_a_frame_without_a_heart_is_legal(tmp_path: Path) -> None:
    endo, epi, areas = (FULL[name].copy() for name in ("endo", "epi", "areas"))
    endo[..., 4] = epi[..., 4] = 0
    areas[:, 4] = 0
    subject = read_lvquan(write(tmp_path, endo=endo, epi=epi, areas=areas))
    assert not subject.labels.values[..., 4].any()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.9, 0.9999])
def test_truncated_files(share: float, packed: bool, tmp_path: Path) -> None:
    path = write(tmp_path, packed=packed)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"patient1.mat: expected a (complete )?MATLAB file"):
        read_lvquan(path)


def test_damaged_files(tmp_path: Path) -> None:
    path = write(tmp_path)
    data = bytearray(path.read_bytes())
    for at in (200, len(data) // 2, len(data) - 40):
        damaged = data.copy()
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"expected a complete MATLAB file|as large as|found"):
            read_lvquan(path)


def test_other_kinds_of_file(tmp_path: Path) -> None:
    path = tmp_path / "patient1.mat"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(InputError, match="version 7.2 or older"):
        read_lvquan(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file" + bytes(600))
    with pytest.raises(InputError, match="version 7.2 or older"):
        read_lvquan(path)
    path.write_bytes(bytes(600))
    with pytest.raises(InputError, match="no header of one"):
        read_lvquan(path)
    savemat(path, {"patient": {"image": FULL["image"]}})  # a structure: no array of numbers
    with pytest.raises(InputError, match="expected one array of images"):
        read_lvquan(path)


def test_more_than_is_stated_is_not_unpacked(tmp_path: Path) -> None:
    import struct
    import zlib

    path = tmp_path / "patient1.mat"
    bomb = zlib.compress(struct.pack("<II", 14, 1000) + bytes(50_000_000))
    header = b"MATLAB 5.0 MAT-file".ljust(124, b" ") + b"\x00\x01IM"
    path.write_bytes(header + struct.pack("<II", 15, len(bomb)) + bomb)
    with pytest.raises(InputError, match="a variable of another length than stated"):
        read_lvquan(path)
    huge = zlib.compress(struct.pack("<II", 14, 1 << 30) + bytes(1000))
    path.write_bytes(header + struct.pack("<II", 15, len(huge)) + huge)
    with pytest.raises(InputError, match="variables of at most"):
        read_lvquan(path)


def test_pixels_of_no_heart(tmp_path: Path) -> None:
    with pytest.raises(GeometryError):
        read_lvquan(write(tmp_path, pix_spa=np.array([1300.0])))
