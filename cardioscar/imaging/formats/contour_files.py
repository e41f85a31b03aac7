"""Contours of the Sunnybrook layout of 2009: a text file for each contour, named by the number of its image.

`IM-0001-0048-icontour-manual.txt` holds the endocardium drawn on image 48 of the cine, `…-ocontour-…` the epicardium: a
line for each point with its column and row, counted from 1 [@radau2009]. Contours of papillary muscles (`p1contour`,
`p2contour`) are left out: these muscles count as cavity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import InputError

_NAME = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt", re.IGNORECASE)
_MOST_BYTES = 1 << 20
"""Size of a file beyond which it is no contour: points of every pixel's edge fit in."""
_TOUCHES = 1e-6
"""Twice the area of the triangle of an edge and a centre on it, square pixels: points have two decimals."""


@dataclass(frozen=True)
class Contour:
    """A closed line that somebody drew on one image.

    Attributes:
        image: Number of the image, as its DICOM header counts (0020,0013).
        epicardium: Whether it is the outer line; else the inner one.
        points: Column and row of each point, pixel centres at whole numbers from 0, shape (points, 2).
        source: Name of its file.
    """

    image: int
    epicardium: bool
    points: Float[np.ndarray, "points 2"]
    source: str

    def inside(self, shape: tuple[int, int]) -> Bool[np.ndarray, "columns rows"]:
        """Pixels whose centre lies inside the line or on it, as the field draws these contours.

        Raises:
            InputError: If the line leaves the picture.
        """
        if (self.points < -0.5).any() or (self.points > np.array(shape) - 0.5).any():
            raise InputError(self.source, f"points in a picture of {shape[0]}×{shape[1]} pixels", "one beyond it")
        first = np.floor(self.points.min(axis=0)).astype(int).clip(0)
        last = np.ceil(self.points.max(axis=0)).astype(int)
        axes = [np.arange(a, min(b, size - 1) + 1) for a, b, size in zip(first, last, shape, strict=True)]
        column, row = np.meshgrid(*axes, indexing="ij")
        odd, on = np.zeros((2, *column.shape), dtype=bool)
        for (x, y), (u, v) in zip(self.points, np.roll(self.points, -1, axis=0), strict=True):
            aside = np.abs((u - x) * (row - y) - (v - y) * (column - x)) < _TOUCHES
            along = (np.minimum(x, u) <= column) & (column <= np.maximum(x, u))
            on |= aside & along & (np.minimum(y, v) <= row) & (row <= np.maximum(y, v))
            if y != v:
                crossing = x + (row - y) / (v - y) * (u - x)
                odd ^= ((y > row) != (v > row)) & (column < crossing)
        found = np.zeros(shape, dtype=bool)
        found[np.ix_(*axes)] = odd | on
        return found


def contour_files(folder: Path) -> list[Path]:
    """Files of contours in a folder and those within, in the order of their names."""
    return sorted((path for path in folder.rglob("*.txt") if _NAME.fullmatch(path.name)), key=lambda path: path.name)


def read_contours(paths: Iterable[Path]) -> list[Contour]:
    """Read files of contours.

    Args:
        paths: As `contour_files` finds them.

    Raises:
        InputError: If a file cannot be read, holds no closed line, or stands for a contour that another one holds.
    """
    found: dict[tuple[int, bool], Contour] = {}
    for path in paths:
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise InputError(path.name, "a name such as IM-0001-0048-icontour-manual.txt", "another")
        one = Contour(int(name[1]), name[2].lower() == "o", _points(path), path.name)
        if (one.image, one.epicardium) in found:
            raise InputError(path.name, "one contour of its kind for each image", "two (of two readers?)")
        found[one.image, one.epicardium] = one
    return list(found.values())


def _points(path: Path) -> Float[np.ndarray, "points 2"]:
    rule = "a line for each point with its column and row"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(path.name, rule, "a file of another size")
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        points = np.array([[float(x), float(y)] for x, y in rows])
    except OSError:
        raise InputError(path.name, "a file of points", "none that can be read") from None
    except ValueError:
        raise InputError(path.name, rule, "something else") from None
    if len(points) < 3 or not np.isfinite(points).all():
        raise InputError(path.name, "three points or more, finite", "others")
    return points - 1
