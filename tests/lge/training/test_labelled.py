from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.training.crop import cut, draw_cut, middle_of
from cardioscar.lge.training.labelled import Labelled, LabelledStack, find_labelled, read_labelled

AFFINE = np.diag([1.4, 1.4, 10.0, 1.0])


def _write(image: Path, labels: Path, *, affine: np.ndarray = AFFINE, emidec: bool = False) -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((20, 24, 4), dtype=np.uint8)
    truth[6:14, 6:14], truth[8:12, 8:12] = (2, 1) if emidec else (1, 2)
    truth[6:8, 6:10] = 3
    truth[6, 6] = 4 if emidec else 3
    for path, values in ((image, rng.normal(100, 20, truth.shape).astype(np.float32)), (labels, truth)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, Volume(values, affine))


def test_the_published_layout(tmp_path: Path) -> None:
    for name in ("B", "A"):
        _write(tmp_path / "images" / f"{name}.nii.gz", tmp_path / "masks" / f"{name}.nii.gz")
    found = find_labelled(tmp_path)
    assert [one.subject for one in found] == ["A", "B"]
    stack = read_labelled(found[0])
    assert stack.image.shape == stack.labels.shape == (20, 24, 4)
    assert stack.pixel_mm == pytest.approx((1.4, 1.4), rel=1e-5)
    assert (stack.labels == Label.SCAR).sum() == 4 * 8


def test_the_layout_and_labels_of_emidec(tmp_path: Path) -> None:
    for name in ("Case_P001", "Case_N002"):
        _write(
            tmp_path / name / "Images" / f"{name}.nii.gz", tmp_path / name / "Contours" / f"{name}.nii.gz", emidec=True
        )
    (tmp_path / "notes.txt").write_text("no subject")
    found = find_labelled(tmp_path)
    assert [one.subject for one in found] == ["Case_N002", "Case_P001"]
    labels = read_labelled(found[0], table="emidec").labels
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    assert (labels == Label.SCAR).sum() == 4 * 8  # with no-reflow
    assert (labels == Label.BLOOD_POOL).sum() == 4 * 16


def test_folders_of_subjects(tmp_path: Path) -> None:
    _write(tmp_path / "P1" / "lge.nii.gz", tmp_path / "P1" / "labels.nii.gz")
    (tmp_path / "P2").mkdir()
    assert [one.subject for one in find_labelled(tmp_path)] == ["P1"]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder, found none"):
        find_labelled(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found neither"):
        find_labelled(tmp_path / "empty")
    _write(tmp_path / "half" / "images" / "A.nii.gz", tmp_path / "half" / "masks" / "B.nii.gz")
    with pytest.raises(InputError, match="labels of the same name for each image, found none for 1 image"):
        find_labelled(tmp_path / "half")
    image, labels = tmp_path / "image.nii.gz", tmp_path / "labels.nii.gz"
    _write(image, labels)
    shifted = tmp_path / "shifted.nii.gz"
    moved = AFFINE.copy()
    moved[0, 3] = 30
    _write(tmp_path / "other.nii.gz", shifted, affine=moved)
    with pytest.raises(GeometryError, match="30.0 mm beside it"):
        read_labelled(Labelled("P", image, shifted))
    write_volume(shifted, Volume(np.ones((20, 24, 3), np.uint8), AFFINE))
    with pytest.raises(GeometryError, match="20×24×4 and 20×24×3"):
        read_labelled(Labelled("P", image, shifted))
    write_volume(shifted, Volume(np.zeros((20, 24, 4), np.uint8), AFFINE))
    with pytest.raises(InputError, match="labelled voxels, found none"):
        read_labelled(Labelled("P", image, shifted))


def _stack() -> LabelledStack:
    labels = np.zeros((40, 40, 3), np.uint8)
    labels[10:20, 24:30, 1] = 1
    image = labels * 100.0 + np.arange(40)[:, None, None]
    return LabelledStack(image.astype(np.float32), labels, (1.0, 1.0))


def test_a_straight_piece_is_the_slice_itself() -> None:
    stack = _stack()
    center = middle_of(stack, 1)
    np.testing.assert_allclose(center, [14.5, 26.5])
    piece = cut(stack, 1, pixels=(16, 12), pixel_mm=1.0, center=center)
    np.testing.assert_array_equal(piece.labels, stack.labels[7:23, 21:33, 1])
    assert piece.image.shape == (1, 16, 12)
    # a slice without labels is cut where the others have them
    np.testing.assert_allclose(middle_of(stack, 0), center)
    assert cut(stack, 0, pixels=(16, 16), pixel_mm=1.0, center=center, neighbours=True).image.shape == (3, 16, 16)


def test_a_quarter_turn_and_a_mirror_are_exact() -> None:
    stack = _stack()
    options = {"pixels": (16, 16), "pixel_mm": 1.0, "center": middle_of(stack, 1)}
    straight = cut(stack, 1, **options)  # type: ignore[arg-type]
    turned = cut(stack, 1, turn=np.pi / 2, **options)  # type: ignore[arg-type]
    np.testing.assert_array_equal(turned.labels, np.rot90(straight.labels, -1))
    np.testing.assert_allclose(turned.image[0], np.rot90(straight.image[0], -1), atol=1e-4)
    np.testing.assert_array_equal(cut(stack, 1, mirrored=True, **options).labels, straight.labels[:, ::-1])  # type: ignore[arg-type]


def test_coarser_pixels_keep_the_area() -> None:
    stack = _stack()
    piece = cut(stack, 1, pixels=(12, 12), pixel_mm=2.0, center=middle_of(stack, 1))
    assert (piece.labels == 1).sum() * 4 == pytest.approx(60, abs=16)  # half a pixel at each edge


def test_drawn_pieces_hold_the_heart_at_any_angle() -> None:
    stack, options = _stack(), {"pixels": (24, 24), "pixel_mm": (0.9, 1.2), "off_center_mm": 1.0, "neighbours": False}
    drawn = [draw_cut(np.random.default_rng(seed), stack, **options) for seed in range(20)]  # type: ignore[arg-type]
    labelled = [one for one in drawn if one.labels.any()]
    assert 2 <= len(labelled) < 20  # one of three slices is labelled
    areas = [(one.labels == 1).sum() for one in labelled]
    assert min(areas) > 30
    assert max(areas) < 90
