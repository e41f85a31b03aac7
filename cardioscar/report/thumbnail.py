"""A heart as small as a finger nail: the scar in its see-through wall, always from the same side."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.colors import to_rgb
from PIL import Image
from scipy.ndimage import map_coordinates

from cardioscar.report.style import SCAR_CMAP
from cardioscar.report.wall_volume import WallVolume

NAME = "thumbnail.webp"
SIZE = 96
"""Pixels along each side."""
_TILT = np.radians(18)  # the camera stands a little above the base, as in the large pictures
_WALL = np.array(to_rgb("#8794a1"))
_LIKELY, _SCAR = (np.array(to_rgb(SCAR_CMAP(at))) for at in (0.8, 0.55))
_SAMPLES = 120


def heart_thumbnail(volume: WallVolume, *, threshold: float = 0.5) -> UInt8[np.ndarray, "rows columns rgb"]:
    """Draw the wall as glass and the scar within it, seen from the anterior wall, base up, septum on the left.

    Needs no display and no graphics library: rays are sampled through the volume.

    Args:
        volume: Of the wall, with the channel `probability`; x of its frame looks at the septum, z to the base.
        threshold: Probability from which tissue counts as scar.

    Returns:
        Shape (96, 96, 3); white where there is no heart.
    """
    towards = np.array(
        [0.0, np.cos(_TILT), np.sin(_TILT)]
    )  # from the heart to the camera: y looks at the anterior wall
    up = np.array([0.0, -np.sin(_TILT), np.cos(_TILT)])
    right = np.cross(up, towards)
    reach = _reach(volume)
    line = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    depth = np.linspace(1, -1, _SAMPLES)  # from the camera on
    across = reach * line[None, :, None, None] * right
    points = reach * (-line[:, None, None, None] * up + depth[None, None, :, None] * towards) + across
    index = np.moveaxis((points - volume.low_mm) / volume.voxel_mm, -1, 0)
    distance = map_coordinates(volume.channels["distance"], index, output=np.float32, order=1, cval=255)
    inside = distance < 127.5
    found = np.zeros(distance.shape, dtype=np.float32)
    found[inside] = map_coordinates(volume.channels["probability"], index[:, inside], output=np.float32, order=1) / 255
    picture = np.zeros((SIZE, SIZE, 4))
    # glass: where rays graze the wall they run long in it
    glass = np.clip(inside.sum(axis=2) / _SAMPLES * 2.2, 0, 0.5)
    picture[..., :3], picture[..., 3] = _WALL, np.where(inside.any(axis=2), 0.16 + glass, 0)
    scar = inside & (found >= threshold)
    hit = scar.any(axis=2)
    first = scar.argmax(axis=2)
    light = _light(np.where(hit, first, np.nan) * 2 * reach / _SAMPLES, 2 * reach / SIZE)
    greatest = np.where(scar, found, 0).max(axis=2)
    share = np.clip((greatest - threshold) / max(1 - threshold, 1e-6), 0, 1)[..., None]
    colour = (1 - share) * _SCAR + share * _LIKELY
    picture[hit, :3], picture[hit, 3] = (colour * light[..., None])[hit], 0.97
    opaque = picture[..., 3:] * picture[..., :3] + 1 - picture[..., 3:]  # on white: half the bytes of a see-through one
    return np.round(255 * np.clip(opaque, 0, 1)).astype(np.uint8)


def thumbnail_webp(picture: UInt8[np.ndarray, "rows columns rgb"]) -> bytes:
    """Encode it; equal pictures give equal bytes."""
    stream = BytesIO()
    Image.fromarray(picture).save(stream, format="WEBP", quality=55, method=6)
    return stream.getvalue()


def _reach(volume: WallVolume) -> float:
    """Half the side of the picture in mm: the whole wall fits, however it is turned."""
    wall = np.argwhere(volume.channels["distance"] < 127.5) * volume.voxel_mm + volume.low_mm
    return 1.04 * float(np.abs(wall).max()) if len(wall) else 60.0


def _light(depth_mm: Float[np.ndarray, "rows columns"], pixel_mm: float) -> Float[np.ndarray, "rows columns"]:
    """Brightness of a surface from its depth: 1 where it faces the camera."""
    with np.errstate(invalid="ignore"):
        rise = np.hypot(*np.gradient(depth_mm, pixel_mm))
    return 0.55 + 0.45 / np.sqrt(1 + np.nan_to_num(rise, nan=1.0) ** 2)
