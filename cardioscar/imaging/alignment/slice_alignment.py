"""In-plane misalignment of slices: each is taken in a breath-hold of its own, and the heart lies elsewhere in it.

The wall that was drawn on a slice is registered to the cross-section of a mesh that was not made from it: a smooth step
of the mesh's coverage of each pixel is fitted to the drawn mask by least squares, Gauss–Newton on the two shifts from
the peak of the cross-correlation. The standard error is a jackknife over sectors of the wall, as neighbouring pixels of
one drawn line err together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter
from scipy.signal import fftconvolve
from scipy.special import expit

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.imaging.wall.cross_section import MeshSurface

Finding = Literal["applied", "small", "uncertain", "too far", "no match"]

MAX_SHIFT_MM = 10.0
"""Largest shift that is believed; beyond it slice and mesh are more than a breath-hold apart."""
SMALL_MM = 0.3
"""Shifts below this are left alone."""
LEAST_OVERLAP = 0.5
"""Dice of drawn wall and mesh, once registered, below which they do not show the same thing."""

_SEARCH_MM = 15.0  # beyond the limit, so that what lies beyond is found to lie there
_STEP_WIDTH = 0.15  # share of a pixel by which a reader strays from "wall where it fills half of the pixel"
_LINE_MM = 0.3  # error of a drawn line as a whole, which no part of it tells of
_SECTORS = 8


@dataclass(frozen=True)
class SliceShift:
    """How far the heart lies from its stated place in one slice.

    Attributes:
        number: Number of the slice.
        shift_mm: Displacement of the heart in the picture along i and j, mm, shape (2,).
        error_mm: Standard error of each of the two, mm; infinite where the wall does not tell.
        overlap: Dice of drawn wall and mesh after the shift, 0 to 1; None where no mesh was asked.
        finding: `applied`; or left where it was, as the shift is `small`, `uncertain` or `too far`, or wall and mesh
            are `no match`.
    """

    number: int
    shift_mm: Float[np.ndarray, 2]
    error_mm: float
    overlap: float | None
    finding: Finding

    @property
    def applied(self) -> bool:
        """Whether the slice is to be moved."""
        return self.finding == "applied"


def shifts_to_mesh(mesh: LVMesh, stack: SliceStack) -> list[SliceShift]:
    """Estimate how far the drawn wall of each slice lies from the mesh.

    Each estimate is drawn towards zero by as much as the scatter of the whole stack's estimates is explained by their
    errors (empirical Bayes): in a stack without shifts, errors of contours are not taken for them.

    Args:
        mesh: LV mesh that was not made from these slices.
        stack: Slices whose observed pixels are the wall as drawn.

    Returns:
        One row for each slice with wall, in the order of the stack.
    """
    surface = MeshSurface.of(mesh)
    fits = [_register(surface, piece) for piece in stack if piece.observed.any()]
    used = [fit for fit in fits if fit.doubt is None]
    excess = [float(fit.shift_mm @ fit.shift_mm - np.trace(fit.covariance)) / 2 for fit in used]
    variance = max(0.0, float(np.mean(excess))) if excess else 0.0
    return [_judged(fit, variance) for fit in fits]


def aligned(stack: SliceStack, shifts: Iterable[SliceShift]) -> SliceStack:
    """Move the frames of slices so that the heart lies where it is; pixels keep their values.

    Args:
        stack: Slices.
        shifts: What was found; only `applied` ones count.

    Returns:
        The stack; the very same slices where nothing is applied.
    """
    moves = {row.number: row.shift_mm for row in shifts if row.applied}

    def moved(piece: Slice) -> Slice:
        if piece.number not in moves:
            return piece
        affine = piece.affine.copy()
        affine[:3, 3] -= affine[:3, :2] @ (moves[piece.number] / piece.pixel_mm)
        return replace(piece, affine=affine)

    return replace(stack, slices=tuple(moved(piece) for piece in stack))


@dataclass(frozen=True)
class _Fit:
    number: int
    shift_mm: np.ndarray
    covariance: np.ndarray
    overlap: float

    @property
    def doubt(self) -> Finding | None:
        """Why the estimate is not to be used, if so."""
        if self.overlap < LEAST_OVERLAP:
            return "no match"
        if np.linalg.norm(self.shift_mm) > MAX_SHIFT_MM:
            return "too far"
        return None if np.isfinite(self.covariance).all() else "uncertain"


def _judged(fit: _Fit, variance: float) -> SliceShift:
    """The estimate, drawn towards zero by the variance of shifts in the stack, and whether it is applied."""
    if fit.doubt:
        error = float(np.sqrt(np.trace(fit.covariance) / 2))
        return SliceShift(fit.number, fit.shift_mm, error, fit.overlap, fit.doubt)
    keep = variance * np.linalg.inv(fit.covariance + variance * np.eye(2))
    drawn, left = keep @ fit.shift_mm, keep @ fit.covariance
    length, error = float(np.linalg.norm(drawn)), float(np.sqrt(np.trace(left if variance else fit.covariance) / 2))
    if length < SMALL_MM or length < error:
        finding: Finding = "small" if length < SMALL_MM else "uncertain"
        return SliceShift(fit.number, fit.shift_mm, error, fit.overlap, finding)
    return SliceShift(fit.number, drawn, error, fit.overlap, "applied")


def _register(surface: MeshSurface, piece: Slice) -> _Fit:
    wall = np.argwhere(piece.observed)
    margin = np.ceil((_SEARCH_MM + 3) / piece.pixel_mm)
    low, high = wall.min(axis=0) - margin, wall.max(axis=0) + margin
    coverage = surface.coverage(piece, low, high)
    if not coverage.share.any():
        return _Fit(piece.number, np.zeros(2), np.full((2, 2), np.inf), 0.0)
    image = np.zeros((high - low + 1).astype(int))
    image[tuple((wall - low).astype(int).T)] = 1
    everywhere = np.indices(image.shape).reshape(2, -1).T + low
    model = np.where(coverage.share > 0, expit((coverage.share - 0.5) / _STEP_WIDTH), 0)
    layers = [model, *np.gradient(-model, 1 / coverage.per_pixel)]

    def expected(pixels: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Wall expected in pixels for a shift in pixels, and its derivatives by the shift."""
        at = coverage.to_grid(pixels - shift).T
        value, *slope = (map_coordinates(layer, at, order=1, mode="nearest") for layer in layers)
        return value, np.stack(slope, axis=1)

    unmoved = expected(everywhere, np.zeros(2))[0].reshape(image.shape)
    shift = _peak(image, unmoved, np.floor(_SEARCH_MM / piece.pixel_mm).astype(int))
    # far from both outlines wall and model agree for every shift near the peak
    near = (_changes(image) | _changes(np.roll(unmoved, shift.astype(int), axis=(0, 1)))).ravel()
    pixels, drawn = everywhere[near], image.ravel()[near]
    for _ in range(20):
        value, slope = expected(pixels, shift)
        step = np.linalg.lstsq(slope.T @ slope, slope.T @ (drawn - value), rcond=None)[0]
        shift = shift + step
        if np.abs(step).max() < 0.005:
            break
    value, slope = expected(pixels, shift)
    angle = np.arctan2(*((pixels - pixels[drawn > 0].mean(axis=0)) * piece.pixel_mm).T)
    sector = np.floor((angle / (2 * np.pi) + 0.5) * _SECTORS).astype(int) % _SECTORS
    covariance = _jackknife(slope / piece.pixel_mm, drawn - value, sector) + _LINE_MM**2 * np.eye(2)
    whole = expected(everywhere, shift)[0]
    overlap = float(2 * np.minimum(image.ravel(), whole).sum() / (image.sum() + whole.sum()))
    return _Fit(piece.number, shift * piece.pixel_mm, covariance, overlap)


