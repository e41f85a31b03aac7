"""Displacement fields on a mask, in the layout of StrainNet: `displacement.npz`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.activation.formats.given import Given
from cardioscar.activation.strain.displacement import DisplacementField
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.array_files import read_npz

_FARTHEST = 0.25
"""A pixel that moves by more than this share of the picture is no wall's."""


def read_displacement(path: Path, given: Given = Given()) -> DisplacementField:
    """Read a displacement field.

    Args:
        path: Archive of `mask`, shape (1, H, W, T), 0 or 1; `displacement`, shape (2, H, W, T), in pixels, along
            columns and then along rows, Lagrangian: told at the place where the pixel was at the reference; `pixel_mm`,
            one number or height and width; `frame_ms`, shape (T,), or the time between frames; and, where known,
            `location_mm`. A mask that is the same in all frames may have one; its wall may be 1 or 255. An axis of
            length 1 before the others is left out; the two components may come last.
        given: Pixel size, frame times and location, where the archive does not have them.

    Returns:
        The field on the mask of the first frame. Where later masks are other ones and the displacement is 0 outside of
        them, it is taken to be unknown there.

    Raises:
        InputError: If mask and displacement do not fit each other, values are not finite in the wall, or pixel size or
            frame times are missing.
    """
    where = path.name
    stored = read_npz(path, {"mask", "displacement", "pixel_mm", "frame_ms", "location_mm"})
    for name in ("mask", "displacement"):
        if name not in stored:
            raise InputError(where, f"'{name}' beside '{'displacement' if name == 'mask' else 'mask'}'", "none")
    displacement, mask = _axes_in_order(stored["displacement"]), stored["mask"]
    if displacement.ndim != 4 or displacement.shape[0] != 2 or displacement.dtype.kind not in "fiu":
        rule = "displacement of shape (2, rows, columns, frames) in pixels"
        raise InputError(where, rule, f"shape {displacement.shape}, {displacement.dtype}")
    masks = _masks(mask, displacement.shape[1:], where)
    wall = masks[..., 0]
    if not wall.any():
        raise InputError(where, "a mask of the wall", "an empty one")
    moved = (displacement != 0).any(axis=0) & ~np.isnan(displacement).any(axis=0)
    known = wall[..., None] & (masks | moved)
    bad = int((~np.isfinite(displacement).all(axis=0) & known).sum())
    if bad:
        raise InputError(where, "finite displacement in the wall", f"{bad} values that are not finite")
    farthest = float(np.abs(np.where(known, displacement, 0)).max())
    if farthest > _FARTHEST * max(wall.shape):
        raise InputError(where, "displacement in pixels, within the picture", f"one of {farthest:.3g} pixels")
    location = stored.get("location_mm")
    return DisplacementField(
        mask=wall,
        displacement=np.where(known, displacement, 0).astype(np.float32),
        known=known,
        pixel_mm=given.pixel(stored.get("pixel_mm"), where=where),
        frame_ms=given.times(stored.get("frame_ms"), displacement.shape[3], where=where),
        location_mm=given.location_mm if location is None else float(np.ravel(location)[0]),
        source=where,
    )


def write_displacement(path: Path, field: DisplacementField) -> None:
    """Write a field as `read_displacement` reads it.

    Raises:
        PlatformError: If it cannot be written.
    """
    masks = np.broadcast_to(field.mask[..., None], field.displacement.shape[1:])[None].astype(np.uint8)
    stored: dict[str, Any] = {
        "mask": masks,
        "displacement": field.displacement.astype(np.float32),
        "pixel_mm": np.array(field.pixel_mm),
        "frame_ms": field.frame_ms,
    }
    if field.location_mm is not None:
        stored["location_mm"] = np.array(field.location_mm)
    with atomic_file(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **stored)


def _axes_in_order(displacement: np.ndarray) -> np.ndarray:
    """Components, rows, columns, frames."""
    if displacement.ndim == 5 and displacement.shape[0] == 1:
        displacement = displacement[0]
    if displacement.ndim == 4 and displacement.shape[-1] == 2 and displacement.shape[0] > 2:
        return np.moveaxis(displacement, -1, 0)
    return displacement


def _masks(mask: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """The mask of each frame, shape (rows, columns, frames)."""
    while mask.ndim > 3 and mask.shape[0] == 1:
        mask = mask[0]
    if mask.ndim == 2:
        mask = mask[..., None]
    if mask.ndim != 3 or mask.shape[:2] != shape[:2] or mask.shape[2] not in (1, shape[2]):
        raise InputError(
            where, f"a mask that fits the displacement, (1, {', '.join(map(str, shape))})", f"{mask.shape}"
        )
    if not (np.isin(mask, (0, 1)).all() or np.isin(mask, (0, 255)).all()):
        raise InputError(where, "a mask of 0 and 1", "other values")
    return np.broadcast_to(mask != 0, shape)
