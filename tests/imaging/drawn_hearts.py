"""Label volumes of a ventricle drawn by formula, and what readers, networks and other conventions make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume

PIXEL_MM, APART_MM = 1.4, 8.0
RIGHT_VENTRICLE = 9
"""Stands for a cavity that cardioscar has no label for."""


def heart(*, slices: int = 9, scar_deg: float = 70.0, wall_mm: float = 9.0, radius_mm: float = 24.0) -> np.ndarray:
    """Labels of a ventricle that narrows to an apical cap without cavity, shape (i, j, k), scar on one side."""
    i, j = np.indices((80, 76)) * PIXEL_MM
    y, x = i - 58, j - 51
    from_axis, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x))
    labels = np.zeros((80, 76, slices + 2), np.uint8)
    for k in range(slices):
        inner = radius_mm * np.sqrt(np.clip(1 - ((slices - 1 - k) / (slices - 0.7)) ** 2, 0, 1)) - 5 * (k == 0)
        plane = labels[:, :, k + 1]
        plane[from_axis < inner + wall_mm] = Label.MYOCARDIUM
        plane[(from_axis < inner + wall_mm / 2) & (np.abs(angle) < scar_deg / 2) & (k < slices - 2)] = Label.SCAR
        plane[from_axis < inner] = Label.BLOOD_POOL
    return labels


def volume(values: np.ndarray) -> Volume:
    return Volume(values.astype(np.uint8), np.diag([PIXEL_MM, PIXEL_MM, APART_MM, 1.0]), "labels.nii.gz")


def with_right_ventricle(labels: np.ndarray, *, wall: bool = False, cavity: int = RIGHT_VENTRICLE) -> np.ndarray:
    """A crescent beside the septum, with or without a wall of its own."""
    made = labels.copy()
    rows = np.arange(labels.shape[0])[:, None]
    for k in range(labels.shape[2]):
        left = ndimage.binary_fill_holes(labels[:, :, k] > 0)
        if not left.any():
            continue
        reach = max(3, int(0.6 * np.sqrt(left.sum() / np.pi)))
        beside = rows < ndimage.center_of_mass(left)[0]
        right = ndimage.binary_dilation(left, iterations=reach) & ~left & beside
        if wall:
            rim = ndimage.binary_dilation(right, iterations=3) & ~left & ~right
            made[:, :, k][rim] = Label.MYOCARDIUM
        made[:, :, k][right] = cavity
    return made


def numbered(labels: np.ndarray, numbers: dict[int, int]) -> np.ndarray:
    """The same drawing in the numbers of another convention; what has no number there is left out."""
    made = np.zeros_like(labels)
    for label, number in numbers.items():
        made[labels == label] = number
    return made


M, P, S, R = Label.MYOCARDIUM, Label.BLOOD_POOL, Label.SCAR, RIGHT_VENTRICLE
EMIDEC = {P: 1, M: 2, S: 3}
ACDC = {R: 1, M: 2, S: 2, P: 3}
MNMS = {P: 1, M: 2, S: 2, R: 3}


def _each(labels: np.ndarray, edit: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([edit(labels[:, :, k]) for k in range(labels.shape[2])], axis=2)


def without_pool(labels: np.ndarray) -> np.ndarray:
    return np.where(labels == P, 0, labels)


def gap(labels: np.ndarray, pixels: int = 2) -> np.ndarray:
    """Two contours drawn apart from one another."""
    inner = _each(labels == P, lambda pool: ndimage.binary_erosion(pool, iterations=pixels))
    return np.where((labels == P) & ~inner, 0, labels)


def opened(labels: np.ndarray, degrees: float, last: int | None = None) -> np.ndarray:
    """The wall left out over an angle opposite to the scar, in the last slices or in all."""
    i, j = np.indices(labels.shape[:2]) * PIXEL_MM
    away = np.abs(np.degrees(np.arctan2(i - 58, -(j - 51)))) < degrees / 2
    made = labels.copy()
    chosen = made if last is None else made[:, :, -last - 1 :]
    chosen[away[:, :, None] & np.isin(chosen, (M, S))] = 0
    return made


def patchy(labels: np.ndarray, share: float = 0.3) -> np.ndarray:
    lost = np.random.default_rng(0).random(labels.shape) < share
    return np.where(lost & np.isin(labels, (M, S)), 0, labels)


def papillary(labels: np.ndarray, label: int) -> np.ndarray:
    """Two papillary muscles in the cavity, left out of it or drawn as wall."""
    made = labels.copy()
    for row, column in ((38, 30), (46, 43)):
        disc = np.hypot(*np.ogrid[-row : 80 - row, -column : 76 - column]) < 2.6
        made[disc & (made[:, :, 5] == P), 4:8] = label
    return made


def all_around(labels: np.ndarray, slices: int) -> np.ndarray:
    """Transmural scar of the whole apex."""
    made = labels.copy()
    made[:, :, : slices + 1][made[:, :, : slices + 1] == M] = S
    return made


def thick(labels: np.ndarray) -> np.ndarray:
    """A wall so thick that little cavity is left."""

    def edit(plane: np.ndarray) -> np.ndarray:
        depth = ndimage.distance_transform_edt(plane == P)
        return np.where((plane == P) & (depth < 0.6 * depth.max()), M, plane)

    return _each(labels, edit)


LEGAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as drawn": lambda v: v,
    "no blood pool": without_pool,
    "gap between the contours": gap,
    "open at the base": lambda v: opened(v, 150, last=3),
    "open everywhere": lambda v: opened(v, 100),
    "open, without blood pool": lambda v: without_pool(opened(v, 100)),
    "patchy wall": patchy,
    "holes for papillary muscles": lambda v: papillary(v, 0),
    "papillary muscles as wall": lambda v: papillary(v, M),
    "apical half": lambda v: v[:, :, :6],
    "basal half": lambda v: v[:, :, 5:],
    "every second slice": lambda v: v[:, :, 1::2],
    "transmural apex": lambda v: all_around(v, 3),
    "thick wall": thick,
    "thin wall": lambda v: np.where(_each(v == P, lambda p: ndimage.binary_dilation(p, iterations=2)), v, 0),
    "blood pool above the wall": lambda v: np.concatenate([v, np.where(v[:, :, -2:-1] == P, P, 0)], axis=2),
    "coarse": lambda v: v[::3, ::3],
}
"""Drawings that are a ventricle all the same."""