def _changes(image: np.ndarray) -> np.ndarray:
    """Pixels within three of a change of the image."""
    return np.asarray(maximum_filter(image, 7) - minimum_filter(image, 7) > 0.01)


def _peak(drawn: np.ndarray, expected: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Shift in whole pixels at which the two images correlate best, at most `reach` along each axis."""
    correlation = fftconvolve(drawn, expected[::-1, ::-1], mode="full")
    middle = np.array(expected.shape) - 1
    low, high = middle - reach, middle + reach + 1
    window = correlation[low[0] : high[0], low[1] : high[1]]
    return np.array(np.unravel_index(window.argmax(), window.shape), dtype=float) - reach


def _jackknife(slope: np.ndarray, residual: np.ndarray, sector: np.ndarray) -> np.ndarray:
    """Covariance of a least-squares shift, leaving out one sector of the wall at a time, shape (2, 2)."""
    parts = [sector == k for k in range(_SECTORS)]
    normal = np.array([slope[p].T @ slope[p] for p in parts])
    right = np.array([slope[p].T @ residual[p] for p in parts])
    rest = normal.sum(axis=0) - normal
    if np.linalg.cond(rest).max() > 1e6:
        return np.full((2, 2), np.inf)
    left_out = np.linalg.solve(rest, (right.sum(axis=0) - right)[..., None])[..., 0]
    spread = left_out - left_out.mean(axis=0)
    return np.asarray((_SECTORS - 1) / _SECTORS * spread.T @ spread)
