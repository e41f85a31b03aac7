"""Subjects in the layout of the LVQuan 2018 challenge: one `.mat` file each, whose names vary between releases."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.lvquan_checks import check_masks, index_scale
from cardioscar.imaging.formats.mat_arrays import read_mat_arrays
from cardioscar.imaging.formats.volume_files import VOXEL_MM
from cardioscar.imaging.formats.voxel_bytes import check_finite
from cardioscar.imaging.labels import Label

log = logging.getLogger(__name__)

MAX_FRAMES = 200
"""Frames of one subject; collections hold thousands, which are many subjects' in one file."""

_SLICE_MM = 10.0
"""Step along the normal of the one slice: the layout states none, and nothing is computed from it."""


@dataclass(frozen=True)
class LVQuanSubject:
    """What one file of the layout holds; lengths in mm.

    Attributes:
        cine: One slice; i runs across the picture, j down it, in a frame that is no patient's. Times are unknown.
        labels: Wall and cavity from the two masks, on the same grid; None where there are no masks.
        areas_mm2: Cavity and myocardium, shape (2, frames); None where not given, and so below.
        dimensions_mm: IS–AL, I–A and IL–AS, shape (3, frames).
        thickness_mm: IS, I, IL, AL, A and AS, shape (6, frames).
        systole: Whether each frame is of systole (phase 1), shape (frames,).
        read_as: Which variable of the file was taken for what.
    """

    cine: Cine
    labels: Cine | None
    areas_mm2: Float[np.ndarray, "2 frames"] | None
    dimensions_mm: Float[np.ndarray, "3 frames"] | None
    thickness_mm: Float[np.ndarray, "6 frames"] | None
    systole: Bool[np.ndarray, " frames"] | None
    read_as: Mapping[str, str]


@dataclass(frozen=True)
class _Kind:
    """One thing that a file holds: what it is called in messages, words of its names, and its shape."""

    rule: str
    words: tuple[str, ...]
    fits: Callable[[np.ndarray, int], bool]
    others: tuple[str, ...] = ()


def _rows(count: int) -> Callable[[np.ndarray, int], bool]:
    return lambda values, frames: values.shape in ((count, frames), (frames, count))


_KINDS = {
    "endo": _Kind("endocardial masks of the images' shape", ("endo",), lambda v, n: v.ndim == 3 and v.shape[2] == n),
    "epi": _Kind("epicardial masks of the images' shape", ("epi",), lambda v, n: v.ndim == 3 and v.shape[2] == n),
    "areas": _Kind("areas, 2 a frame", ("area",), _rows(2)),
    "dims": _Kind("dimensions, 3 a frame", ("dim",), _rows(3)),
    "rwt": _Kind("regional wall thicknesses, 6 a frame", ("rwt", "thick", "wall"), _rows(6)),
    "phase": _Kind("a phase of 0 or 1 for each frame", ("phase",), lambda v, n: v.size == n),
}
_PIXEL = ("pix", "spac")
_IMAGE = ("image", "img", "cine", "lv")


def read_lvquan(path: Path, *, needs: str = "all") -> LVQuanSubject:
    """Read one subject.

    Variables are told by their names (any that hold the layout's words, whatever stands beside them) and by their
    shapes; where no name fits, the only variable of the right shape is taken. What was read as what is logged.
    Lengths may be in mm, in pixels, or normalised by the side of the image (areas by its square): the cavity's area
    tells which, where there are masks; without them, numbers of at most 1 are normalised, and others in mm.

    Args:
        path: `.mat` of version 5 to 7.2, arrays [row, column, frame].
        needs: `all` wants masks, indices and phase; `images` the images and the pixel spacing alone.

    Raises:
        InputError: If it is no such file, something is missing or has a wrong shape, there is one frame, values are not
            finite, masks hold other numbers than two, or do not lie in each other, or areas fit no masks.
        GeometryError: If the pixel spacing is no size of a heart's pixels.
    """
    where = path.name
    with claimed_memory(where):
        arrays = read_mat_arrays(path)
    image = _find_images(where, arrays)
    images = arrays[image]
    frames = int(images.shape[2])
    pixel = _find_pixel(where, arrays)
    pixel_mm = _pixel_mm(where, arrays[pixel])
    names = {"images": image, "pixel spacing": pixel}
    found: dict[str, np.ndarray] = {}
    for key, kind in _KINDS.items():
        name = _find(arrays, kind, frames, set(names.values()), where)
        if name is not None:
            names[key], found[key] = name, arrays[name]
    missing = [kind.rule for key, kind in _KINDS.items() if key not in found]
    if needs == "all" and missing:
        raise InputError(where, ", ".join(missing), "none of that name or shape")
    for values in (images, *found.values()):
        check_finite(where, values)
    log.info("%s: %s", where, ", ".join(f"{name} read as {key}" for key, name in names.items()))
    affine = np.diag([pixel_mm[1], pixel_mm[0], _SLICE_MM, 1.0])
    cine = Cine(np.swapaxes(images, 0, 1)[:, :, None, :], affine, None, where)
    labels = None
    if "endo" in found and "epi" in found:
        endo, epi = check_masks(where, found["endo"], found["epi"], images.shape)
        values = np.where(endo, Label.BLOOD_POOL, np.where(epi, Label.MYOCARDIUM, Label.BACKGROUND))
        labels = cine.with_values(np.swapaxes(values.astype(np.uint8), 0, 1)[:, :, None, :])
    tables = {key: _table(found[key], rows) for key, rows in (("areas", 2), ("dims", 3), ("rwt", 6)) if key in found}
    length_mm = index_scale(where, tables, labels, pixel_mm, images.shape[0])
    return LVQuanSubject(
        cine,
        labels,
        tables["areas"] * length_mm**2 if "areas" in tables else None,
        tables["dims"] * length_mm if "dims" in tables else None,
        tables["rwt"] * length_mm if "rwt" in tables else None,
        _systole(where, found["phase"]) if "phase" in found else None,
        names,
    )


