from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.labels import Label
from cardioscar.lge.training.labelled import find_labelled, read_labelled

LABELS = np.zeros((20, 30), np.uint8)
LABELS[5:15, 5:15], LABELS[8:12, 8:12], LABELS[5:8, 5:15] = Label.MYOCARDIUM, Label.BLOOD_POOL, Label.SCAR


def write(folder: Path, name: str, image: np.ndarray, labels: np.ndarray = LABELS) -> None:
    """A slice (i, j) and its mask as pictures, in which i runs across."""
    for kind, values in (("images", image), ("masks", labels)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values.T).save(folder / kind / f"{name}.png")


def grey(bits: int) -> np.ndarray:
    values = np.linspace(0, 2**bits - 1, 600).reshape(20, 30)
    return values.astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("bits", [8, 16])
def test_slices_are_put_together_by_subject_in_the_order_of_their_numbers(tmp_path: Path, bits: int) -> None:
    for number in (10, 2):
        write(tmp_path, f"P01_{number}", grey(bits) // number)
    write(tmp_path, "P02_slice_1", grey(bits))
    first, second = find_labelled(tmp_path)
    assert (first.subject, second.subject) == ("P01", "P02")
    stack = read_labelled(first, png_pixel_mm=1.25)
    assert stack.image.shape == stack.labels.shape == (20, 30, 2)
    assert stack.pixel_mm == (1.25, 1.25)
    np.testing.assert_array_equal(stack.image[..., 0], grey(bits) // 2)
    np.testing.assert_array_equal(stack.labels[..., 1], LABELS)


@pytest.mark.parametrize(
    ("image", "labels", "error", "message"),
    [
        (np.zeros((30, 20, 3), np.uint8), LABELS, InputError, "P01_1.png: expected a grey PNG of 8 or 16 bits, found"),
        (grey(8), LABELS[:10], GeometryError, "P01_1.png: expected a mask of 20×30 pixels, found 10×30"),
        (grey(8), np.zeros_like(LABELS), InputError, "P01_1.png: expected labelled pixels, found none"),
        (grey(8), LABELS * 85, InputError, "P01_1.png: expected labels 0, 1, 2, 3"),
    ],
    ids=["colour", "another size", "empty mask", "wrong values"],
)
def test_a_bad_picture_is_refused_by_name(
    tmp_path: Path, image: np.ndarray, labels: np.ndarray, error: type[Exception], message: str
) -> None:
    if image.ndim == 3:
        write(tmp_path, "P01_1", grey(8), labels)
        Image.fromarray(image).save(tmp_path / "images" / "P01_1.png")
    else:
        write(tmp_path, "P01_1", image, labels)
    [one] = find_labelled(tmp_path)
    with pytest.raises(error, match=message):
        read_labelled(one, png_pixel_mm=1.0)


def test_a_pixel_size_must_be_given_and_the_file_be_whole(tmp_path: Path) -> None:
    write(tmp_path, "P01_1", grey(8))
    [one] = find_labelled(tmp_path)
    with pytest.raises(InputError, match="expected a pixel size for PNG slices"):
        read_labelled(one)
    (tmp_path / "images" / "P01_1.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(InputError, match="P01_1.png: expected a whole PNG, found another file"):
        read_labelled(one, png_pixel_mm=1.0)


def test_slices_of_a_subject_have_one_size(tmp_path: Path) -> None:
    write(tmp_path, "P01_1", grey(8))
    write(tmp_path, "P01_2", grey(8)[:, :25], LABELS[:, :25])
    [one] = find_labelled(tmp_path)
    with pytest.raises(GeometryError, match="slices of one size"):
        read_labelled(one, png_pixel_mm=1.0)


def test_a_slice_of_a_labelled_subject_is_said_by_numbers(tmp_path: Path) -> None:
    write(tmp_path, "MUELLER_HANS_1", grey(8))
    write(tmp_path, "MUELLER_HANS_2", grey(8), LABELS * 85)
    [one] = find_labelled(tmp_path)
    with pytest.raises(
        InputError, match="^labelled subject 1: labels of slice 2: expected labels 0, 1, 2, 3"
    ) as raised:
        read_labelled(one, png_pixel_mm=1.0, spoken="labelled subject 1")
    assert "MUELLER" not in str(raised.value)
    with pytest.raises(InputError, match="^labelled subject 1: image: expected a pixel size for PNG slices"):
        read_labelled(one, spoken="labelled subject 1")
