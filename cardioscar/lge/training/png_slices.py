"""Slices and masks as grey PNG pictures, a file for each slice, as published code reads them; they state no sizes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.errors import GeometryError, InputError
from cardioscar.identity.spoken_names import labelled_part
from cardioscar.imaging.labels import map_labels

ENDING = ".png"
MOST_SIDE = 4096
"""Rows or columns of a picture."""
_OF_SUBJECT = re.compile(r"(.+?)[_-](?:slice|s|z|k)?[_-]?\d+", re.IGNORECASE)
_GREY = {"L": np.uint8, "I;16": np.uint16, "I;16B": np.uint16, "I": np.int32, "1": np.uint8}
"""Modes of Pillow with one channel: 8 and 16 bits, and what older versions make of 16."""


def subject_of(stem: str) -> str:
    """The subject of a slice by its name, by which it is split: what stands before the number of the slice.

    >>> subject_of("P01_slice_07"), subject_of("P01-7"), subject_of("case")
    ('P01', 'P01', 'case')
    """
    found = _OF_SUBJECT.fullmatch(stem)
    return found[1] if found else stem


def by_subject(pictures: Mapping[str, Path], masks: Mapping[str, Path]) -> dict[str, tuple[tuple[Path, Path], ...]]:
    """Pairs of picture and mask by subject, in the order of their names.

    Args:
        pictures: Path by stem.
        masks: Likewise; with every stem of the pictures.
    """
    found: dict[str, list[tuple[Path, Path]]] = defaultdict(list)
    for stem in sorted(pictures, key=_in_order):
        found[subject_of(stem)].append((pictures[stem], masks[stem]))
    return {subject: tuple(pairs) for subject, pairs in found.items()}


def read_slices(
    pairs: tuple[tuple[Path, Path], ...], table: str, spoken: str = ""
) -> tuple[Float[np.ndarray, "i j slices"], UInt8[np.ndarray, "i j slices"]]:
    """Read the slices of a subject and their masks.

    Args:
        pairs: Picture and mask of each slice.
        table: Convention of the masks, a key of `LABEL_TABLES`.
        spoken: What errors call the subject; empty for the names of its files.

    Returns:
        Grey values and `Label` of each pixel.

    Raises:
        InputError: If a picture is no grey PNG, or a value of a mask is not in the table.
        GeometryError: If a mask has another size than its picture, or slices of a subject differ in size.
    """
    images, labels = [], []
    for number, (picture, mask) in enumerate(pairs, start=1):
        with labelled_part(spoken, f"image of slice {number}", picture):
            grey = read_grey(picture)
        with labelled_part(spoken, f"labels of slice {number}", mask):
            marked = read_grey(mask)
            if grey.shape != marked.shape:
                raise GeometryError(mask.name, f"a mask of {_size(grey)} pixels", _size(marked))
            labels.append(map_labels(marked, table, where=mask.name))
        images.append(grey.astype(np.float32))
    sizes = sorted({one.shape for one in images})
    if len(sizes) > 1:
        with labelled_part(spoken, "images", pairs[0][0]):
            raise GeometryError(pairs[0][0].name, "slices of one size", " and ".join(f"{i}×{j}" for i, j in sizes))
    return np.stack(images, axis=-1), np.stack(labels, axis=-1)


def read_grey(path: Path) -> np.ndarray:
    """Read a grey PNG of 8 or 16 bits, shape (i, j), i across the picture.

    Raises:
        InputError: If it is none.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.mode not in _GREY:
                raise InputError(
                    path.name, "a grey PNG of 8 or 16 bits", f"one with {len(picture.getbands())} channels"
                )
            if max(picture.size) > MOST_SIDE:
                raise InputError(path.name, f"a picture of up to {MOST_SIDE} rows and columns", "a larger one")
            return np.asarray(picture, dtype=_GREY[picture.mode]).T.copy()
    except (OSError, ValueError, SyntaxError):
        raise InputError(path.name, "a whole PNG", "another file") from None


def _in_order(stem: str) -> tuple[object, ...]:
    """Names with numbers in the order of the numbers."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", stem))


def _size(values: np.ndarray) -> str:
    return "×".join(map(str, values.shape))
