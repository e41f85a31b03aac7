"""Contours of Sunnybrook's layout on the images that they were drawn on, and every one that fits none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels
from cardioscar.imaging.formats.contour_files import contour_files, read_contours
from cardioscar.imaging.formats.contour_labels import labels_from_contours
from cardioscar.imaging.labels import Label
from cardioscar.metrics.overlap import dice
from tests.imaging.formats.test_cine_files import NORMAL, ORIENTATION, dicom_folder
from tests.imaging.formats.test_dicom_series import without_identity

SIZE = (24, 20)


def circle(center: tuple[float, float], radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.stack([center[0] + radius * np.cos(turn), center[1] + radius * np.sin(turn)], axis=1)


def write_contour(folder: Path, image: int, kind: str, points: np.ndarray, series: int = 1) -> Path:
    """A contour as the layout has it: points counted from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"IM-{series:04d}-{image:04d}-{kind}contour-manual.txt"
    path.write_text("".join(f"{x:.2f} {y:.2f}\n" for x, y in points + 1))
    return path


def series(folder: Path, *, from_base: bool = False) -> Path:
    """Three slices of five frames, numbered slice after slice; the first at the apex or at the base."""

    def numbered(k: int, t: int) -> dict:
        number = (2 - k if from_base else k) * 5 + t + 1
        return {"more": {(0x20, 0x13): ("IS", str(number)), (0x18, 0x1060): ("DS", f"{30 + 150 * t}")}}

    pixels = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE)
    return dicom_folder(folder, change=lambda k, t: numbered(k, t) | {"pixels": pixels + 31 * t + 100 * k})


@pytest.mark.parametrize("from_base", [False, True])
def test_contours_land_on_the_slice_frame_and_pixels_of_their_image(tmp_path: Path, from_base: bool) -> None:
    """The picture is oblique, so that the one order of storage turns it; the number alone says which image it is."""
    folder = series(tmp_path, from_base=from_base)
    number = (2 - 2 if from_base else 2) * 5 + 4  # the third slice along the normal, the fourth frame
    write_contour(tmp_path / "contours", number, "i", circle((9, 12), 3.2))
    write_contour(tmp_path / "contours", number, "o", circle((9, 12), 5.3))
    labels = labels_from_contours(read_contours(contour_files(tmp_path)), folder)
    cine = read_cine(folder)
    np.testing.assert_array_equal(labels.affine, cine.affine)
    assert labels.values.shape == cine.values.shape
    middle_mm = np.array([1.0, 2, 3]) + 2 * 9 * NORMAL
    middle_mm = middle_mm + 9 * 1.5 * np.array(ORIENTATION[:3]) + 12 * 1.25 * np.array(ORIENTATION[3:])
    i, j, k = np.argwhere(labels.values[..., 3] == Label.BLOOD_POOL).mean(axis=0)
    np.testing.assert_allclose(labels.grid.index_to_mm(np.array([[i, j, k]]))[0], middle_mm, atol=0.01)
    column, row = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]), indexing="ij")
    distance = np.hypot(column - 9, row - 12)
    assert (labels.values == Label.BLOOD_POOL).sum() == (distance < 3.2).sum()
    assert (labels.values > 0).sum() == (distance < 5.3).sum()
    assert not labels.values[..., :3].any()


def test_a_closed_line_holds_the_pixels_whose_centre_it_holds(tmp_path: Path) -> None:
    """A corner within, an area outside: a line that is not convex."""
    corners = np.array([[2.5, 2.5], [8.5, 2.5], [8.5, 8.5], [5.5, 5.5], [2.5, 8.5]])
    write_contour(tmp_path, 1, "i", corners)
    [one] = read_contours(contour_files(tmp_path))
    inside = one.inside((12, 11))
    assert not one.epicardium
    assert inside.shape == (12, 11)
    assert inside[3, 3]
    assert inside[3, 7]
    assert not inside[5, 7]
    assert inside[:, 3].nonzero()[0].tolist() == [3, 4, 5, 6, 7, 8]


def test_points_of_papillary_muscles_are_left_out(tmp_path: Path) -> None:
    write_contour(tmp_path, 1, "i", circle((9, 9), 3))
    (tmp_path / "IM-0001-0001-p1contour-manual.txt").write_text("1 1\n2 2\n2 1\n")
    assert [path.name for path in contour_files(tmp_path)] == ["IM-0001-0001-icontour-manual.txt"]