def _find_images(where: str, arrays: Mapping[str, np.ndarray]) -> str:
    """The one array of three axes that is no mask."""
    masks = ("endo", "epi", "mask", "seg", "label")
    stacks = [n for n, v in arrays.items() if v.ndim == 3 and not any(word in n.lower() for word in masks)]
    named = [n for n in stacks if any(word in n.lower() for word in _IMAGE[:3])] or stacks
    named = [n for n in named if len(np.unique(arrays[n])) > 2] or named
    flat = [n for n, v in arrays.items() if v.ndim == 2 and any(word in n.lower() for word in _IMAGE[:3])]
    if not named and flat and min(arrays[flat[0]].shape) > 1:
        raise InputError(where, "at least two frames of a beat", "one image")
    if len(named) != 1:
        raise InputError(where, "one array of images [row, column, frame]", f"{len(named) or 'none'}")
    shape = arrays[named[0]].shape
    if min(shape) < 2 or shape[2] > MAX_FRAMES or min(shape[:2]) < 16:
        finding = "×".join(map(str, shape))
        raise InputError(where, f"images [row, column, frame] of 2 to {MAX_FRAMES} frames of one subject", finding)
    return named[0]


def _find_pixel(where: str, arrays: Mapping[str, np.ndarray]) -> str:
    named = [n for n, v in arrays.items() if any(word in n.lower() for word in _PIXEL) and v.ndim <= 2]
    fitting = [n for n in named if arrays[n].size in (1, 2)]
    if len(fitting) != 1:
        rule = "one pixel spacing in mm (a name with 'pix' or 'spac', 1 or 2 numbers)"
        finding = f"{len(fitting)}" if fitting else "numbers of another shape" if named else "none"
        raise InputError(where, rule, finding)
    return fitting[0]


def _pixel_mm(where: str, values: np.ndarray) -> Float[np.ndarray, " axes"]:
    sizes = np.broadcast_to(values.ravel().astype(float), (2,))
    if not np.isfinite(sizes).all() or sizes.min() < VOXEL_MM[0] or sizes.max() > VOXEL_MM[1]:
        raise GeometryError(where, f"pixels of {VOXEL_MM[0]:g} to {VOXEL_MM[1]:g} mm", "others (another unit?)")
    return sizes


def _find(arrays: Mapping[str, np.ndarray], kind: _Kind, frames: int, taken: set[str], where: str) -> str | None:
    named = [n for n in arrays if n not in taken and any(word in n.lower() for word in kind.words)]
    fitting = [n for n in named if kind.fits(arrays[n], frames)]
    if named and not fitting:
        shapes = " and ".join(sorted({"×".join(map(str, arrays[n].shape)) for n in named}))
        raise InputError(where, f"{kind.rule} ({frames} frames)", f"shape {shapes}")
    if len(fitting) > 1:
        raise InputError(where, f"one variable of {kind.rule}", f"{len(fitting)}")
    if fitting or kind.words[0] in ("endo", "epi"):
        return fitting[0] if fitting else None
    words = [word for other in _KINDS.values() for word in other.words]
    unnamed = [n for n in arrays if n not in taken and not any(word in n.lower() for word in words)]
    by_shape = [n for n in unnamed if kind.fits(arrays[n], frames)]
    return by_shape[0] if len(by_shape) == 1 else None


def _table(values: np.ndarray, rows: int) -> Float[np.ndarray, "rows frames"]:
    """Indices as rows; a square table is one of rows already."""
    return (values if values.shape[0] == rows else values.T).astype(float)


def _systole(where: str, values: np.ndarray) -> Bool[np.ndarray, " frames"]:
    phase: Int[np.ndarray, " frames"] = values.ravel().astype(int)
    if not np.array_equal(phase, values.ravel()) or not set(phase.tolist()) <= {0, 1}:
        raise InputError(where, "a phase of 0 (diastole) or 1 (systole) for each frame", "other numbers")
    return phase == 1
