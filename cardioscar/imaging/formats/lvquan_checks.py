"""Whether masks and indices of an LVQuan file fit each other, and in which unit the indices are."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import InputError, counted
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label

INSIDE = 0.9
"""Least share of the endocardial mask that lies in the epicardial one: hand-drawn contours cross by some pixels."""
AREAS_DIFFER = 0.15
"""Share by which areas may differ from the pixels of their masks: contours are smoother than pixels."""

log = logging.getLogger(__name__)


def check_masks(
    where: str, endo: np.ndarray, epi: np.ndarray, shape: tuple[int, ...]
) -> tuple[Bool[np.ndarray, "rows columns frames"], Bool[np.ndarray, "rows columns frames"]]:
    """Two masks as booleans; each has the images' shape, two values, and the one lies in the other.

    A frame with neither is legal; one with a cavity and no wall is not.

    Raises:
        InputError: Naming what does not hold.
    """
    found = []
    for name, mask in (("endocardial", endo), ("epicardial", epi)):
        if mask.shape != shape:
            finding = "×".join(map(str, mask.shape))
            raise InputError(where, f"{name} masks of {'×'.join(map(str, shape))}", finding)
        values = np.unique(mask)
        if len(values) > 2 or values[0] != 0:
            raise InputError(where, f"{name} masks of 0 and one other number", f"{len(values)} numbers")
        found.append(mask != 0)
    inside, whole = (found[0] & found[1]).sum(axis=(0, 1)), found[0].sum(axis=(0, 1))
    outside = int((inside < INSIDE * whole).sum())
    if outside:
        finding = f"{counted(outside, 'frame')} where much of it is outside (contours of other slices?)"
        raise InputError(where, "an endocardium within the epicardium", finding)
    return found[0], found[1]


def index_scale(
    where: str,
    tables: Mapping[str, Float[np.ndarray, "rows frames"]],
    labels: Cine | None,
    pixel_mm: Float[np.ndarray, " axes"],
    side: int,
) -> float:
    """Millimetres of one unit of length of the file's indices.

    Args:
        where: File name, for errors.
        tables: `areas`, `dims` and `rwt`, as they are in the file; any may be missing.
        labels: Wall and cavity, where there are masks.
        pixel_mm: Pixel size along rows and columns.
        side: Pixels along a side of the image, by which lengths may be normalised.

    Raises:
        InputError: If a number is negative, or the cavity's areas fit its mask in no unit.
    """
    if any((table < 0).any() for table in tables.values()):
        raise InputError(where, "areas, dimensions and thicknesses of at least 0", "negative ones")
    pixel = float(np.sqrt(pixel_mm.prod()))
    units = {"mm": 1.0, "pixels": pixel, "shares of the image's side": side * pixel}
    if "areas" in tables and labels is not None:
        pixels = (labels.values == Label.BLOOD_POOL).sum(axis=(0, 1, 2))
        drawn = pixels > 0
        if drawn.any():
            mm2 = float(np.median(pixels[drawn])) * pixel**2
            stated = float(np.median(tables["areas"][0, drawn]))
            ratios = {name: stated * mm**2 / mm2 for name, mm in units.items()}
            name = min(ratios, key=lambda unit: abs(np.log(max(ratios[unit], 1e-12))))
            if abs(ratios[name] - 1) > AREAS_DIFFER:
                finding = f"{ratios[name]:.2f} of them at best"
                raise InputError(where, "cavity areas (first of two) as large as their masks", finding)
            log.info("%s: indices are in %s", where, name)
            return units[name]
    largest = max((float(table.max()) for table in tables.values()), default=0.0)
    name = "shares of the image's side" if largest <= 1 else "mm"
    if tables:
        log.warning("%s: nothing says in which unit its indices are; they were taken for %s", where, name)
    return units[name]