BAD = {
    "other slices": (48, "i", circle((9, 9), 3), r"found no image 48 in cine \(contours of other slices\?\)"),
    "beyond the picture": (3, "i", circle((22, 9), 5), "expected points in a picture of 24×20 pixels"),
    "epicardium alone": (3, "o", circle((9, 9), 3), "expected an endocardium beside each epicardium"),
    "two points": (3, "i", circle((9, 9), 3)[:2], "expected three points or more"),
    "not finite": (3, "i", np.array([[1, 1], [np.nan, 2], [3, 3]]), "expected three points or more, finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_contours_that_fit_no_image(name: str, tmp_path: Path) -> None:
    image, kind, points, message = BAD[name]
    folder = series(tmp_path)
    path = write_contour(tmp_path / "contours", image, kind, points)
    with pytest.raises(InputError, match=message) as caught:
        labels_from_contours(read_contours(contour_files(tmp_path)), folder)
    assert str(caught.value).startswith(path.name)


def test_files_that_are_no_contours(tmp_path: Path) -> None:
    path = write_contour(tmp_path / "one", 3, "i", circle((9, 9), 3))
    write_contour(tmp_path / "other", 3, "i", circle((9, 9), 3))
    with pytest.raises(InputError, match="of two readers"):
        read_contours(contour_files(tmp_path))
    for text in ("1 2 3\n4 5 6\n7 8 9\n", "a b\nc d\ne f\n", "\x89 1\n"):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match="a line for each point"):
            read_contours([path])


def test_images_without_numbers_of_their_own(tmp_path: Path) -> None:
    folder = dicom_folder(tmp_path, pixels=np.arange(480).reshape(SIZE))
    write_contour(tmp_path / "contours", 1, "i", circle((9, 9), 3))
    with pytest.raises(InputError, match=r"a number \(0020,0013\) of its own for each image"):
        labels_from_contours(read_contours(contour_files(tmp_path)), folder)


@pytest.mark.real
def test_experts_contours_of_a_real_slice(data_dir: Path, tmp_path: Path) -> None:
    """The published text files on the DICOM files of the one slice at hand, against labels that others drew of them."""
    source = data_dir / "sunnybrook2009_cine"
    folder = without_identity(source / "dicom_SCD0000101_slice06", tmp_path / "cine")
    every = contour_files(source / "SCD0000101" / "contours")
    of_slice = [path for path in every if 121 <= int(path.name[8:12]) <= 140]
    assert [path.name[8:13] for path in of_slice] == ["0128-", "0139-", "0139-"]
    found = labels_from_contours(read_contours(of_slice), folder)
    stack = read_cine_labels(source / "SCD0000101" / "labels_crop128.nii.gz", None)
    ends = found.grid.index_to_mm(np.array([[0.0, 0, 0]]))
    k = round(float(stack.grid.mm_to_index(ends)[0, 2]))
    i, j = np.round(found.grid.mm_to_index(stack.grid.index_to_mm(np.array([[0.0, 0, k]])))[0, :2]).astype(int)
    mine = found.values[i : i + 128, j : j + 128, 0]
    # theirs leave out some centres on the line: a pixel away, Dice is below 0.98 and 0.89
    for frame, label, least in (
        (7, Label.BLOOD_POOL, 0.995),
        (18, Label.BLOOD_POOL, 0.995),
        (18, Label.MYOCARDIUM, 0.98),
    ):
        theirs, own = stack.values[:, :, k, frame] == label, mine[..., frame] == label
        assert theirs.any()
        assert dice(theirs.ravel(), own.ravel()) > least
    lines = {path.name[8:14]: one for path, one in zip(of_slice, read_contours(of_slice), strict=True)}
    for name, frame, least in (("0128-i", 7, 2), ("0139-i", 18, 2), ("0139-o", 18, 1)):
        x, y = lines[name].points.T
        area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
        assert (mine[..., frame] >= least).sum() == pytest.approx(area, rel=0.06)  # centres on the line count
    with pytest.raises(InputError, match="contours of other slices"):
        labels_from_contours(read_contours(every), folder)


def test_a_folder_may_hold_readers_folders(tmp_path: Path) -> None:
    """As the database is published: contours-manual/IRCCI-expert."""
    deep = tmp_path / "SC-HF-I-01" / "contours-manual" / "IRCCI-expert"
    write_contour(deep, 7, "i", circle((9, 9), 3))
    assert len(contour_files(tmp_path / "SC-HF-I-01")) == 1
    shutil.rmtree(deep)
    assert contour_files(tmp_path / "SC-HF-I-01") == []
