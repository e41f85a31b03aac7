"""One slice, ready to be drawn, and turned as radiologists expect it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cardioscar.errors import InputError
from cardioscar.report.sectors import Sectors


@dataclass(frozen=True)
class SliceView:
    """One slice, ready to be drawn. Arrays have shape (i, j).

    Attributes:
        number: Number of the slice in its source.
        background: LGE intensity (any scale), or the observed scar fraction where there is no image.
        wall: Pixels of the LV wall.
        observed_scar: Observed scar, mask or fraction 0 to 1.
        predicted: Reconstructed scar probability, 0 to 1; NaN where there is none (outside the wall).
        hidden: The fit did not see the scar of this slice.
        pixel_mm: Pixel size along i and along j.
        directions: Direction of i and of j in the patient (LPS), unit vectors in rows, shape (2, 3). With it the
            slice is turned as radiologists expect and its sides are named; without, i runs to the right, j downwards.
        sectors: AHA sectors of the slice, where they are known.
        height_mm: How far its middle lies above the apical end of the wall, along the long axis, where that is known.
        corners_mm: Corners of the slice in order, LPS, shape (4, 3), where they are known.
    """

    number: int
    background: np.ndarray
    wall: np.ndarray
    observed_scar: np.ndarray
    predicted: np.ndarray
    hidden: bool = False
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    directions: np.ndarray | None = None
    sectors: Sectors | None = None
    corners_mm: np.ndarray | None = None
    height_mm: float | None = None

    def __post_init__(self) -> None:
        shapes = {name: np.shape(getattr(self, name)) for name in ("background", "wall", "observed_scar", "predicted")}
        if len(set(shapes.values())) > 1 or len(shapes["wall"]) != 2:
            finding = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise InputError(f"slice {self.number}", "four arrays of one shape (i, j)", finding)

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the image in mm, pixel (0, 0) centred at the origin."""
        (rows, columns), (di, dj) = self.wall.shape, self.pixel_mm
        return -di / 2, (rows - 0.5) * di, (columns - 0.5) * dj, -dj / 2

    @property
    def wall_box_mm(self) -> np.ndarray:
        """Least and greatest (i, j) position of the wall in mm, shape (2, 2)."""
        index = np.argwhere(self.wall)
        return np.stack([index.min(axis=0), index.max(axis=0)]) * np.asarray(self.pixel_mm)


def as_displayed(view: SliceView) -> SliceView:
    """Turn a slice so that i runs to the right of the picture and j down it, as on a radiologist's screen.

    The patient's left is on the right of the picture, or the back where the plane has no left; down is towards the
    back and the feet. Only flips and a swap of the axes: no pixel is resampled.

    Args:
        view: Slice with `directions`; without, it is returned as it is.

    Returns:
        The same slice with its arrays, pixel size and directions rearranged.
    """
    if view.directions is None:
        return view
    steps = np.asarray(view.directions, dtype=float)
    across, down = steps @ (1.0, 0.5, 0.0), steps @ (0.0, 0.5, -1.0)
    swap = abs(across[1]) + abs(down[0]) > abs(across[0]) + abs(down[1])
    order = (1, 0) if swap else (0, 1)
    flips = (1 if across[order[0]] >= 0 else -1, 1 if down[order[1]] >= 0 else -1)

    def turned(image: np.ndarray) -> np.ndarray:
        return np.transpose(image, order)[:: flips[0], :: flips[1]]

    return replace(
        view,
        background=turned(view.background),
        wall=turned(view.wall),
        observed_scar=turned(view.observed_scar),
        predicted=turned(view.predicted),
        pixel_mm=(view.pixel_mm[order[0]], view.pixel_mm[order[1]]),
        directions=steps[list(order)] * np.array(flips)[:, None],
        sectors=None
        if view.sectors is None
        else view.sectors.turned(order, flips, (view.wall.shape[0], view.wall.shape[1]), np.asarray(view.pixel_mm)),
    )


def side_letters(direction: np.ndarray) -> str:
    """Letters of the sides of the patient that a direction points to, the main one first.

    Args:
        direction: Unit vector, LPS.

    Returns:
        One or two of L, R, P, A, S, I.

    >>> side_letters(np.array([0.9, -0.42, 0.1]))
    'LA'
    """
    order = np.argsort(-np.abs(direction))[:2]
    # beyond 66° from an axis the direction says nothing of it
    return "".join("LPS"[k] if direction[k] > 0 else "RAI"[k] for k in order if abs(direction[k]) > 0.4)
