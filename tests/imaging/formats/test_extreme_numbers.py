"""Numbers of headers that no image has: refused, or read without them; never a warning, and never another error."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import VOXEL_MM, read_volume
from tests.imaging.formats.image_bytes import dicom, nifti
from tests.imaging.formats.text_images import meta, nrrd

NUMBERS = [np.inf, -np.inf, np.nan, 1e300, 1e-300, 1e155, 1e38, 0.0]
FRAME, SIZES = np.diag([2.0, 3, 4, 1]), (2.0, 3.0, 4.0)


def niftis(number: float, version: int) -> Iterator[bytes]:
    for i, j in itertools.product(range(3), range(4)):
        frame = FRAME.copy()
        frame[i, j] = number
        for code in (0, 1):
            yield nifti(frame, version=version, pixdim=SIZES, qform_code=code)
    for axis, (qform, sform) in itertools.product(range(3), ((0, 1), (1, 1), (1, 0))):
        sizes, one = [*SIZES], [0.0, 0.0, 0.0]
        sizes[axis], one[axis] = number, number
        codes = {"version": version, "qform_code": qform, "sform_code": sform}
        yield nifti(FRAME, pixdim=tuple(sizes), **codes)
        yield nifti(FRAME, pixdim=SIZES, quaternion=tuple(one), **codes)
        yield nifti(FRAME, pixdim=SIZES, offset=tuple(one), **codes)
    for kind, scale in itertools.product(("i2", "f4", "f8", "i8"), ((number, 0), (1, number), (number, number))):
        yield nifti(FRAME, version=version, scale=scale, kind=kind)


def nrrds(number: float) -> Iterator[bytes]:
    text = repr(float(number))
    for name in ("spacings", "axis mins", "axis maxs", "thicknesses"):
        yield nrrd({name: f"{text} 2 {text}"})
        yield nrrd({name: f"{text} 2 {text}", "space units": '"m" "m" "m"'})
    yield nrrd({"space directions": f"({text},0,0) (0,2,0) (0,0,{text})"})
    yield nrrd({"space origin": f"({text},2,{text})"})
    yield nrrd({"axis mins": f"{text} 0 0", "axis maxs": f"-{text} 1 1"})
    for kind in ("float", "double", "short", "int64"):
        yield nrrd({"type": kind, "encoding": "text"}, f"{text} ".encode() * 24)


def metas(number: float) -> Iterator[bytes]:
    fields = {"ElementSpacing": 3, "ElementSize": 3, "Offset": 3, "TransformMatrix": 9,
              "ElementToIntensityFunctionSlope": 1, "ElementToIntensityFunctionOffset": 1}  # fmt: skip
    for (name, count), unit in itertools.product(fields.items(), ("mm", "cm")):
        yield meta({name: " ".join([repr(float(number))] * count), "DistanceUnits": unit})


def dicoms(number: float) -> Iterator[bytes]:
    pixels = np.arange(12).reshape(4, 3)
    for changes in ({"slope": number}, {"intercept": number}, {"thickness_mm": number}, {"between_mm": number},
                    {"position": (number, 0, number)}, {"pixel_mm": (1, number)}, {"pixel_mm": (number, number)},
                    {"orientation": (number, 0, 0, 0, 1, 0)}):  # fmt: skip
        yield dicom(pixels, **changes)
    for tag, kind in {(0x28, 0x34): "IS", (0x18, 0x1164): "DS"}.items():
        yield dicom(pixels, more={tag: (kind, f"{float(number)!r}\\{float(number)!r}")})


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", ["nii", "nii2", "nrrd", "mha", "dcm"])
def test_impossible_numbers_are_refused_or_not_heeded(form: str, number: float, tmp_path: Path) -> None:
    files = {"nii2": lambda: niftis(number, 2), "nrrd": lambda: nrrds(number), "mha": lambda: metas(number),
             "dcm": lambda: dicoms(number), "nii": lambda: niftis(number, 1)}  # fmt: skip
    if form == "nii" and 1e38 < abs(number) < np.inf:
        pytest.skip("no float32")
    path = tmp_path / f"lge.{form.removesuffix('2')}"
    outcomes = set()
    for data, trust in itertools.product(files[form](), ("agree", "sform", "qform", "pixdim")):
        path.write_bytes(data)
        try:
            volume = read_volume(path, trust)  # type: ignore[arg-type]
        except InputError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        assert np.isfinite(volume.values).all()
        assert VOXEL_MM[0] <= volume.spacing_mm.min() <= volume.spacing_mm.max() <= VOXEL_MM[1]
    assert "refused" in outcomes
